#include "client-lib/commit.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/fold.h"
#include "client-lib/outbox.h"
#include "client-lib/urgent.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/unit_codec.h"

namespace doorstep::client {
namespace {

absl::Status CheckAuthor(const std::string& author) {
  if (author.empty() || author.size() > kMaxAuthorBytes || !IsValidUtf8(author) ||
      author.find('\0') != std::string::npos) {
    return InvalidField("author", author,
                        absl::StrCat("a name of 1 to ", kMaxAuthorBytes, " bytes of UTF-8"));
  }
  return absl::OkStatus();
}

std::vector<Unit> Split(std::vector<Edit> edits) {
  std::vector<Unit> units;
  for (Edit& edit : edits) {
    auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
      return candidate.compartment == edit.compartment;
    });
    if (unit == units.end()) {
      unit = units.insert(units.end(), Unit());
      unit->compartment = edit.compartment;
    }
    unit->changes.push_back(std::move(edit.change));
  }
  return units;
}

size_t ValueBytes(const Unit& unit) {
  size_t bytes = 0;
  for (const ChangeData& change : unit.changes) {
    for (const FieldEdit& edit : change.edits) {
      bytes += edit.value.size() + (edit.agreed.has_value() ? edit.agreed->value.size() : 0);
      for (const std::string& element : edit.adds) bytes += element.size();
      for (const FieldEdit::Removal& removal : edit.removals) bytes += removal.element.size();
    }
  }
  return bytes;
}

absl::StatusOr<std::string> Encode(const Unit& unit) {
  const auto too_much = [&](absl::string_view what) {
    return absl::ResourceExhaustedError(
        absl::StrCat("transaction: got ", what, " for file ", unit.compartment.file.ToString(),
                     ", wanted at most ", kMaxUnitChanges, " changes and ", kMaxUnitPayloadBytes,
                     " bytes for one file: make several transactions of it"));
  };
  if (unit.changes.size() > kMaxUnitChanges) {
    return too_much(absl::StrCat(unit.changes.size(), " changes"));
  }
  const size_t bytes = ValueBytes(unit);
  if (bytes > kMaxUnitPayloadBytes) return too_much(absl::StrCat(bytes, " bytes"));
  absl::StatusOr<std::string> payload = EncodeUnit(unit);
  // Values that just fit may not with what surrounds them.
  if (!payload.ok() && bytes > kMaxUnitPayloadBytes / 2) return too_much("more bytes");
  return payload;
}

// Rows of the unit's records, on top of what they show now.
absl::Status PlanRows(Store& store, Fold& fold, Outbox& outbox, const PendingUnit& pending) {
  for (const ChangeData& change : pending.unit.changes) {
    if (change.Withdraws()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const bool is_pending, outbox.IsPending(change.record));
    if (!is_pending) DOORSTEP_RETURN_IF_ERROR(fold.SetAside(change.record));
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> row, store.tables().Load(change.record));
    if (!row.has_value()) {
      row.emplace();
      row->id = change.record;
      row->kind = change.kind;
      row->compartment = pending.unit.compartment;
    }
    PlanOnto(store.schema(), pending, &*row);
    DOORSTEP_RETURN_IF_ERROR(store.tables().Save(*row).status());
  }
  return absl::OkStatus();
}

// Returns its place in the outbox.
absl::StatusOr<int64_t> WriteUnit(Store& store, Fold& fold, Outbox& outbox, const Unit& unit,
                                  const std::string& author) {
  OwnUnit own;
  own.incarnation = unit.incarnation;
  own.counter = unit.counter;
  own.changes = static_cast<uint32_t>(unit.changes.size());
  own.compartment = unit.compartment;
  own.author = author;
  own.schema_hash = store.schema().hash();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(key::kEpoch));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, store.Int(key::kCursor));
  own.epoch = static_cast<uint64_t>(epoch);
  own.checkpoint = static_cast<uint64_t>(cursor);
  DOORSTEP_ASSIGN_OR_RETURN(own.payload, Encode(unit));
  own.hash = UnitHash(author, own.schema_hash, own.payload);
  // What the server will read is what is planned here; a payload that it could not read must not
  // be committed.
  DOORSTEP_ASSIGN_OR_RETURN(Unit read, outbox.Decode(own));
  const PendingUnit pending{std::move(read), author};
  DOORSTEP_RETURN_IF_ERROR(PlanRows(store, fold, outbox, pending));
  std::vector<Uuid> records;
  records.reserve(unit.changes.size());
  for (const ChangeData& change : unit.changes) {
    if (!change.Withdraws()) records.push_back(change.record);
  }
  return outbox.Add(own, records);
}

}  // namespace

absl::Status WriteUnits(Store& store, std::vector<Edit> edits, const std::string& author,
                        const ClockReading& now, Entropy& entropy) {
  if (edits.empty()) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(CheckAuthor(author));
  std::vector<Unit> units = Split(std::move(edits));
  Uuid transaction;
  if (units.size() > 1) transaction = NewUuidV7(now.wall_ms, entropy);
  DOORSTEP_ASSIGN_OR_RETURN(const Stamp stamp, store.MakeStamp(now));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, store.Id(key::kIncarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t next, store.Int(key::kNextCounter));
  uint64_t counter = static_cast<uint64_t>(next);
  Fold fold(store);
  Outbox outbox(store);
  std::vector<int64_t> places;
  for (Unit& unit : units) {
    unit.incarnation = incarnation;
    unit.counter = counter;
    unit.stamp = stamp;
    unit.transaction = transaction;
    for (ChangeData& change : unit.changes) change.id = {incarnation, counter++};
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t place, WriteUnit(store, fold, outbox, unit, author));
    places.push_back(place);
  }
  // When all are there: one may refer to a record that a later one brings.
  for (size_t i = 0; i < units.size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(PutFirst(store, places[i], units[i]));
  }
  return store.SetInt(key::kNextCounter, static_cast<int64_t>(counter));
}

}  // namespace doorstep::client
