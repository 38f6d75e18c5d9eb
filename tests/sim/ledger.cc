#include "tests/sim/ledger.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client-lib/outbox.h"
#include "server/history.h"
#include "tests/sim/judgement.h"

namespace doorstep::sim {
namespace {

// R21: what was written in a file that was taken away has left the device, now that the server has
// said what became of it; and nothing else has.
bool CheckContent(World& world, const SimDevice& device, const client::OwnUnit& own,
                  const std::string& where) {
  const std::string file(own.compartment.file.AsBytes());
  const bool gone = own.payload.empty();
  if (gone && !world.AskedToTake(file, device.site)) {
    world.Violate("L3", absl::StrCat(where, ": got no content, wanted it: its file is held"));
  } else if (!gone && world.model().Lost(device.site, file)) {
    world.Violate("R21", absl::StrCat(where,
                                      ": got its content here, wanted it gone: the file was "
                                      "taken away"));
  }
  return !world.violation();
}

}  // namespace

void CheckOutcomes(World& world) {
  const auto view = world.server().truth->Read();
  if (!view.ok()) return;
  for (const auto& device : world.devices()) {
    client::Outbox outbox(device->store());
    for (const auto& [place, entry] : device->outbox) {
      const std::string where = absl::StrCat(device->name, ", ", ToString(entry.id));
      const auto own = outbox.Load(place);
      if (!own.ok()) return world.Violate("L3", absl::StrCat(where, ": got no such unit"));
      const Admission* outcome = world.OutcomeOf(*device, entry, kNow);
      // What was answered is not handed over again to a server that has lost its outcome.
      const bool answered = own->resolution != client::Resolution::kNone;
      if (answered && world.restored()) continue;
      if (outcome == nullptr) {
        // Its content had left the device with the file when the server lost it: nobody has it.
        const std::string file(own->compartment.file.AsBytes());
        if (world.restored() && own->payload.empty() && world.AskedToTake(file, device->site)) {
          continue;
        }
        return world.Violate("L3", absl::StrCat(where,
                                                ": got an outcome here and nothing on the "
                                                "server, wanted the change on the server"));
      }
      if (!CheckContent(world, *device, *own, where)) return;
      const bool parked = outcome->parked() && !answered && !own->payload.empty();
      if (own->waiting() || own->sequence != outcome->sequence() || own->parked != parked) {
        return world.Violate("L4", absl::StrCat(where, ": got sequence ", own->sequence,
                                                own->parked ? " parked" : "", ", wanted ",
                                                outcome->sequence(), parked ? " parked" : ""));
      }
      if (own->parked && (own->reason.empty() || own->what_to_do.empty())) {
        return world.Violate("L4", absl::StrCat(where, ": got it parked without reason or advice"));
      }
      const auto row = (*view)->History(outcome->sequence());
      if (!row.ok() || !row->has_value()) {
        return world.Violate("L3", absl::StrCat(where, ": got no entry in the history"));
      }
      const auto header = server::ParseHeader((*row)->header);
      const auto payload = server::OpenEntry(**row, **view);
      if (!payload.ok() || *payload != entry.payload || !header.ok() ||
          header->unit.author != entry.unit.author) {
        return world.Violate("L3", absl::StrCat(where,
                                                ": got other bytes in the history, wanted "
                                                "what its author committed"));
      }
    }
  }
  const auto report = server::VerifyHistory(**view);
  if (report.ok() && !report->faults.empty()) {
    world.Violate("R10", absl::StrCat("server: got ", report->faults.front()));
  }
}

// --- Who is told ---

namespace {

using Line = std::tuple<Id, uint32_t, Id>;  // whose version, of which field, by which

// What the device of an author was told in one life of the server.
std::set<Line> LinesFor(const World& world, const SimDevice& device, const Model& model,
                        bool must_be_there) {
  std::set<Line> lines;
  for (const Told& told : model.told()) {
    if (world.DeviceOf(told.change.life) != device.device_id) continue;
    // Of what was taken meanwhile they hear no more.
    const bool held = model.HeldSince(device.site, told.place, told.sequence);
    if (!must_be_there || (told.sure && held)) lines.insert({told.change, told.field, told.by});
  }
  return lines;
}

}  // namespace

void CheckNotices(World& world) {
  for (const auto& device : world.devices()) {
    const auto notices = device->replica->Notices(/*all=*/true);
    if (!notices.ok()) continue;
    std::set<Line> may = LinesFor(world, *device, world.model(), false);
    for (const auto& past : world.pasts()) may.merge(LinesFor(world, *device, past->model, false));
    std::set<Line> missing = LinesFor(world, *device, world.model(), true);
    std::set<Line> got;
    for (const AuthorNotice& notice : *notices) {
      uint32_t field = 0;
      const KindSpec* kind = device->schema->FindByName(notice.kind);
      const FieldSpec* spec = kind == nullptr ? nullptr : kind->FindByName(notice.field);
      if (spec != nullptr) field = spec->number();
      if (spec == nullptr && !absl::SimpleAtoi(notice.field, &field)) field = 0;
      const Line line{ParseId(notice.change), field, ParseId(notice.by_change)};
      const std::string where =
          absl::StrCat(device->name, ": got a notice about ", notice.change, ", ", notice.field);
      if (!got.insert(line).second) {
        return world.Violate("R12", absl::StrCat(where, " twice, wanted it once"));
      }
      if (!may.contains(line)) {
        return world.Violate(
            "R12", absl::StrCat(where, " by ", notice.by_change, ", wanted nobody told of that"));
      }
      missing.erase(line);
    }
    if (missing.empty()) continue;
    const auto& [change, field, by] = *missing.begin();
    return world.Violate(
        "R12", absl::StrCat(device->name, ": got no notice about ", ToString(change), ", field ",
                            field, ", wanted its ", "author told of ", ToString(by)));
  }
}

// --- What was refused, and answered ---

void CheckAnswers(World& world, SimDevice& device) {
  if (device.answers.empty()) return;
  const auto all = device.replica->Outcomes();
  if (!all.ok()) return;
  std::map<Id, const OwnChange*> by_id;
  for (const OwnChange& own : *all) by_id[ParseId(own.change)] = &own;
  for (const auto& [place, answer] : device.answers) {
    const auto entry = device.outbox.find(place);
    if (entry == device.outbox.end()) continue;
    for (const ModelChange& change : entry->second.unit.changes) {
      const auto found = by_id.find(change.id);
      if (found == by_id.end()) continue;
      const OwnChange& now = *found->second;
      const ChangeState state = now.state;
      // What was held may have been applied before its answer came: then it stands.
      if (state == ChangeState::kApplied || state == ChangeState::kMerged ||
          state == ChangeState::kConflict) {
        continue;
      }
      const bool right =
          !now.needs_you && (answer.withdrawn ? state == ChangeState::kWithdrawn &&
                                                    now.withdrawn_because == answer.reason
                                              : now.sent_again);
      if (right) continue;
      return world.Violate(
          "R5", absl::StrCat(device.name, ", ", ToString(change.id), ": got it ",
                             now.needs_you ? "parked" : "in another state", ", wanted it ",
                             answer.withdrawn ? "withdrawn" : "sent again"));
    }
  }
}

bool StandsBeside(const ModelChange& change) {
  return !change.create && change.settled.empty() && change.edits.size() == 1 &&
         ClassOf(change.kind, change.edits.begin()->first) == v1::REVIEW &&
         change.edits.begin()->second.base.empty();
}

namespace {

// Whether what an edit asks for is so already.
bool Stands(const Rows& rows, const ModelChange& change, uint32_t field) {
  const auto row = rows.find(change.record);
  if (row == rows.end()) return false;
  const ModelEdit& edit = change.edits.at(field);
  if (field == kHiddenMark) return HiddenBy(row->second).value_or("") == edit.value;
  if (field == kAssessedMark) {
    return !IsUnassessed(change.record, JudgementOf(change.record, rows));
  }
  const auto found = row->second.fields.find(field);
  const Heads heads = found == row->second.fields.end() ? Heads() : found->second;
  if (ClassOf(change.kind, field) == v1::SET) {
    std::set<std::string> elements;
    for (const ModelHead& head : heads) {
      if (head.removes.empty()) elements.insert(head.value);
    }
    return std::all_of(edit.adds.begin(), edit.adds.end(),
                       [&](const auto& add) { return elements.contains(add); }) &&
           std::all_of(edit.removals.begin(), edit.removals.end(), [&](const auto& removal) {
             return edit.adds.contains(removal.first) || !elements.contains(removal.first);
           });
  }
  // Of several texts the model does not know what they show.
  if (!Judged(change.kind, field, heads) || Shown(change.kind, field, heads) == edit.value) {
    return true;
  }
  return StandsBeside(change) && std::any_of(heads.begin(), heads.end(), [&](const ModelHead& h) {
           return h.value == edit.value;
         });
}

// What is wrong with a change that was sent again; "": nothing.
std::string WrongAgain(const ModelChange& was, const ModelChange& now, const Rows& before) {
  for (const auto& [field, edit] : now.edits) {
    const auto asked = was.edits.find(field);
    if (asked == was.edits.end()) return absl::StrCat("field ", field, " that nobody asked for");
    if (ClassOf(was.kind, field) != v1::SET && edit.value != asked->second.value) {
      return absl::StrCat("another value for field ", field);
    }
    // A decision adds again what is to stay.
    for (const std::string& add : edit.adds) {
      if (now.settled.empty() && !asked->second.adds.contains(add)) {
        return "an element that nobody added";
      }
    }
    for (const auto& [element, seen] : edit.removals) {
      if (edit.adds.contains(element)) continue;
      if (!asked->second.removals.contains(element) || asked->second.adds.contains(element)) {
        return "an element gone that nobody took out";
      }
    }
    if (StandsBeside(was) && !edit.base.empty()) return "a version that replaces others";
  }
  for (const auto& [field, edit] : was.edits) {
    if (!now.edits.contains(field) && !Stands(before, was, field)) {
      return absl::StrCat("nothing for field ", field);
    }
  }
  return "";
}

}  // namespace

void CheckSentAgain(World& world, const SimDevice& device, const ModelUnit& parked,
                    const ModelUnit& again, const Rows& before) {
  for (const ModelChange& was : parked.changes) {
    const auto now = std::find_if(again.changes.begin(), again.changes.end(),
                                  [&](const ModelChange& each) { return each.resolves == was.id; });
    std::string wrong;
    if (now != again.changes.end()) {
      wrong = WrongAgain(was, *now, before);
    } else {
      const bool stands = std::all_of(was.edits.begin(), was.edits.end(), [&](const auto& edit) {
        return Stands(before, was, edit.first);
      });
      if (was.create || !stands) wrong = "no change in its place";
    }
    if (wrong.empty()) continue;
    return world.Violate(
        "R5", absl::StrCat(device.name, ", ", ToString(was.id), " of ", world.NameOf(was.record),
                           ", sent again: got ", wrong, ", wanted what it asked for"));
  }
}

}  // namespace doorstep::sim
