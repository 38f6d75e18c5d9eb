#include "client-lib/fold.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sync/base/status.h"
#include "sync/change/row_codec.h"
#include "sync/merge/admission_time.h"
#include "sync/merge/record.h"

namespace doorstep::client {
namespace {

// Units kept decoded: at most some tens of megabytes.
constexpr size_t kMaxDecoded = 16;

}  // namespace

void PlanOnto(const Schema& schema, const PendingUnit& unit, RecordState* state) {
  for (const ChangeData& change : unit.unit.changes) {
    const KindSpec* kind = schema.Find(change.kind);
    if (change.record != state->id || change.kind != state->kind || kind == nullptr) continue;
    const int64_t time_ms = EstimateTime(unit.unit.stamp, LatestBaseTime(change, *state));
    PlanChange(*kind, change, time_ms, /*sequence=*/0, unit.author, state);
  }
  // As admission does: a removal from a SET that never had anything leaves no trace.
  std::erase_if(state->fields,
                [](const FieldState& field) { return field.sequence == 0 && field.heads.empty(); });
}

std::optional<RecordState> FoldOf(const Schema& schema, const Uuid& record,
                                  const RecordState* server, const PendingUnits& pending) {
  std::optional<RecordState> state;
  if (server != nullptr) state = *server;
  for (const std::shared_ptr<const PendingUnit>& pending_unit : pending) {
    const Unit& unit = pending_unit->unit;
    if (!state.has_value()) {
      const auto change =
          std::find_if(unit.changes.begin(), unit.changes.end(),
                       [&](const ChangeData& candidate) { return candidate.record == record; });
      if (change == unit.changes.end()) continue;
      state.emplace();
      state->id = record;
      state->kind = change->kind;
      state->compartment = unit.compartment;
    }
    PlanOnto(schema, *pending_unit, &*state);
  }
  return state;
}

absl::StatusOr<std::optional<RecordState>> Fold::Shadow(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store_->db().Prepared("SELECT state FROM _shadow WHERE record = ?1"));
  ScopedReset done(find);
  find->BindBlob(1, record.AsBytes());
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<RecordState>();
  DOORSTEP_ASSIGN_OR_RETURN(RecordState state, DecodeState(find->Blob(0)));
  return std::optional<RecordState>(std::move(state));
}

absl::Status Fold::DropShadow(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * drop,
                            store_->db().Prepared("DELETE FROM _shadow WHERE record = ?1"));
  return drop->BindBlob(1, record.AsBytes()).Run();
}

absl::StatusOr<std::optional<RecordState>> Fold::ServerState(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool pending, outbox_.IsPending(record));
  if (pending) return Shadow(record);
  return store_->tables().Load(record);
}

absl::Status Fold::SetAside(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> row, store_->tables().Load(record));
  if (!row.has_value()) return absl::OkStatus();
  return SetServerState(record, /*is_pending=*/true, &*row);
}

absl::Status Fold::SetServerState(const Uuid& record, bool is_pending, const RecordState* state) {
  if (!is_pending) {
    return state == nullptr ? store_->tables().Remove(record) : SaveRow(*state);
  }
  if (state == nullptr) return DropShadow(record);
  const std::string blob = EncodeState(*state);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("INSERT INTO _shadow(record, state) VALUES(?1, ?2)"
                            " ON CONFLICT(record) DO UPDATE SET state = excluded.state"));
  return set->BindBlob(1, record.AsBytes()).BindBlob(2, blob).Run();
}

absl::Status Fold::SaveRow(const RecordState& state) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordTables::Place> place,
                            store_->tables().Find(state.id));
  if (!place.has_value()) return store_->tables().Insert(state).status();
  if (place->kind == state.kind) return store_->tables().Update(*place, state);
  // Somebody else's record has the id that was given to an own one: the server's stands.
  DOORSTEP_RETURN_IF_ERROR(store_->tables().Remove(state.id));
  return store_->tables().Insert(state).status();
}

absl::Status Fold::Refold(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(const PendingUnits pending, Pending(record));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> shadow, Shadow(record));
  const std::optional<RecordState> row =
      FoldOf(store_->schema(), record, shadow.has_value() ? &*shadow : nullptr, pending);
  if (row.has_value()) {
    DOORSTEP_RETURN_IF_ERROR(SaveRow(*row));
  } else {
    DOORSTEP_RETURN_IF_ERROR(store_->tables().Remove(record));
  }
  return pending.empty() ? DropShadow(record) : absl::OkStatus();
}

absl::StatusOr<PendingUnits> Fold::Pending(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> places, outbox_.PendingOf(record));
  PendingUnits units;
  units.reserve(places.size());
  for (const int64_t place : places) {
    const auto [kept, first] = decoded_.try_emplace(place);
    if (kept->second != nullptr) {
      units.push_back(kept->second);
      continue;
    }
    DOORSTEP_ASSIGN_OR_RETURN(const OwnUnit own, outbox_.Load(place));
    DOORSTEP_ASSIGN_OR_RETURN(Unit decoded,
                              first ? outbox_.DecodeOf(own, record) : outbox_.Decode(own));
    units.push_back(std::make_shared<PendingUnit>(PendingUnit{std::move(decoded), own.author}));
    if (!first) kept->second = units.back();
  }
  if (decoded_.size() > kMaxDecoded) decoded_.clear();
  return units;
}

}  // namespace doorstep::client
