// What every group of measures counts with: one snapshot, its day, and the groups themselves.
#ifndef SERVER_MEASURES_COUNTING_H_
#define SERVER_MEASURES_COUNTING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/measures/measures.h"
#include "sync/tables/record_tables.h"
#include "sync/tables/stopped.h"

namespace doorstep::server {

class Counting {
 public:
  using Bound = std::variant<int64_t, std::string>;
  using Row = absl::FunctionRef<absl::Status(const Statement&)>;

  static absl::StatusOr<Counting> Begin(Database& db, std::shared_ptr<const Schema> schema,
                                        ReadView& history, const MeasureOptions& options);

  // Runs a query with these parameters, from ?1 on.
  absl::Status Query(absl::string_view sql, const std::vector<Bound>& bound, Row row) const;
  // The one number that it answers.
  absl::StatusOr<int64_t> Number(absl::string_view sql, const std::vector<Bound>& bound) const;

  // kFailedPrecondition: the schema has no such field, which a measure needs.
  absl::StatusOr<const FieldSpec*> Field(absl::string_view kind, absl::string_view field) const;
  // Open conflicts over a field, in records that are neither hidden nor entered in error.
  absl::StatusOr<int64_t> Conflicts(absl::string_view kind, absl::string_view field) const;

  // All sites, in order of id: what is counted by site has a line for each.
  const std::vector<SiteRow>& sites() const { return sites_; }
  // The site whose device has had this life; empty: none that is known. What was written belongs to
  // the site of the device on which it was, whoever holds its file now.
  absl::StatusOr<std::string> SiteOf(const Uuid& incarnation);

  // The record as it stands; kDataLoss when it does not.
  absl::StatusOr<RecordState> Load(absl::string_view id);
  // Whether nothing is due in it any more, because whom it is about is gone.
  absl::StatusOr<bool> HasStopped(absl::string_view id);

  Database& db() const { return *db_; }
  RecordTables& tables() { return *tables_; }
  const Schema& schema() const { return *schema_; }
  ReadView& history() const { return *history_; }
  const std::string& day() const { return day_; }
  const std::string& programme() const { return programme_; }
  int64_t now_ms() const { return now_ms_; }
  uint64_t head() const { return head_; }  // of the snapshot

 private:
  Counting() = default;

  Database* db_ = nullptr;
  std::shared_ptr<const Schema> schema_;
  ReadView* history_ = nullptr;
  std::unique_ptr<RecordTables> tables_;
  std::unique_ptr<Stopped> stopped_;
  std::vector<SiteRow> sites_;
  absl::flat_hash_map<Uuid, std::string> site_of_;  // asked before
  std::string day_;
  std::string programme_;
  int64_t now_ms_ = 0;
  uint64_t head_ = 0;
};

// When the record was first written, by the server's reckoning; by whom, in which life of a device.
struct Written {
  int64_t time_ms = 0;
  std::string author;
  Uuid incarnation;
};
Written FirstWritten(const RecordState& record);
// When the value of a field that counts was recorded; the lowest number when it never was.
int64_t LastWritten(const RecordState& record, const FieldSpec& field);

// The groups. Each adds its tables.
absl::Status CountDecisions(Counting& counting, Measures* out);      // decisions.cc
absl::Status CountRisks(Counting& counting, Measures* out);          // risks.cc
absl::Status CountVoices(Counting& counting, Measures* out);         // voices.cc
absl::Status CountReinstatement(Counting& counting, Measures* out);  // reinstatement.cc
absl::Status CountHandover(Counting& counting, Measures* out);       // handover.cc
absl::Status CountSites(Counting& counting, Measures* out);          // sites.cc

}  // namespace doorstep::server

#endif  // SERVER_MEASURES_COUNTING_H_
