// Records in SQL: the typed tables of a schema, read and written as RecordStates. Shared by server
// and replica; what each adds beside them (feed, shadow, ledger) is its own.
//
// Threads as its database. Every write belongs to the transaction that its caller has open.
#ifndef SYNC_TABLES_RECORD_TABLES_H_
#define SYNC_TABLES_RECORD_TABLES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sync/change/digest.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"
#include "sync/tables/dictionary.h"

namespace doorstep {

// On a server alone: the tier, beyond those of the schema, at which records stand that were
// withdrawn from all replicas. Nobody holds it, no unit may name it, and nothing of it is sent.
inline constexpr uint8_t kWithdrawnTier = 3;

class RecordTables {
 public:
  // Where a record is. `row` is the _row in its kind's table; together they never change while the
  // record is held.
  struct Place {
    uint32_t kind = 0;
    int64_t row = 0;
  };

  // Borrows the database.
  RecordTables(Database* db, std::shared_ptr<const Schema> schema);
  ~RecordTables();

  // Makes the tables, indexes and views, adds columns for fields that are new in the schema, moves
  // fields and records that were kept as unknown into their columns, and shows anew what follows
  // from several versions. To be called in a transaction whenever the database may have been
  // written with another schema, of which this one is an extension (schema/compare.h).
  absl::Status Create();

  // Called before a row is written again or goes, and after a new one is written; its error stops
  // the write. For what is kept in step with rows, as an index of words.
  using RowHook = std::function<absl::Status(const Place& place, bool is_new)>;
  void SetRowHook(RowHook hook) { row_hook_ = std::move(hook); }

  // nullopt: not here.
  absl::StatusOr<std::optional<Place>> Find(const Uuid& id);
  absl::StatusOr<std::optional<RecordState>> Load(const Uuid& id);
  absl::StatusOr<RecordState> LoadAt(const Place& place);

  // Writes the whole record, new or not, with effective values in its columns, and keeps _conflict
  // in step. kAlreadyExists when the id belongs to a record of another kind.
  absl::StatusOr<Place> Save(const RecordState& state);
  // As Save for a record that the caller knows to be new, or to stand at `place`.
  absl::StatusOr<Place> Insert(const RecordState& state);
  absl::Status Update(const Place& place, const RecordState& state);
  // OK also when it is not here.
  absl::Status Remove(const Uuid& id);

  // Records of a kind of which this text field holds the id, in order of id; at most
  // kMaxJudgementRecords.
  absl::StatusOr<std::vector<RecordState>> Referring(const KindSpec& kind, const FieldSpec& field,
                                                     const Uuid& id);
  // The judgement (merge/judgement.h) of a record: its children of coherent kinds that stand here,
  // in order of id, at most kMaxJudgementRecords.
  absl::StatusOr<std::vector<RecordState>> ChildrenOf(const RecordState& record);
  // Records that stand here of whose judgement this one is part, by the references it has.
  absl::StatusOr<std::vector<RecordState>> ParentsOf(const RecordState& record);

  // Every record, kind by kind, in order of row. Stops at the first error.
  absl::Status ForEach(absl::FunctionRef<absl::Status(const RecordState&)> visit);

  Dictionary& dictionary() { return dictionary_; }
  const Schema& schema() const { return *schema_; }
  Database& db() { return *db_; }

 private:
  struct KindSql;
  const KindSql& SqlOf(const KindSpec& kind);
  absl::StatusOr<RecordState> LoadUnknown(const Place& place);
  absl::StatusOr<Place> InsertUnknown(const RecordState& state);
  absl::Status Bind(const KindSpec& kind, const RecordState& state, Statement* statement);
  absl::Status WriteConflicts(const KindSpec& kind, const RecordState& state, bool is_new);
  const KindSpec* ParentKind(const KindSpec& kind, const FieldSpec& field) const;
  bool MayHaveParents(const KindSpec& kind) const;
  absl::Status WriteCase(const Uuid& record, uint32_t field);
  absl::Status WriteJudgement(const RecordState& state, bool is_new);
  absl::Status AddMissingColumns(const KindSpec& kind);
  absl::Status AdoptUnknown();
  absl::Status AdoptFields(const KindSpec& kind);
  absl::Status AdoptRecords(const KindSpec& kind);

  Database* db_;
  std::shared_ptr<const Schema> schema_;
  Dictionary dictionary_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<KindSql>> sql_;
  RowHook row_hook_;  // empty: nothing is told
};

// Gathers what a transaction does to the digests of compartments, and writes them once at its end.
class DigestLedger {
 public:
  // `before` null: the record is new here. `after` null: it goes.
  void Replace(const RecordState* before, const RecordState* after);
  // Adds what was gathered to the stored digests and record counts.
  absl::Status Flush(RecordTables& tables);

 private:
  struct Difference {
    Digest plus;
    Digest minus;
    int64_t records = 0;
  };
  absl::flat_hash_map<CompartmentId, Difference> differences_;
};

// Reads back the digest of a compartment; zero when there is none.
struct CompartmentDigest {
  Digest digest;
  int64_t records = 0;
};
absl::StatusOr<CompartmentDigest> ReadDigest(Database& db, const CompartmentId& id);

}  // namespace doorstep

#endif  // SYNC_TABLES_RECORD_TABLES_H_
