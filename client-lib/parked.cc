#include "client-lib/parked.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client-lib/commit.h"
#include "client-lib/conflicts.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/own_changes.h"
#include "client-lib/replica_impl.h"
#include "client-lib/value_json.h"
#include "doorstep/replica.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace client {
namespace {

using nlohmann::json;

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A value as JSON; null for none.
absl::StatusOr<json> JsonOf(const Schema& schema, const KindSpec& kind, const FieldSpec& field,
                            absl::string_view value) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text, ValueJson(schema, kind, field, value));
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// Why a record was marked; null: the mark was taken back.
json MarkJson(const FieldEdit& mark) {
  return mark.value.empty() ? json(nullptr) : json(MarkReason(mark.field, mark.value));
}

// The elements that a SET has now, with the adds and without the removals of the edit. Who adds an
// element while somebody proposes to take it out names the proposals as removed: it stays.
std::vector<std::string> Elements(const FieldSpec& field, const RecordState* record,
                                  const FieldEdit& edit) {
  std::vector<std::string> elements;
  const FieldState* held = record == nullptr ? nullptr : record->Find(edit.field);
  if (held != nullptr) elements = EffectiveOf(field, *held).elements;
  elements.insert(elements.end(), edit.adds.begin(), edit.adds.end());
  for (const FieldEdit::Removal& removal : edit.removals) {
    const bool stays = absl::c_linear_search(edit.adds, removal.element);
    if (!stays) std::erase(elements, removal.element);
  }
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

bool Matches(const ChangeId& id, absl::string_view text) {
  const std::string whole = id.ToString();
  return text == absl::StrCat(id.counter) || (text.size() >= 4 && absl::StartsWith(whole, text));
}

json ProvenanceOf(const OwnUnit& own, const Unit& unit) {
  return {{"incarnation", own.incarnation.ToString()},
          {"counter", own.counter},
          {"changes", own.changes},
          {"schema_hash", ToHex(own.schema_hash)},
          {"epoch", own.epoch},
          {"checkpoint", own.checkpoint},
          {"receipt", own.receipt_sequence},
          {"sequence", own.sequence},
          {"hash", ToHex(own.hash)},
          {"wall_ms", unit.stamp.wall_ms},
          {"payload", ToHex(own.payload)}};
}

// Marks are in changes of their own. Null: the change is none.
const FieldSpec* MarkOf(const KindSpec& kind, const ChangeData& change) {
  const bool alone = change.edits.size() == 1 && change.edits.front().field >= kHiddenField;
  return alone ? kind.FindWithMarks(change.edits.front().field) : nullptr;
}

// A version that was put beside others, or was the first: it named none, and replaces none when it
// is sent again either. Null: the change is none.
const FieldSpec* BesideOf(const KindSpec& kind, const ChangeData& change) {
  if (change.create || change.settle || change.edits.size() != 1) return nullptr;
  const FieldEdit& edit = change.edits.front();
  const FieldSpec* field = kind.Find(edit.field);
  const bool reviewed = field != nullptr && field->merge == MergeClass::kReview;
  return reviewed && edit.base.empty() ? field : nullptr;
}

absl::Status UnknownField(const KindSpec& kind, uint32_t field) {
  return absl::FailedPreconditionError(
      absl::StrCat(kind.name, ": got field ", field,
                   ", which this program does not know: a newer program can send this again"));
}

// The reason that `values` give a mark; empty: it is taken back.
absl::StatusOr<std::string> ReasonIn(const std::string& values, const FieldSpec& mark) {
  const json object = json::parse(values, nullptr, /*allow_exceptions=*/false);
  const std::string& name = mark.scalar.name;
  if (object.is_object() && object.size() == 1 && object.contains(name)) {
    const json& reason = object[name];
    if (reason.is_null()) return std::string();
    if (reason.is_string() && !reason.get_ref<const std::string&>().empty()) return reason;
  }
  return InvalidField("values", values, absl::StrCat("an object with a reason for ", name));
}

// A mark names what the record shows now. Of one that stands already nothing is made.
absl::Status MarkAgain(Edits& edits, Store& store, const FieldSpec& mark, const OpenRecord& opened,
                       const std::string& values) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string reason, ReasonIn(values, mark));
  if (mark.number() == kHiddenField) {
    if (opened.Info().hidden == reason) return absl::OkStatus();
    return reason.empty() ? edits.Unhide(opened) : edits.Hide(opened, reason);
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, ParseId("id", opened.id()));
  const std::string case_id = CaseId(record, mark.number()).ToString();
  const auto open = FindCase(store, case_id);
  if (absl::IsNotFound(open.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(open.status());
  Decision decision;
  DOORSTEP_ASSIGN_OR_RETURN(decision.seen, SeenNow(store, *open));
  decision.reason = reason;
  return edits.Settle(case_id, decision);
}

// A decision that was refused is a decision again while its case is open.
absl::Status SettleAgain(Edits& edits, Store& store, const ChangeData& change,
                         const FieldSpec& field, const std::string& values, bool* done) {
  const std::string case_id = CaseId(change.record, field.number()).ToString();
  const auto open = FindCase(store, case_id);
  if (absl::IsNotFound(open.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(open.status());
  const json object = json::parse(values, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains(field.scalar.name)) return absl::OkStatus();
  Decision decision;
  DOORSTEP_ASSIGN_OR_RETURN(decision.seen, SeenNow(store, *open));
  decision.mode = Decision::Mode::kNewValue;
  decision.json = Dump(object[field.scalar.name]);
  decision.reason = change.settle->reason;
  *done = true;
  return edits.Settle(case_id, decision);
}

// Beside those that stand. Of one that stands already nothing is made.
absl::Status AddAgain(Edits& edits, Store& store, const ChangeData& change, const FieldSpec& field,
                      const OpenRecord& opened, const std::string& values,
                      std::vector<Edit>& collected) {
  const std::string case_id = CaseId(change.record, field.number()).ToString();
  const auto open = FindCase(store, case_id);
  const json object = json::parse(values, nullptr, /*allow_exceptions=*/false);
  if (open.ok() && object.is_object() && object.contains(field.scalar.name)) {
    const std::string value = Dump(object[field.scalar.name]);
    for (const Head& head : open->record.Find(field.number())->heads) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::string stands,
                                ValueJson(store.schema(), *open->kind, field, head.value));
      if (stands == value) return absl::OkStatus();
    }
    return edits.AddVersion(case_id, value);
  }
  if (!open.ok() && !absl::IsNotFound(open.status())) return open.status();
  const size_t before = collected.size();
  DOORSTEP_RETURN_IF_ERROR(edits.UpdateJson(opened, values));
  // Nobody is asked now. If what stands is another version, somebody will be: it is not replaced by
  // one whose author never saw it.
  for (size_t i = before; i < collected.size(); ++i) {
    for (FieldEdit& edit : collected[i].change.edits) {
      if (edit.field == field.number()) edit.base.clear();
    }
  }
  return absl::OkStatus();
}

absl::Status EditAgain(Edits& edits, Store& store, const ChangeData& change,
                       const std::string& values, const OpenRecord& opened,
                       std::vector<Edit>& collected) {
  const KindSpec* kind = store.schema().Find(change.kind);
  if (kind == nullptr) return edits.UpdateJson(opened, values);
  if (const FieldSpec* mark = MarkOf(*kind, change); mark != nullptr) {
    return MarkAgain(edits, store, *mark, opened, values);
  }
  if (const FieldSpec* beside = BesideOf(*kind, change); beside != nullptr) {
    return AddAgain(edits, store, change, *beside, opened, values, collected);
  }
  const bool decides = change.settle.has_value() && change.edits.size() == 1;
  const FieldSpec* decided = decides ? kind->Find(change.edits.front().field) : nullptr;
  bool done = false;
  if (decided != nullptr) {
    DOORSTEP_RETURN_IF_ERROR(SettleAgain(edits, store, change, *decided, values, &done));
  }
  return done ? absl::OkStatus() : edits.UpdateJson(opened, values);
}

}  // namespace

absl::StatusOr<Parked> FindParked(Store& store, absl::string_view change) {
  Outbox outbox(store);
  std::vector<Parked> found;
  DOORSTEP_RETURN_IF_ERROR(
      outbox.ForEach(Which::kOpen, 0, [&](const OwnUnit& own) -> absl::StatusOr<bool> {
        if (!own.parked) return true;
        for (uint32_t i = 0; i < own.changes; ++i) {
          const ChangeId id{own.incarnation, own.counter + i};
          if (id.ToString() != change && !Matches(id, change)) continue;
          DOORSTEP_ASSIGN_OR_RETURN(Unit unit, outbox.Decode(own));
          Parked parked{own, std::move(unit), i};
          if (id.ToString() == change) {
            found = {std::move(parked)};
            return false;
          }
          found.push_back(std::move(parked));
        }
        return true;
      }));
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat("change: got ", Quoted(change),
                     ", wanted one that was refused or is held, as outbox lists"));
  }
  if (found.size() > 1) {
    return InvalidField("change", change,
                        absl::StrCat("more of the id: ", found.size(), " changes fit"));
  }
  return std::move(found.front());
}

absl::StatusOr<std::string> ParkedJson(Store& store, const ChangeData& change) {
  const KindSpec* kind = store.schema().Find(change.kind);
  if (kind == nullptr) return "{}";
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> record,
                            store.tables().Load(change.record));
  json out = json::object();
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind->FindWithMarks(edit.field);
    if (field == nullptr) return UnknownField(*kind, edit.field);
    json& value = out[field->scalar.name];
    if (edit.field >= kHiddenField) {
      value = MarkJson(edit);
      continue;
    }
    if (!field->is_set()) {
      DOORSTEP_ASSIGN_OR_RETURN(value, JsonOf(store.schema(), *kind, *field, edit.value));
      continue;
    }
    value = json::array();
    for (const std::string& element : Elements(*field, record ? &*record : nullptr, edit)) {
      DOORSTEP_ASSIGN_OR_RETURN(json one, JsonOf(store.schema(), *kind, *field, element));
      value.push_back(std::move(one));
    }
  }
  return Dump(out);
}

absl::Status SendAgain(Edits& edits, Store& store, std::vector<Edit>& collected,
                       const Parked& parked, absl::string_view json, const AddOptions& place,
                       absl::FunctionRef<absl::StatusOr<OpenRecord>(const std::string& id)> open) {
  for (size_t i = 0; i < parked.unit.changes.size(); ++i) {
    const ChangeData& change = parked.unit.changes[i];
    DOORSTEP_ASSIGN_OR_RETURN(std::string values, ParkedJson(store, change));
    if (i == parked.place && !json.empty()) values = std::string(json);
    const size_t before = collected.size();
    if (change.create) {
      AddOptions options = place;
      if (options.file.empty()) options.file = parked.unit.compartment.file.ToString();
      if (options.tier.empty()) options.tier = TierName(parked.unit.compartment.tier);
      DOORSTEP_ASSIGN_OR_RETURN(const auto held, store.tables().Find(change.record));
      // What has its id now is another's: this one gets a new id.
      if (!held.has_value()) options.id = change.record.ToString();
      const std::string kind = store.KindName(change.kind);
      DOORSTEP_RETURN_IF_ERROR(edits.AddJson(kind, values, options).status());
    } else {
      const absl::StatusOr<OpenRecord> opened = open(change.record.ToString());
      if (absl::IsNotFound(opened.status())) {
        return absl::FailedPreconditionError(
            absl::StrCat(opened.status().message(), ": export this change, then withdraw it"));
      }
      DOORSTEP_RETURN_IF_ERROR(opened.status());
      DOORSTEP_RETURN_IF_ERROR(EditAgain(edits, store, change, values, *opened, collected));
    }
    if (collected.size() > before) {
      collected.back().change.resolves = Resolves{change.id, ""};
    }
  }
  if (!collected.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "values: got what stands already, wanted a change: withdraw the refused one instead");
}

std::vector<Edit> Withdrawal(const Parked& parked, absl::string_view reason) {
  std::vector<Edit> edits;
  for (const ChangeData& change : parked.unit.changes) {
    Edit& edit = edits.emplace_back();
    edit.compartment = parked.unit.compartment;
    edit.change.record = change.record;
    edit.change.kind = change.kind;
    edit.change.resolves = Resolves{change.id, std::string(reason)};
  }
  return edits;
}

absl::StatusOr<std::string> ExportJson(Store& store, const Parked& parked) {
  const ChangeData& change = parked.unit.changes[parked.place];
  const OwnChange described = client::Describe(store, parked.own, parked.unit, parked.place);
  DOORSTEP_ASSIGN_OR_RETURN(const std::string fields, EditsAsJson(store.schema(), change));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> cleared,
                            ClearedNames(store.schema(), change));
  json values = json::parse(fields, nullptr, /*allow_exceptions=*/false);
  json bases = json::object();
  const KindSpec* kind = store.schema().Find(change.kind);
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind == nullptr ? nullptr : kind->FindWithMarks(edit.field);
    if (field != nullptr && edit.field >= kHiddenField) {
      values = {{field->scalar.name, MarkJson(edit)}};
    }
    json ids = json::array();
    for (const ChangeId& id : edit.base) ids.push_back(id.ToString());
    bases[field == nullptr ? absl::StrCat(edit.field) : field->scalar.name] = std::move(ids);
  }
  json out = {{"change", described.change},
              {"record", described.record},
              {"kind", described.kind},
              {"file", parked.unit.compartment.file.ToString()},
              {"tier", TierName(parked.unit.compartment.tier)},
              {"create", change.create},
              {"author", described.author},
              {"state", std::string(WordName(static_cast<Word>(parked.own.words[parked.place])))},
              {"reason", described.reason},
              {"what_to_do", described.what_to_do},
              {"fields", std::move(values)},
              {"cleared", cleared},
              {"bases", std::move(bases)},
              {"unit", ProvenanceOf(parked.own, parked.unit)}};
  if (change.settle) out["settle"] = change.settle->reason;
  return Dump(out);
}

namespace {

absl::Status CheckWhy(absl::string_view reason) {
  if (!reason.empty() && reason.size() <= kMaxSettleReasonBytes && IsValidUtf8(reason) &&
      reason.find('\0') == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return InvalidField("reason", reason,
                      absl::StrCat("why, in 1 to ", kMaxSettleReasonBytes, " bytes of UTF-8"));
}

absl::Status ReadOnlyError() {
  return absl::FailedPreconditionError("the replica was opened for reading only");
}

}  // namespace
}  // namespace client

using client::Store;

absl::StatusOr<std::string> Replica::ParkedValues(absl::string_view change) {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Parked parked, client::FindParked(*impl_->store, change));
  return client::ParkedJson(*impl_->store, parked.unit.changes[parked.place]);
}

absl::StatusOr<std::string> Replica::FixParked(absl::string_view change, absl::string_view json,
                                               const AddOptions& place,
                                               const TransactOptions& options) {
  if (impl_->options.read_only) return client::ReadOnlyError();
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Parked parked, client::FindParked(store, change));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string author, store.AuthorFor(options.author));
  client::Fold fold(store);
  Edits::Impl inside{store, fold, impl_->entropy, impl_->clock.Read(), author, {}, {}};
  Edits edits(&inside);
  DOORSTEP_RETURN_IF_ERROR(client::SendAgain(edits, store, inside.edits, parked, json, place,
                                             [this](const std::string& id) { return Get(id); }));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, store.Id(client::key::kIncarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t next, store.Int(client::key::kNextCounter));
  DOORSTEP_RETURN_IF_ERROR(client::WriteUnits(store, std::move(inside.edits), author,
                                              impl_->clock.Read(), impl_->entropy));
  client::Outbox outbox(store);
  DOORSTEP_RETURN_IF_ERROR(outbox.Resolve(parked.own.unit, client::Resolution::kSentAgain,
                                          store.db().LastInsertRowid(), ""));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return ChangeId{incarnation, static_cast<uint64_t>(next)}.ToString();
}

absl::StatusOr<std::vector<OwnChange>> Replica::WithdrawParked(absl::string_view change,
                                                               absl::string_view reason,
                                                               const TransactOptions& options) {
  if (impl_->options.read_only) return client::ReadOnlyError();
  DOORSTEP_RETURN_IF_ERROR(client::CheckWhy(reason));
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Parked parked, client::FindParked(store, change));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string author, store.AuthorFor(options.author));
  DOORSTEP_RETURN_IF_ERROR(client::WriteUnits(store, client::Withdrawal(parked, reason), author,
                                              impl_->clock.Read(), impl_->entropy));
  client::Outbox outbox(store);
  DOORSTEP_RETURN_IF_ERROR(outbox.Resolve(parked.own.unit, client::Resolution::kWithdrawn,
                                          store.db().LastInsertRowid(), std::string(reason)));
  DOORSTEP_ASSIGN_OR_RETURN(const client::OwnUnit now, outbox.Load(parked.own.unit));
  std::vector<OwnChange> others;
  for (size_t i = 0; i < parked.unit.changes.size(); ++i) {
    if (i != parked.place) others.push_back(client::Describe(store, now, parked.unit, i));
  }
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return others;
}

absl::StatusOr<std::vector<std::string>> Replica::ExportParked(absl::string_view change) {
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  std::vector<std::string> lines;
  if (!change.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const client::Parked parked, client::FindParked(store, change));
    DOORSTEP_ASSIGN_OR_RETURN(std::string line, client::ExportJson(store, parked));
    lines.push_back(std::move(line));
    return lines;
  }
  client::Outbox outbox(store);
  DOORSTEP_RETURN_IF_ERROR(outbox.ForEach(
      client::Which::kOpen, 0, [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
        if (!own.parked) return true;
        DOORSTEP_ASSIGN_OR_RETURN(Unit unit, outbox.Decode(own));
        client::Parked parked{own, std::move(unit), 0};
        for (; parked.place < own.changes; ++parked.place) {
          DOORSTEP_ASSIGN_OR_RETURN(std::string line, client::ExportJson(store, parked));
          lines.push_back(std::move(line));
        }
        return true;
      }));
  return lines;
}

}  // namespace doorstep
