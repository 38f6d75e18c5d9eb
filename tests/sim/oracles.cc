#include "tests/sim/oracles.h"

#include <algorithm>
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
#include "tests/sim/judgement.h"
#include "tests/sim/ledger.h"
#include "tests/sim/link.h"
#include "tests/sim/same.h"

namespace doorstep::sim {
namespace {

// Everything is handed over in the first round, so everybody has it after the second; a clone may
// need another to find its new name, and one shows that nothing moves any more.
constexpr int kQuietRounds = 5;
// After a restore devices hand over again what others stand on, and learn of it one by one.
constexpr int kRestoredRounds = 8;

bool Holds(const Heads& heads, const ModelHead& wanted, bool with_time) {
  return std::any_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
    if (with_time) return head == wanted;
    return head.id == wanted.id && head.value == wanted.value && head.removes == wanted.removes &&
           head.seen == wanted.seen;
  });
}

// What left the device with its file, and then the server lost it, too: nobody has it.
bool IsGone(const World& world, const SimDevice& device, int64_t place, const Entry& entry) {
  if (!world.restored() || !world.AskedToTake(entry.unit.place.first, device.site)) return false;
  const auto own = client::Outbox(device.store()).Load(place);
  return own.ok() && own->payload.empty();
}

// The server's rows at the checkpoint, and the pending changes on top. Where several versions of
// LATEST could be shown, all of them.
Rows Expected(World& world, SimDevice& device, uint64_t at, std::set<std::string>* pending) {
  Rows rows = world.ModelOf(device).SeenBy(device.site, at);
  for (const auto& [place, entry] : device.outbox) {
    if (world.OutcomeOf(device, entry, at) != nullptr || entry.unit.Withdraws()) continue;
    // What was answered is not handed over again to a server that has lost its outcome.
    if (device.answers.contains(place) || IsGone(world, device, place, entry)) continue;
    for (const ModelChange& change : entry.unit.changes) {
      const auto [row, made] =
          rows.try_emplace(change.record, ModelRecord{change.kind, entry.unit.place, {}});
      if (row->second.kind != change.kind) continue;
      pending->insert(change.record);
      Apply(world.ModelOf(device).Resolved(change, at), 0, 0, entry.unit.author,
            /*latest_too=*/true, &row->second);
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
    const absl::StatusOr<Rows> read = RowsOf(device_);
    if (!read.ok()) return;
    const Rows& rows = *read;
    std::set<std::string> pending;
    // A repair after a fault counts from zero; what the server has by then comes again.
    const auto repair = store.Int(client::key::kRepair);
    const bool repairing = repair.ok() && *repair != 0;
    const uint64_t at = repairing ? kNow : static_cast<uint64_t>(*cursor);
    Rows expected = Expected(world_, device_, at, &pending);
    if (*complete == 0) {
      // Rows come bit by bit; what was saved here is there all the time.
      for (const std::string& record : pending) CheckOwn(record, rows);
    } else {
      CheckRows(rows, expected, pending);
    }
    if (!world_.violation()) CheckShown(rows);
    if (!world_.violation()) CheckPairs(rows);
  }

 private:
  std::string Where(const std::string& record) const {
    return absl::StrCat(device_.name, ", ", world_.NameOf(record));
  }

  void CheckOwn(const std::string& record, const Rows& rows) {
    if (rows.contains(record)) return;
    world_.Violate("L6", absl::StrCat(Where(record), ": got no record, wanted what was saved"));
  }

  void CheckRows(const Rows& rows, const Rows& expected, const std::set<std::string>& pending) {
    for (const auto& [record, row] : rows) {
      if (expected.contains(record)) continue;
      const bool held = world_.ModelOf(device_).Holds(device_.site, row.place, kNow);
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
    const bool latest = ClassOf(wanted.kind, field) == v1::LATEST && should.size() > 1;
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
  void CheckShown(const Rows& rows) {
    const auto conflicts = device_.replica->Conflicts();
    if (!conflicts.ok()) return;
    std::set<std::pair<std::string, std::string>> told;  // record and name of field
    for (const Conflict& conflict : *conflicts) {
      told.insert({std::string(Uuid::Parse(conflict.record)->AsBytes()), conflict.field});
    }
    for (const auto& [record, row] : rows) {
      const auto opened = device_.replica->Get(Uuid::FromBytes(record)->ToString());
      if (!opened.ok()) return;
      std::map<uint32_t, std::string> shown;
      for (const auto& [field, value] : SplitFields(opened->bytes())) shown[field] += value;
      const KindSpec* known = device_.schema->Find(row.kind);
      for (const auto& [field, heads] : row.fields) {
        if (IsMark(field) || known == nullptr || known->Find(field) == nullptr) continue;
        const bool asked = told.erase({record, known->Find(field)->scalar.name}) > 0;
        if (!CheckValue(record, row.kind, field, heads, shown[field], asked)) return;
      }
      const auto mark = HiddenBy(row);
      const std::string hidden = mark ? Read(*mark, kHiddenMark).bytes : "";
      const std::string is_hidden = opened->Info().hidden;
      if (is_hidden != hidden) {
        return world_.Violate("R14", absl::StrCat(Where(record), ": got hidden because of '",
                                                  is_hidden, "', wanted '", hidden, "'"));
      }
      if (!CheckJudgement(record, rows, told.erase({record, "_assessed"}) > 0)) return;
      if (row.kind == kSignOff && !CheckSignature(record, rows)) return;
    }
    if (told.empty()) return;
    world_.Violate("R12", absl::StrCat(Where(told.begin()->first), ".", told.begin()->second,
                                       ": got a case of no versions that differ, wanted none"));
  }

  // Who is perhaps recorded twice, offline too.
  void CheckPairs(const Rows& rows) {
    const bool any = std::any_of(rows.begin(), rows.end(), [](const auto& row) {
      return OptionsOfKind(row.second.kind).duplicate_key_size() > 0;
    });
    if (!any) return;
    const auto duplicates = device_.replica->Duplicates();
    if (!duplicates.ok()) return;
    Pairs got;
    for (const Duplicate& pair : *duplicates) {
      using Verdict = Duplicate::Verdict;
      got[{pair.first, pair.second}] = pair.verdict == Verdict::kSame        ? Same::kOne
                                       : pair.verdict == Verdict::kDifferent ? Same::kTwo
                                                                             : Same::kMaybe;
    }
    const Pairs wanted = PairsIn(rows);
    if (got == wanted) return;
    const auto apart = std::mismatch(got.begin(), got.end(), wanted.begin(), wanted.end());
    const auto& of = apart.first != got.end() ? apart.first : apart.second;
    world_.Violate("R12", absl::StrCat(device_.name, ": got ", got.size(),
                                       " pairs that may be one, or other words about ",
                                       of->first.first, " and ", of->first.second, ", wanted ",
                                       wanted.size(), " as people have said"));
  }

  bool CheckValue(const std::string& record, uint32_t kind, uint32_t field, const Heads& heads,
                  const std::string& shown, bool asked) {
    const std::string where = absl::StrCat(Where(record), ".", field, ": got ");
    if (!Judged(kind, field, heads)) {
      const std::string problem = TextProblem(field, heads, Read(shown, field).bytes, asked);
      if (!problem.empty()) {
        world_.Violate("R2", absl::StrCat(where, "'", absl::CHexEscape(shown), "', ", problem,
                                          ", of ", ToText(heads)));
      } else if (!asked && MustAsk(field, heads)) {
        world_.Violate("R12",
                       absl::StrCat(where, "no case, wanted one over two sentences in one's ",
                                    "place, of ", ToText(heads)));
      }
    } else if (const std::string wanted = Shown(kind, field, heads); shown != wanted) {
      world_.Violate("L2", absl::StrCat(where, "'", absl::CHexEscape(shown), "', wanted '",
                                        absl::CHexEscape(wanted), "' of ", ToText(heads)));
    } else if (asked != IsOpen(kind, field, heads)) {
      world_.Violate("R12",
                     absl::StrCat(where, asked ? "a case" : "no case", ", wanted ",
                                  asked ? "none" : "one that people see", " of ", ToText(heads)));
    }
    return !world_.violation();
  }

  bool CheckJudgement(const std::string& record, const Rows& rows, bool asked) {
    const bool open = IsUnassessed(record, JudgementOf(record, rows));
    if (asked != open) {
      world_.Violate("R12", absl::StrCat(Where(record), ": got ", asked ? "a case" : "no case",
                                         " of the whole, wanted ", open ? "one" : "none"));
    }
    return !world_.violation();
  }

  // R16: whether a signature still holds.
  bool CheckSignature(const std::string& record, const Rows& rows) {
    const ModelRecord& row = rows.at(record);
    const auto of = row.fields.find(1);
    const auto covers = row.fields.find(4);
    if (of == row.fields.end() || covers == row.fields.end()) return true;
    const std::string target = Read(of->second.begin()->value, 1).bytes;
    const auto infos = device_.replica->SignOffs(target);
    if (!infos.ok()) return true;
    const std::string id(Uuid::Parse(target)->AsBytes());
    const Rows judgement = JudgementOf(id, rows);
    const Signed was = ReadSigned(Read(covers->second.begin()->value, 4).bytes);
    using State = SignOffInfo::State;
    const State wanted = LacksDemanded(id, judgement.at(id).kind, was) ? State::kIncomplete
                         : IsUnassessed(id, judgement)                 ? State::kUnassessed
                         : IsAmended(was, judgement)                   ? State::kAmended
                                                                       : State::kSigned;
    const auto info = std::find_if(infos->begin(), infos->end(), [&](const SignOffInfo& each) {
      return std::string(Uuid::Parse(each.id)->AsBytes()) == record;
    });
    if (info != infos->end() && info->state == wanted) return true;
    world_.Violate(
        "R16",
        absl::StrCat(
            Where(id), ": got ", info == infos->end() ? "no signature" : "a signature that ",
            info == infos->end() || info->state == State::kSigned ? "holds" : "does not hold",
            ", wanted state ", static_cast<int>(wanted)));
    return false;
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
      BeginSync(*device);
      const auto result = device->replica->Sync(*device->link, {});
      if (world.violation()) return;
      world.ScanOutbox(*device);
      // A restore that nobody announced shows in the middle of a sync, once for each device.
      if (!result.ok() && world.restored() && round < 2) continue;
      if (!result.ok()) {
        return world.Violate("L9", absl::StrCat(device->name, ": got '", result.status().ToString(),
                                                "', wanted a sync without faults to succeed"));
      }
      const bool drifted = std::exchange(device->drifted, false);
      if (result->repaired && !drifted && !MayRepair(*device)) {
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
    const Rows wanted = world.model().SeenBy(device->site, kNow);
    for (const auto& [record, unused] : wanted) {
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

// What it keeps of others' work that a restored server has lost, for somebody to look at.
std::string RescuedBy(SimDevice& device) {
  std::string text;
  const auto rescued = device.replica->RescuedChanges();
  if (!rescued.ok()) return text;
  for (const Rescued& change : *rescued) text += change.json;
  return text;
}

// L8: what was taken away is nowhere on the disk, except in what was written here in other files,
// and in what was rescued. `then`: a life of the server.
void CheckForgotten(World& world, SimDevice& device, const Model& then) {
  const std::string rescued = RescuedBy(device);
  for (const auto& [record, versions] : then.versions()) {
    const ModelRecord& last = versions.rbegin()->second;
    if (world.model().Holds(device.site, last.place, kNow)) continue;
    for (const auto& [sequence, version] : versions) {
      for (const auto& [field, heads] : version.fields) {
        for (const ModelHead& head : heads) {
          const size_t mark = head.value.find('~');
          if (mark == std::string::npos) continue;
          const size_t end = head.value.find('~', mark + 1);
          if (end == std::string::npos) continue;
          const std::string text = head.value.substr(mark, end - mark + 1);
          const bool own =
              std::any_of(device.outbox.begin(), device.outbox.end(), [&](const auto& entry) {
                return !world.model().Lost(device.site, entry.second.unit.place.first) &&
                       absl::StrContains(entry.second.payload, text);
              });
          if (own || absl::StrContains(rescued, text)) continue;
          if (!device.disk->AnyFileContains(text)) continue;
          return world.Violate("L8",
                               absl::StrCat(device.name, ": got bytes of ", world.NameOf(record),
                                            " on its disk, wanted none after removal"));
        }
      }
    }
  }
}

}  // namespace

void CheckDevice(World& world, SimDevice& device) {
  if (device.replica == nullptr || world.violation()) return;
  world.NotePast(device);
  DeviceCheck(world, device).Run();
  if (!world.violation()) CheckAnswers(world, device);
}

void BeginSync(SimDevice& device) {
  device.behind = device.past != nullptr;
  device.epoch = device.store().Int(client::key::kEpoch).value_or(0);
}

bool MayRepair(const SimDevice& device) {
  return device.behind || device.store().Int(client::key::kEpoch).value_or(0) != device.epoch;
}

Id IdNow(const SimDevice& device, Id id) {
  for (auto it = device.renamed.find(id); it != device.renamed.end();) {
    id = it->second;
    it = device.renamed.find(id);
  }
  return id;
}

namespace {

std::set<Id> SeenNow(const SimDevice& device, const Form& form, uint32_t field) {
  std::set<Id> ids;
  const auto seen = form.seen.find(field);
  if (seen == form.seen.end()) return ids;
  for (const auto& [id, pending] : seen->second) ids.insert(pending ? IdNow(device, id) : id);
  return ids;
}

// R14: a mark names all versions that the form showed, and no other.
void CheckMark(World& world, SimDevice& device, const ModelChange& change, const Form& form) {
  std::set<Id> wanted;
  for (const auto& [field, unused] : form.seen) wanted.merge(SeenNow(device, form, field));
  if (change.seen == wanted || device.schema != Schema::BuiltIn()) return;
  world.Violate(
      "R14", absl::StrCat(device.name, ", ", world.NameOf(change.record),
                          ": got a mark that names ", change.seen.size(), " versions, wanted the ",
                          wanted.size(), " that the form showed"));
}

}  // namespace

void CheckBases(World& world, SimDevice& device, const Entry& entry, const Form& form) {
  for (const ModelChange& change : entry.unit.changes) {
    if (change.record != std::string(Uuid::Parse(form.opened.id())->AsBytes())) continue;
    for (const auto& [field, edit] : change.edits) {
      if (field == kHiddenMark && !edit.value.empty()) CheckMark(world, device, change, form);
      if (FieldOf(change.kind, field) == nullptr) continue;
      const std::set<Id> wanted = SeenNow(device, form, field);
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
        if (own && ClassOf(change.kind, field) == v1::LATEST) continue;
        return world.Violate(
            "R1", absl::StrCat(device.name, ", ", world.NameOf(change.record), ".", field,
                               ": got base ", ToString(id), ", wanted only what the form showed"));
      }
      if (ClassOf(change.kind, field) == v1::SET) continue;
      for (const Id& id : wanted) {
        if (got.contains(id)) continue;
        return world.Violate("R1", absl::StrCat(device.name, ", ", world.NameOf(change.record), ".",
                                                field, ": got a base without ", ToString(id),
                                                ", wanted all that the form showed"));
      }
    }
  }
}

// R16: a signature is for what its signer had before them, and for no draft that lacks something.
void CheckSigned(World& world, SimDevice& device, const std::string& record, const Form& form,
                 const absl::Status& status, const Entry* entry) {
  const std::string where = absl::StrCat(device.name, ", ", world.NameOf(record), ": got ");
  const std::optional<std::string> why = WhyNotSign(record, form.judgement);
  // A full or faulty disk keeps anybody from signing.
  const bool of_disk = device.disk_faulty || absl::IsResourceExhausted(status);
  if (why && why->empty() != status.ok() && !of_disk) {
    return world.Violate("R16", absl::StrCat(where, status.ok() ? "a signature" : status.ToString(),
                                             ", wanted ", why->empty() ? "one" : "none: ", *why));
  }
  if (entry == nullptr) return;
  Rows judgement = form.judgement;
  for (auto& [id, row] : judgement) {
    for (auto& [field, heads] : row.fields) {
      Heads now;
      for (ModelHead head : heads) {
        if (head.sequence == 0) head.id = IdNow(device, head.id);
        now.insert(std::move(head));
      }
      heads = std::move(now);
    }
  }
  for (const ModelChange& change : entry->unit.changes) {
    if (change.kind != kSignOff) continue;
    const Signed got = ReadSigned(Read(change.edits.at(4).value, 4).bytes);
    if (got == ToSign(judgement)) continue;
    world.Violate("R16", absl::StrCat(where,
                                      "a signature for other versions than the form and the "
                                      "judgement showed, wanted those"));
  }
}

void CheckQuiet(World& world) {
  if (!world.violation()) SyncEverybody(world);
  if (!world.violation()) CheckConvergence(world);
  if (!world.violation()) CheckOutcomes(world);
  if (!world.violation()) world.CheckHeld();
  if (!world.violation()) CheckNotices(world);
  for (const auto& device : world.devices()) {
    if (!world.violation()) CheckForgotten(world, *device, world.model());
    for (const auto& past : world.pasts()) {
      if (!world.violation()) CheckForgotten(world, *device, past->model);
    }
  }
}

}  // namespace doorstep::sim
