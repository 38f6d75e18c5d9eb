// What has stopped because those whom it is about are gone: derived from the records that stand
// here, each time it is asked. Nothing of it is stored, so that a closing that was recorded by
// mistake and is taken back brings everything back too.
//
// A record *closes* while its closing field (doorstep/v1/due.proto) has versions and each of them
// has a value: where two people disagree about the value, but not that there is one, what is due
// has stopped; where one says that there is none, it goes on until somebody has decided.
#ifndef SYNC_TABLES_STOPPED_H_
#define SYNC_TABLES_STOPPED_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/tables/record_tables.h"

namespace doorstep {

enum class Closed : uint8_t {
  kNo,         // no version has a value
  kUndecided,  // one says so, another does not
  kYes,
};
// `state` null: the record has no such field.
Closed ClosedBy(const FieldState* state);

// One look at the tables: make a new one in each snapshot.
class Stopped {
 public:
  // Borrows the tables. Finds what closes.
  static absl::StatusOr<Stopped> Read(RecordTables& tables);

  // Records of which the closing field has a version with a value, in order of id.
  const std::vector<RecordState>& marked() const { return marked_; }
  bool Closes(const Uuid& record) const { return closing_.contains(record); }

  // Whether nothing in the record is due any more. Whom it is about is what it refers to, or, when
  // it names nobody, what that refers to; else those who stand in its file. All of them must be
  // closed: a couple's assessment goes on for the one who lives. Somebody who is not here counts as
  // not closed.
  absl::StatusOr<bool> Has(const RecordState& record);
  // Whether `subject` is one of those.
  absl::StatusOr<bool> IsAbout(const RecordState& record, const Uuid& subject);

 private:
  explicit Stopped(RecordTables& tables) : tables_(&tables) {}
  absl::Status ReadKind(const KindSpec& kind, const FieldSpec& closing);
  absl::Status FollowReferences(const RecordState& record, int depth,
                                std::vector<std::string>* out);
  absl::StatusOr<const std::vector<std::string>*> StandingIn(const Uuid& file);
  absl::StatusOr<std::vector<std::string>> Subjects(const RecordState& record);

  RecordTables* tables_;
  std::vector<RecordState> marked_;
  absl::flat_hash_set<Uuid> closing_;
  absl::flat_hash_map<Uuid, std::vector<std::string>> files_;  // asked before
};

}  // namespace doorstep

#endif  // SYNC_TABLES_STOPPED_H_
