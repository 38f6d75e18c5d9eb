// Who answers for a file: read from ordinary records whose fields carry the option
// `responsibility`. Nothing of it is stored anywhere else.
#ifndef SYNC_CASES_RESPONSIBLE_H_
#define SYNC_CASES_RESPONSIBLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// What one record says.
struct ResponsibilityFact {
  Uuid record;
  int64_t time_ms = 0;  // of its latest head
  std::string worker;
  std::string lead;
  std::string deputy;
  std::string duty;
  std::string absent;
  std::string at_site;
  std::string from;  // civil dates, both inclusive; empty = open
  std::string until;
  std::string corrects;  // a record's id as text
};

// Whether records of the kind say anything of who answers.
bool SaysWhoAnswers(const KindSpec& kind);
// Of a kind that does.
ResponsibilityFact ReadFact(const KindSpec& kind, const RecordState& state);

// The people; empty = nobody is named.
struct Responsible {
  std::string worker;
  std::string worker_deputy;
  std::string at_site;  // the worker's site by its id
  std::string lead;
  std::string lead_deputy;
  std::string duty;
  std::vector<std::string> away;  // sorted

  bool IsAway(absl::string_view name) const;
};

// The facts that count on a day (`YYYY-MM-DD`): not corrected, begun, not over. The latest that
// names a worker gives the worker and the deputy; of the site's, the latest that names a lead, a
// deputy or a duty contact gives all three.
Responsible WhoAnswers(absl::Span<const ResponsibilityFact> of_file,
                       absl::Span<const ResponsibilityFact> of_site, absl::string_view day);
// The site that the file's worker belongs to, empty when none is named: whose facts are wanted.
std::string SiteOfWorker(absl::Span<const ResponsibilityFact> of_file, absl::string_view day);

// The day in UTC. The edges of a day are off by an hour in summer, which a decision bears.
std::string CivilDay(int64_t time_ms);

}  // namespace doorstep

#endif  // SYNC_CASES_RESPONSIBLE_H_
