// Steps that are people's work on records: editing, deciding, signing.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/replica_impl.h"
#include "nlohmann/json.hpp"
#include "tests/sim/judgement.h"
#include "tests/sim/oracles.h"
#include "tests/sim/runner.h"

namespace doorstep::sim {
// --- Editing ---

SimDevice* Runner::On(const Step& step) {
  acted_ = world_.Find(step.Arg(0));
  return acted_ != nullptr && acted_->replica != nullptr ? acted_ : nullptr;
}

absl::Status Runner::Commit(SimDevice& device, const std::string& user,
                            const std::vector<const Form*>& forms,
                            const std::function<absl::Status(Edits&)>& edit) {
  return Commit(device, forms, [&] { return device.replica->Transact({user}, edit); });
}

absl::Status Runner::Commit(SimDevice& device, const std::vector<const Form*>& forms,
                            const std::function<absl::Status()>& commit) {
  const int64_t last = device.outbox.empty() ? 0 : device.outbox.rbegin()->first;
  const auto cursor = device.store().Int(client::key::kCursor);
  const absl::Status status = commit();
  world_.Trace(absl::StrCat("  ", absl::StatusCodeToString(status.code()), " ",
                            status.message().substr(0, 160)));
  if (device.disk->power_cuts() != device.cuts_seen) return status;
  world_.ScanOutbox(device);
  for (auto it = device.outbox.upper_bound(last); it != device.outbox.end(); ++it) {
    if (!status.ok()) {
      world_.Violate("L6", absl::StrCat(device.name, ": got a change although Transact failed"));
    }
    Entry& entry = it->second;
    entry.true_ms = world_.now_ms();
    entry.boot = device.clock->Read().boot;
    entry.durable = device.durable;
    world_.counts().commits += entry.unit.changes.size();
    if (cursor.ok() && entry.checkpoint != static_cast<uint64_t>(*cursor)) {
      world_.Violate("R21", absl::StrCat(device.name, ": got a unit that says it had seen ",
                                         entry.checkpoint, ", wanted ", *cursor));
    }
    for (const Form* form : forms) CheckBases(world_, device, entry, *form);
  }
  const bool excused = device.disk_faulty || absl::IsFailedPrecondition(status) ||
                       absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
                       absl::IsNotFound(status) || absl::IsPermissionDenied(status);
  if (!status.ok() && !excused) {
    world_.Violate("L6", absl::StrCat(device.name, ": got '", status.ToString(),
                                      "', wanted a commit to succeed"));
  }
  return status;
}

std::optional<Form> Runner::FormOf(SimDevice& device, const std::string& record) {
  const auto id = world_.records().find(record);
  if (id == world_.records().end()) return std::nullopt;
  absl::StatusOr<OpenRecord> opened = device.replica->Get(Uuid::FromBytes(id->second)->ToString());
  if (!opened.ok()) return std::nullopt;
  Form form{*std::move(opened), {}, {}};
  const RecordInfo info = form.opened.Info();
  const KindSpec* kind = device.schema->FindByName(info.kind);
  if (kind == nullptr) return std::nullopt;
  for (const FieldInfo& field : info.fields) {
    for (const Version& version : field.versions) {
      form.seen[kind->FindByName(field.field)->number()][ParseId(version.change)] = version.pending;
    }
  }
  if (!OptionsOfKind(kind->number).sign_off()) return form;
  form.judgement = JudgementOf(id->second, RowsOf(device).value_or(Rows()));
  return form;
}

std::optional<Form> Runner::TakeForm(SimDevice& device, const Step& step, bool anew) {
  const auto open = device.forms.find({step.Arg(1), step.Arg(2)});
  if (anew || open == device.forms.end()) return FormOf(device, step.Arg(2));
  Form form = std::move(open->second);
  device.forms.erase(open);
  return form;
}

std::optional<Form> Runner::LateLook(SimDevice& device, const Step& step) {
  const bool late = plant_ != nullptr && plant_->looks_late.contains(step.verb);
  return late ? FormOf(device, step.Arg(2)) : std::nullopt;
}

std::string Runner::WithIds(const std::string& json) const {
  std::string out = json;
  for (size_t at = out.find("\"@r"); at != std::string::npos; at = out.find("\"@r", at + 1)) {
    const size_t end = out.find('"', at + 1);
    if (end == std::string::npos) break;
    const auto record = world_.records().find(out.substr(at + 2, end - at - 2));
    // Somebody else's, of whom nobody here has heard.
    const std::string id =
        record == world_.records().end() ? std::string(16, '\x11') : record->second;
    out.replace(at + 1, end - at - 1, IdText(id));
  }
  return out;
}

// create DEVICE USER RECORD KIND [file=new|site|RECORD] [tier=T] {JSON}
// A record that is there already: its id is given again, as two registrations of one import would.
void Runner::Create(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr || step.edits.empty()) return;
  const std::string& name = step.Arg(2);
  const auto known = world_.records().find(name);
  AddOptions add;
  const std::string file = step.Option("file", "site");
  if (file == "new") add.file = "new";
  if (const auto of = world_.records().find(file); of != world_.records().end()) {
    const std::string bytes = world_.FileOf(of->second);
    if (!bytes.empty()) add.file = Uuid::FromBytes(bytes)->ToString();
  }
  if (known != world_.records().end()) {
    add.id = Uuid::FromBytes(known->second)->ToString();
    const std::string bytes = world_.FileOf(known->second);
    if (!bytes.empty()) add.file = Uuid::FromBytes(bytes)->ToString();
  }
  add.tier = step.Option("tier");
  std::string id;
  const absl::Status status = Commit(*device, step.Arg(1), {}, [&](Edits& edits) -> absl::Status {
    auto added = edits.AddJson(step.Arg(3), WithIds(step.edits[0].second), add);
    if (added.ok()) id = *added;
    return added.status();
  });
  if (!id.empty() && known == world_.records().end()) {
    world_.records()[name] = std::string(Uuid::Parse(id)->AsBytes());
  }
}

// open DEVICE USER RECORD
void Runner::OpenForm(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::optional<Form> form = FormOf(*device, step.Arg(2));
  if (form) device->forms.insert_or_assign({step.Arg(1), step.Arg(2)}, *std::move(form));
}

// save DEVICE USER RECORD {JSON}   the form that the user has open
// edit DEVICE USER RECORD {JSON}   one that is opened for it
void Runner::Save(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr || step.edits.empty()) return;
  std::optional<Form> form = TakeForm(*device, step, step.verb == "edit");
  if (!form) return;
  const std::optional<Form> late = LateLook(*device, step);
  const OpenRecord& opened = late ? late->opened : form->opened;
  Commit(*device, step.Arg(1), {&*form}, [&](Edits& edits) {
    return edits.UpdateJson(opened, step.edits[0].second);
  }).IgnoreError();
}

// prose DEVICE USER RECORD FIELD add|drop|swap at=N {"text": SENTENCE}   of the form's text: a
// sentence (or a paragraph, with break=yes) before the Nth, or in its place, or without it
void Runner::Prose(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr || step.edits.empty()) return;
  std::optional<Form> form = TakeForm(*device, step, false);
  const auto json = nlohmann::json::parse(step.edits[0].second, nullptr, false);
  const KindSpec* kind = form ? device->schema->FindByName(form->opened.kind()) : nullptr;
  const FieldSpec* field = kind == nullptr ? nullptr : kind->FindByName(step.Arg(3));
  if (field == nullptr || !json.is_object()) return;
  std::string text;
  for (const auto& [number, value] : SplitFields(form->opened.bytes())) {
    if (number == field->number()) text = Read(value, number).bytes;
  }
  // Where each sentence begins, and the end.
  std::vector<size_t> places;
  for (const std::string& sentence : Sentences(text)) {
    places.push_back(text.find(sentence, places.empty() ? 0 : places.back() + 1));
  }
  places.push_back(text.size());
  const size_t at = static_cast<size_t>(step.Number("at")) % places.size();
  const size_t end = places[std::min(at + 1, places.size() - 1)];
  const bool paragraph = step.Option("break") == "yes";
  const std::string space = paragraph ? "\n\n" : " ";
  std::string words = json.value("text", "");
  if (step.Arg(4) == "drop") {
    text.erase(places[at], end - places[at]);
  } else if (step.Arg(4) == "swap" && at + 1 < places.size()) {
    const std::string old = text.substr(places[at], end - places[at]);
    const size_t last = old.find_last_not_of(" \n");
    text.replace(places[at], end - places[at],
                 words + (last == std::string::npos ? "" : old.substr(last + 1)));
  } else {
    text.insert(places[at], at + 1 < places.size() ? words + space
                            : text.empty()         ? words
                                                   : space + words);
  }
  nlohmann::json edit;
  edit[step.Arg(3)] = text;
  const std::optional<Form> late = LateLook(*device, step);
  const OpenRecord& opened = late ? late->opened : form->opened;
  Commit(*device, step.Arg(1), {&*form}, [&](Edits& edits) {
    return edits.UpdateJson(opened, edit.dump());
  }).IgnoreError();
}

// hide DEVICE USER RECORD, unhide DEVICE USER RECORD   as the form shows it
void Runner::Hide(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::optional<Form> form = TakeForm(*device, step, false);
  if (!form) return;
  const std::optional<Form> late = LateLook(*device, step);
  const OpenRecord& opened = late ? late->opened : form->opened;
  const absl::Status status = Commit(*device, step.Arg(1), {&*form}, [&](Edits& edits) {
    return step.verb == "hide" ? edits.Hide(opened, "not needed") : edits.Unhide(opened);
  });
  if (status.ok()) world_.Fault("(" + step.verb + ")");
}

// sign DEVICE USER RECORD   as the form shows it
void Runner::Sign(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::optional<Form> form = TakeForm(*device, step, false);
  if (!form || form->judgement.empty()) return;
  const int64_t last = device->outbox.empty() ? 0 : device->outbox.rbegin()->first;
  const std::optional<Form> late = LateLook(*device, step);
  const OpenRecord& opened = late ? late->opened : form->opened;
  const absl::Status status = Commit(*device, step.Arg(1), {&*form},
                                     [&](Edits& edits) { return edits.Sign(opened).status(); });
  if (device->disk->power_cuts() != device->cuts_seen) return;
  const auto made = device->outbox.upper_bound(last);
  const std::string record(Uuid::Parse(opened.id())->AsBytes());
  CheckSigned(world_, *device, record, *form, status,
              made == device->outbox.end() ? nullptr : &made->second);
  if (status.ok()) world_.Fault("(sign)");
}

// bulk DEVICE USER RECORD {JSON} ; RECORD {JSON} ...   one transaction
void Runner::Bulk(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::map<std::string, Form> forms;
  std::vector<const Form*> shown;
  for (const auto& [record, json] : step.edits) {
    std::optional<Form> form = FormOf(*device, record);
    if (form) forms.emplace(record, *std::move(form));
  }
  for (const auto& [record, form] : forms) shown.push_back(&form);
  if (forms.empty()) return;
  Commit(*device, step.Arg(1), shown, [&](Edits& edits) -> absl::Status {
    for (const auto& [record, json] : step.edits) {
      const auto form = forms.find(record);
      if (form == forms.end()) continue;
      if (absl::Status status = edits.UpdateJson(form->second.opened, json); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }).IgnoreError();
}

// settle DEVICE USER pick=N mode=keep|both|new|add {FIELD: VALUE, ...}   the Nth open case
void Runner::Settle(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  const auto conflicts = device->replica->Conflicts();
  if (!conflicts.ok() || conflicts->empty()) return;
  const auto pick = static_cast<size_t>(step.Number("pick"));
  const Conflict& open = (*conflicts)[pick % conflicts->size()];
  if (open.versions.empty()) return;
  Decision decision;
  decision.seen = open.seen;
  decision.reason = "because";
  decision.keep = 1 + static_cast<int>(pick % open.versions.size());
  if (step.Option("mode") == "both") decision.mode = Decision::Mode::kBoth;
  bool add = false;  // one more version
  if (!step.edits.empty()) {
    const auto values = nlohmann::json::parse(step.edits[0].second, nullptr, false);
    if (values.is_object() && values.contains(open.field)) {
      add = step.Option("mode") == "add";
      decision.mode = Decision::Mode::kNewValue;
      decision.json = values[open.field].dump();
    }
  }
  std::optional<Form> form;
  for (const auto& [name, id] : world_.records()) {
    if (id == std::string(Uuid::Parse(open.record)->AsBytes())) form = FormOf(*device, name);
  }
  if (!form) return;
  // One more version names none of those that the form shows.
  const std::vector<const Form*> shown =
      add ? std::vector<const Form*>() : std::vector<const Form*>{&*form};
  const absl::Status status = Commit(*device, step.Arg(1), shown, [&](Edits& edits) {
    return add ? edits.AddVersion(open.case_id, decision.json)
               : edits.Settle(open.case_id, decision);
  });
  if (status.ok() && !add) ++world_.counts().faults["(settled)"];
}

}  // namespace doorstep::sim
