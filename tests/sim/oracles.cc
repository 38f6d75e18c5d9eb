#include "tests/sim/oracles.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client-lib/digests.h"
#include "client-lib/outbox.h"
#include "google/protobuf/descriptor.h"
#include "server/history.h"
#include "tests/sim/link.h"

namespace doorstep::sim {
namespace {

constexpr uint64_t kNow = std::numeric_limits<uint64_t>::max();
// Everything is handed over in the first round, so everybody has it after the second; a clone may
// need another to find its new name, and one shows that nothing moves any more.
constexpr int kQuietRounds = 5;
// After a restore devices hand over again what others stand on, and learn of it one by one.
constexpr int kRestoredRounds = 8;

const Heads& HeadsOf(const ModelRecord& record, uint32_t field) {
  static const Heads none;
  const auto it = record.fields.find(field);
  return it == record.fields.end() ? none : it->second;
}

bool Holds(const Heads& heads, const ModelHead& wanted, bool with_time) {
  return std::any_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
    if (with_time) return head == wanted;
    return head.id == wanted.id && head.value == wanted.value;
  });
}

// The server's rows at the checkpoint, and the pending changes on top. Where several versions of
// LATEST could be shown, all of them.
std::map<std::string, ModelRecord> Expected(World& world, SimDevice& device, uint64_t at,
                                            std::set<std::string>* pending) {
  std::map<std::string, ModelRecord> rows = world.model().SeenBy(device.site, at);
  for (const auto& [place, entry] : device.outbox) {
    if (world.OutcomeOf(entry.id, entry.hash, at) != nullptr) continue;
    for (const ModelChange& change : entry.unit.changes) {
      const auto [row, made] =
          rows.try_emplace(change.record, ModelRecord{change.kind, entry.unit.place, {}});
      if (row->second.kind != change.kind) continue;
      pending->insert(change.record);
      Apply(world.model().Resolved(change, at), 0, 0, entry.unit.author, /*latest_too=*/true,
            &row->second);
    }
  }
  return rows;
}

class DeviceCheck {
 public:
  DeviceCheck(World& world, SimDevice& device) : world_(world), device_(device) {}

  void Run() {
    client::Store& store = device_.store();
    const auto complete = store.Int(client::key::kComplete);
    const auto cursor = store.Int(client::key::kCursor);
    if (!complete.ok() || !cursor.ok()) return;
    std::map<std::string, ModelRecord> rows;
    const absl::Status read = store.tables().ForEach([&](const RecordState& state) {
      rows.emplace(std::string(state.id.AsBytes()), ToModel(state));
      return absl::OkStatus();
    });
    if (!read.ok()) return;
    if (world_.restored()) return CheckShown(rows);
    std::set<std::string> pending;
    // A repair after a fault counts from zero; what the server has by then comes again.
    const auto repair = store.Int(client::key::kRepair);
    const bool repairing = repair.ok() && *repair != 0;
    const uint64_t at = repairing ? kNow : static_cast<uint64_t>(*cursor);
    std::map<std::string, ModelRecord> expected = Expected(world_, device_, at, &pending);
    if (*complete == 0) {
      // Rows come bit by bit; what was saved here is there all the time.
      for (const std::string& record : pending) CheckOwn(record, rows);
    } else {
      CheckRows(rows, expected, pending);
    }
    if (!world_.violation()) CheckShown(rows);
  }

 private:
  std::string Where(const std::string& record) const {
    return absl::StrCat(device_.name, ", ", world_.NameOf(record));
  }

  void CheckOwn(const std::string& record, const std::map<std::string, ModelRecord>& rows) {
    if (rows.contains(record)) return;
    world_.Violate("L6", absl::StrCat(Where(record), ": got no record, wanted what was saved"));
  }

  void CheckRows(const std::map<std::string, ModelRecord>& rows,
                 const std::map<std::string, ModelRecord>& expected,
                 const std::set<std::string>& pending) {
    for (const auto& [record, row] : rows) {
      if (expected.contains(record)) continue;
      const bool held = world_.model().Holds(device_.site, row.place, kNow);
      return world_.Violate(held ? "L5" : "L8", absl::StrCat(Where(record),
                                                             ": got a record that is not in the "
                                                             "checkpoint, wanted none"));
    }
    for (const auto& [record, wanted] : expected) {
      const auto row = rows.find(record);
      if (row == rows.end()) {
        return world_.Violate(pending.contains(record) ? "L6" : "L5",
                              absl::StrCat(Where(record), ": got no record, wanted one"));
      }
      std::set<uint32_t> fields;
      for (const auto& [field, unused] : row->second.fields) fields.insert(field);
      for (const auto& [field, unused] : wanted.fields) fields.insert(field);
      for (const uint32_t field : fields) CheckField(record, row->second, wanted, field);
    }
  }

  void CheckField(const std::string& record, const ModelRecord& row, const ModelRecord& wanted,
                  uint32_t field) {
    const Heads& is = HeadsOf(row, field);
    const Heads& should = HeadsOf(wanted, field);
    const bool latest = IsLatest(wanted.kind, field) && should.size() > 1;
    // Pending versions have a time of the device's own making.
    const auto fits = [&](const ModelHead& head, const Heads& in) {
      return Holds(in, head, /*with_time=*/head.sequence != 0);
    };
    const bool none_too_many = std::all_of(
        is.begin(), is.end(), [&](const ModelHead& head) { return fits(head, should); });
    const ModelHead* missing = nullptr;
    for (const ModelHead& head : should) {
      if (!fits(head, is)) missing = &head;
    }
    const bool all_there = latest ? is.size() == 1 : missing == nullptr;
    if (none_too_many && all_there) return;
    const bool own = missing != nullptr && missing->sequence == 0;
    world_.Violate(own && none_too_many ? "L6" : "L5",
                   absl::StrCat(Where(record), ".", field, ": got ", ToText(is), ", wanted ",
                                latest ? "one of " : "", ToText(should)));
  }

  // The library's own words for what stands in the rows.
  void CheckShown(const std::map<std::string, ModelRecord>& rows) {
    std::set<std::pair<std::string, std::string>> open;
    for (const auto& [record, row] : rows) {
      const auto opened = device_.replica->Get(Uuid::FromBytes(record)->ToString());
      if (!opened.ok()) return;
      std::map<uint32_t, std::string> shown;
      for (const auto& [field, value] : SplitFields(opened->bytes())) shown[field] += value;
      const KindSpec* known = device_.schema->Find(row.kind);
      for (const auto& [field, heads] : row.fields) {
        if (!Judged(row.kind, field, heads)) continue;
        if (known == nullptr || known->Find(field) == nullptr) continue;
        const std::string wanted = Shown(row.kind, field, heads);
        if (shown[field] != wanted) {
          return world_.Violate(
              "L2",
              absl::StrCat(Where(record), ".", field, ": got '", absl::CHexEscape(shown[field]),
                           "', wanted '", absl::CHexEscape(wanted), "' of ", ToText(heads)));
        }
        if (IsOpen(row.kind, field, heads)) {
          open.insert({record, FieldOf(row.kind, field)->name()});
        }
      }
    }
    const auto conflicts = device_.replica->Conflicts();
    if (!conflicts.ok()) return;
    std::set<std::pair<std::string, std::string>> told;
    for (const Conflict& conflict : *conflicts) {
      const std::string record(Uuid::Parse(conflict.record)->AsBytes());
      const auto row = rows.find(record);
      if (row == rows.end()) {
        return world_.Violate("R12", absl::StrCat(Where(record), ": got a case of no record"));
      }
      const KindSpec* kind = device_.schema->Find(row->second.kind);
      const FieldSpec* spec = kind == nullptr ? nullptr : kind->FindByName(conflict.field);
      if (spec == nullptr) continue;  // of a judgement as a whole
      const uint32_t field = spec->number();
      if (Judged(row->second.kind, field, HeadsOf(row->second, field))) {
        told.insert({record, conflict.field});
      }
    }
    for (const auto& [record, field] : open) {
      if (told.contains({record, field})) continue;
      return world_.Violate("R12", absl::StrCat(Where(record), ".", field,
                                                ": got no case, wanted one that people see"));
    }
    if (told.size() > open.size()) {
      world_.Violate(
          "R12", absl::StrCat(device_.name, ": got ", told.size(), " cases, wanted ", open.size()));
    }
  }

  World& world_;
  SimDevice& device_;
};

// --- Quiet ---

bool EverybodyIsDone(World& world) {
  for (const auto& device : world.devices()) {
    const auto status = device->replica->Status();
    if (!status.ok() || status->waiting != 0 || status->checkpoint != world.observed())
      return false;
  }
  return true;
}

void SyncEverybody(World& world) {
  const int rounds = world.restored() ? kRestoredRounds : kQuietRounds;
  for (int round = 0; round < rounds && !world.violation(); ++round) {
    for (const auto& device : world.devices()) {
      device->link->Plan({});
      const bool drifted = std::exchange(device->drifted, false);
      const auto result = device->replica->Sync(*device->link, {});
      if (world.violation()) return;
      world.ScanOutbox(*device);
      // A restore that nobody announced shows in the middle of a sync, once for each device.
      if (!result.ok() && world.restored() && round < 2) continue;
      if (!result.ok()) {
        return world.Violate("L9", absl::StrCat(device->name, ": got '", result.status().ToString(),
                                                "', wanted a sync without faults to succeed"));
      }
      if (result->repaired && !drifted && !world.restored()) {
        return world.Violate("L1", absl::StrCat(device->name,
                                                ": got rows that differ from the "
                                                "server's, wanted the same without a repair"));
      }
      CheckDevice(world, *device);
    }
    if (round > 0 && EverybodyIsDone(world)) return;
  }
  if (world.violation()) return;
  for (const auto& device : world.devices()) {
    const auto status = device->replica->Status();
    if (!status.ok()) continue;
    world.Trace(absl::StrCat("  ", device->name, " waiting ", status->waiting, " checkpoint ",
                             status->checkpoint));
  }
  world.Violate("L9", absl::StrCat("got devices that are not done after ", rounds,
                                   " rounds, wanted every outbox empty and one checkpoint"));
}

// The records that a site's devices hold: as the model says, or after a restore the server.
std::set<std::string> RecordsFor(World& world, server::ReadView& view, const std::string& site) {
  std::set<std::string> records;
  if (!world.restored()) {
    for (const auto& [record, unused] : world.model().SeenBy(site, kNow)) records.insert(record);
    return records;
  }
  const auto held = view.Memberships(site);
  if (!held.ok()) return records;
  for (const server::MembershipRow& row : *held) {
    const auto places = view.Feed(row.ref, {}, kNow, 100'000);
    if (!places.ok()) continue;
    for (const server::FeedPlace& place : *places) {
      const auto state = view.LoadAt(place.record);
      if (state.ok()) records.insert(std::string(state->id.AsBytes()));
    }
  }
  return records;
}

void CheckConvergence(World& world) {
  const auto view = world.server().truth->Read();
  if (!view.ok()) return;
  for (const auto& device : world.devices()) {
    const std::string where = absl::StrCat(device->name, " at quiet");
    std::map<std::string, RecordState> mine;
    const absl::Status read =
        client::ForEachServerState(device->store(), [&](const RecordState& state) {
          mine.emplace(std::string(state.id.AsBytes()), state);
          return absl::OkStatus();
        });
    if (!read.ok()) return world.Violate("L1", absl::StrCat(where, ": ", read.ToString()));
    const std::set<std::string> wanted = RecordsFor(world, **view, device->site);
    for (const std::string& record : wanted) {
      const auto theirs = (*view)->Load(*Uuid::FromBytes(record));
      const auto own = mine.find(record);
      const bool same =
          theirs.ok() && theirs->has_value() && own != mine.end() && **theirs == own->second;
      if (!same) {
        return world.Violate("L1", absl::StrCat(where, ": got ", world.NameOf(record),
                                                " unlike the server's, wanted it identical"));
      }
    }
    if (mine.size() != wanted.size()) {
      return world.Violate(
          "L1", absl::StrCat(where, ": got ", mine.size(), " records, wanted ", wanted.size()));
    }
    const auto stored = device->replica->Digest(false);
    const auto computed = device->replica->Digest(true);
    if (!stored.ok() || !computed.ok() || stored->digest != computed->digest) {
      return world.Violate("L1", absl::StrCat(where, ": got a digest that its rows do not have"));
    }
  }
}

// L4, and the part of L3 that is about what nobody shows any more: it is in the history.
void CheckOutcomes(World& world) {
  const auto view = world.server().truth->Read();
  if (!view.ok()) return;
  for (const auto& device : world.devices()) {
    client::Outbox outbox(device->store());
    for (const auto& [place, entry] : device->outbox) {
      const std::string where = absl::StrCat(device->name, ", ", ToString(entry.id));
      const auto own = outbox.Load(place);
      if (!own.ok()) return world.Violate("L3", absl::StrCat(where, ": got no such unit"));
      const Admission* outcome = world.OutcomeOf(entry.id, entry.hash, kNow);
      if (outcome == nullptr) {
        return world.Violate("L3", absl::StrCat(where,
                                                ": got an outcome here and nothing on the "
                                                "server, wanted the change on the server"));
      }
      if (own->waiting() || own->sequence != outcome->sequence() ||
          own->parked != outcome->parked()) {
        return world.Violate(
            "L4",
            absl::StrCat(where, ": got sequence ", own->sequence, own->parked ? " parked" : "",
                         ", wanted ", outcome->sequence(), outcome->parked() ? " parked" : ""));
      }
      if (outcome->parked() && (own->reason.empty() || own->what_to_do.empty())) {
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

// L8: what was taken away is nowhere on the disk, except in what was written here.
void CheckForgotten(World& world) {
  for (const auto& device : world.devices()) {
    for (const auto& [record, versions] : world.model().versions()) {
      const ModelRecord& last = versions.rbegin()->second;
      if (world.model().Holds(device->site, last.place, kNow)) continue;
      for (const auto& [sequence, version] : versions) {
        for (const auto& [field, heads] : version.fields) {
          for (const ModelHead& head : heads) {
            const size_t mark = head.value.find('~');
            if (mark == std::string::npos) continue;
            const size_t end = head.value.find('~', mark + 1);
            if (end == std::string::npos) continue;
            const std::string text = head.value.substr(mark, end - mark + 1);
            const bool own = std::any_of(
                device->outbox.begin(), device->outbox.end(),
                [&](const auto& entry) { return absl::StrContains(entry.second.payload, text); });
            if (own || !device->disk->AnyFileContains(text)) continue;
            return world.Violate("L8",
                                 absl::StrCat(device->name, ": got bytes of ", world.NameOf(record),
                                              " on its disk, wanted none after removal"));
          }
        }
      }
    }
  }
}

}  // namespace

void CheckDevice(World& world, SimDevice& device) {
  if (device.replica == nullptr || world.violation()) return;
  DeviceCheck(world, device).Run();
}

void CheckBases(World& world, SimDevice& device, const Entry& entry, const Form& form) {
  for (const ModelChange& change : entry.unit.changes) {
    if (change.record != std::string(Uuid::Parse(form.opened.id())->AsBytes())) continue;
    for (const auto& [field, edit] : change.edits) {
      if (FieldOf(change.kind, field) == nullptr) continue;  // a mark
      std::set<Id> wanted;
      const auto seen = form.seen.find(field);
      if (seen != form.seen.end()) {
        for (const auto& [shown, pending] : seen->second) {
          Id id = shown;
          for (auto it = device.renamed.find(id); pending && it != device.renamed.end();
               it = device.renamed.find(id)) {
            id = it->second;
          }
          wanted.insert(id);
        }
      }
      std::set<Id> got = edit.base;
      for (const auto& [element, adds] : edit.removals) got.insert(adds.begin(), adds.end());
      for (const Id& id : got) {
        if (wanted.contains(id)) continue;
        // An own edit that LATEST does not show is known to its author all the same.
        const bool own =
            std::any_of(device.outbox.begin(), device.outbox.end(), [&](const auto& e) {
              return e.second.id.life == id.life && id.counter >= e.second.id.counter &&
                     id.counter < e.second.id.counter + e.second.unit.changes.size();
            });
        if (own && IsLatest(change.kind, field)) continue;
        return world.Violate(
            "R1", absl::StrCat(device.name, ", ", world.NameOf(change.record), ".", field,
                               ": got base ", ToString(id), ", wanted only what the form showed"));
      }
      if (IsSet(change.kind, field)) continue;
      for (const Id& id : wanted) {
        if (got.contains(id)) continue;
        return world.Violate("R1", absl::StrCat(device.name, ", ", world.NameOf(change.record), ".",
                                                field, ": got a base without ", ToString(id),
                                                ", wanted all that the form showed"));
      }
    }
  }
}

void CheckQuiet(World& world) {
  if (!world.violation()) SyncEverybody(world);
  if (!world.violation()) CheckConvergence(world);
  if (!world.violation()) CheckOutcomes(world);
  if (!world.violation()) world.CheckHeld();
  if (!world.violation() && !world.restored()) CheckForgotten(world);
}

}  // namespace doorstep::sim
