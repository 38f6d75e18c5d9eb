#include "sync/change/unit_codec.h"

#include <sodium.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/change.pb.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep {
namespace {

constexpr size_t kUnitHashBytes = 32;

absl::Status Exceeds(absl::string_view path, size_t got, absl::string_view what, size_t limit) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": got ", got, " ", what, ", wanted at most ", limit));
}

class UnitWriter {
 public:
  UnitWriter(const Unit& unit, v1::UnitPayload* out) : unit_(unit), out_(out) {}

  absl::Status Write();

 private:
  absl::Status WriteChange(size_t i, v1::Change* out);
  absl::Status WriteEdit(const ChangeData& change, const FieldEdit& edit, v1::Change* out);
  absl::Status WriteBases(const ChangeData& change, v1::Change* out);
  void WriteRef(const ChangeId& id, v1::ChangeRef* out);
  absl::Status WriteHeads(std::vector<ChangeId> ids, size_t limit,
                          google::protobuf::RepeatedPtrField<v1::ChangeRef>* out);

  const Unit& unit_;
  v1::UnitPayload* out_;
  absl::flat_hash_map<Uuid, uint32_t> places_;
};

absl::Status UnitWriter::Write() {
  if (unit_.changes.empty()) return absl::InvalidArgumentError("unit: got no changes, wanted some");
  if (unit_.changes.size() > kMaxUnitChanges) {
    return Exceeds("unit", unit_.changes.size(), "changes", kMaxUnitChanges);
  }
  out_->set_file(unit_.compartment.file.b.data(), unit_.compartment.file.b.size());
  out_->set_tier(unit_.compartment.tier);
  v1::Stamp* stamp = out_->mutable_stamp();
  stamp->set_wall_ms(unit_.stamp.wall_ms);
  stamp->set_boot(unit_.stamp.boot);
  stamp->set_mono_ms(unit_.stamp.mono_ms);
  stamp->set_contact_ms(unit_.stamp.contact_ms);
  stamp->set_contact_mono_ms(unit_.stamp.contact_mono_ms);
  // 0 says "the same as boot".
  if (unit_.stamp.contact_boot != unit_.stamp.boot) {
    stamp->set_contact_boot(unit_.stamp.contact_boot);
  }
  if (!unit_.transaction.IsNil()) {
    out_->set_transaction(unit_.transaction.b.data(), unit_.transaction.b.size());
  }
  for (size_t i = 0; i < unit_.changes.size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(
        Annotate(WriteChange(i, out_->add_changes()), absl::StrCat("changes[", i, "]")));
  }
  if (places_.size() > kMaxUnitIncarnations) {
    return Exceeds("unit", places_.size(), "incarnations", kMaxUnitIncarnations);
  }
  return absl::OkStatus();
}

absl::Status UnitWriter::WriteChange(size_t i, v1::Change* out) {
  const ChangeData& change = unit_.changes[i];
  const ChangeId wanted{unit_.incarnation, unit_.counter + i};
  if (unit_.counter == 0 || change.id != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("id: got ", change.id.ToString(), ", wanted ",
                                                   wanted.ToString(), ", counted from 1"));
  }
  out->set_record(change.record.b.data(), change.record.b.size());
  out->set_kind(change.kind);
  out->set_create(change.create);
  for (const FieldEdit& edit : change.edits) {
    DOORSTEP_RETURN_IF_ERROR(
        Annotate(WriteEdit(change, edit, out), absl::StrCat("field ", edit.field)));
  }
  DOORSTEP_RETURN_IF_ERROR(WriteBases(change, out));
  DOORSTEP_RETURN_IF_ERROR(
      Annotate(WriteHeads(change.seen, kMaxSeenHeads, out->mutable_seen()), "seen"));
  if (change.settle.has_value()) {
    if (change.settle->reason.size() > kMaxSettleReasonBytes) {
      return Exceeds("settle", change.settle->reason.size(), "bytes", kMaxSettleReasonBytes);
    }
    out->mutable_settle()->set_mode(static_cast<v1::Settle::Mode>(change.settle->mode));
    out->mutable_settle()->set_reason(change.settle->reason);
  }
  if (change.resolves.has_value()) {
    WriteRef(change.resolves->change, out->mutable_resolves()->mutable_change());
    out->mutable_resolves()->set_reason(change.resolves->reason);
  }
  return absl::OkStatus();
}

absl::Status UnitWriter::WriteEdit(const ChangeData& change, const FieldEdit& edit,
                                   v1::Change* out) {
  const bool is_set = !edit.adds.empty() || !edit.removals.empty();
  if (is_set) {
    std::vector<std::string> adds = edit.adds;
    std::sort(adds.begin(), adds.end());
    for (const std::string& element : adds) out->mutable_values()->append(element);
  } else if (edit.value.empty()) {
    out->add_cleared(edit.field);
  } else {
    out->mutable_values()->append(edit.value);
  }
  std::vector<const FieldEdit::Removal*> removals;
  for (const FieldEdit::Removal& removal : edit.removals) removals.push_back(&removal);
  std::sort(removals.begin(), removals.end(),
            [](const auto* a, const auto* b) { return a->element < b->element; });
  for (const FieldEdit::Removal* removal : removals) {
    v1::SetRemoval* added = out->add_removals();
    added->set_field(edit.field);
    added->set_element(removal->element);
    DOORSTEP_RETURN_IF_ERROR(WriteHeads(removal->adds, kMaxFieldHeads, added->mutable_adds()));
  }
  if (edit.agreed.has_value() && !(change.create && *edit.agreed == Agreed{})) {
    v1::Agreed* agreed = out->add_agreed();
    agreed->set_field(edit.field);
    agreed->set_sequence(edit.agreed->sequence);
    agreed->set_value(edit.agreed->value);
  }
  return absl::OkStatus();
}

// Fields of equal bases share an entry, in order of the first; the bases that most fields have
// become the entry without fields, when naming the fields that had none costs less.
absl::Status UnitWriter::WriteBases(const ChangeData& change, v1::Change* out) {
  std::vector<std::pair<std::vector<ChangeId>, std::vector<uint32_t>>> groups;
  std::vector<uint32_t> without;
  std::map<std::vector<ChangeId>, size_t> places;
  for (const FieldEdit& edit : change.edits) {
    if (!edit.adds.empty() || !edit.removals.empty()) continue;
    if (edit.base.empty()) {
      without.push_back(edit.field);
      continue;
    }
    std::vector<ChangeId> base = edit.base;
    std::sort(base.begin(), base.end());
    const auto [place, inserted] = places.emplace(base, groups.size());
    if (inserted) groups.emplace_back(std::move(base), std::vector<uint32_t>());
    groups[place->second].second.push_back(edit.field);
  }
  if (groups.empty()) return absl::OkStatus();
  const auto most = std::max_element(
      groups.begin(), groups.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most->second.size() > without.size()) {
    most->second.clear();
    if (!without.empty()) groups.emplace_back(std::vector<ChangeId>(), std::move(without));
  }
  for (auto& [base, fields] : groups) {
    v1::Base* added = out->add_bases();
    for (const uint32_t field : fields) added->add_fields(field);
    DOORSTEP_RETURN_IF_ERROR(
        Annotate(WriteHeads(std::move(base), kMaxFieldHeads, added->mutable_heads()), "bases"));
  }
  return absl::OkStatus();
}

absl::Status UnitWriter::WriteHeads(std::vector<ChangeId> ids, size_t limit,
                                    google::protobuf::RepeatedPtrField<v1::ChangeRef>* out) {
  if (ids.size() > limit) return Exceeds("heads", ids.size(), "ids", limit);
  std::sort(ids.begin(), ids.end());
  for (const ChangeId& id : ids) WriteRef(id, out->Add());
  return absl::OkStatus();
}

void UnitWriter::WriteRef(const ChangeId& id, v1::ChangeRef* out) {
  out->set_counter(id.counter);
  if (id.incarnation == unit_.incarnation) return;
  const auto [place, inserted] =
      places_.emplace(id.incarnation, static_cast<uint32_t>(places_.size() + 1));
  if (inserted) out_->add_incarnations(id.incarnation.b.data(), id.incarnation.b.size());
  out->set_incarnation(place->second);
}

void HashPart(absl::string_view part, crypto_generichash_blake2b_state* state) {
  std::string length;
  PutVarint(part.size(), &length);
  for (const absl::string_view bytes : {absl::string_view(length), part}) {
    crypto_generichash_blake2b_update(state, reinterpret_cast<const unsigned char*>(bytes.data()),
                                      bytes.size());
  }
}

}  // namespace

absl::StatusOr<std::string> EncodeUnit(const Unit& unit) {
  v1::UnitPayload payload;
  DOORSTEP_RETURN_IF_ERROR(UnitWriter(unit, &payload).Write());
  std::string bytes = payload.SerializeAsString();
  if (bytes.size() > kMaxUnitPayloadBytes) {
    return Exceeds("unit", bytes.size(), "bytes", kMaxUnitPayloadBytes);
  }
  return bytes;
}

std::string UnitHash(absl::string_view author, absl::string_view schema_hash,
                     absl::string_view payload) {
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, nullptr, 0, kUnitHashBytes);
  for (const absl::string_view part : {author, schema_hash, payload}) HashPart(part, &state);
  std::string hash(kUnitHashBytes, '\0');
  crypto_generichash_blake2b_final(&state, reinterpret_cast<unsigned char*>(hash.data()),
                                   hash.size());
  return hash;
}

}  // namespace doorstep
