#include "tests/client/random_history.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/admin.h"
#include "sync/base/clock.h"

namespace doorstep {
namespace {

constexpr int kMaxRecords = 4;
// Kinds of which records are captured, each with what it cannot do without.
constexpr const char* kKinds[] = {"Person",     "CaseStudy",   "RiskAssessment", "Arrangement",
                                  "Mitigation", "Observation", "Person"};
constexpr const char* kWords[] = {"one", "two", "three", "four", "five"};

}  // namespace

RandomHistory::RandomHistory(uint64_t seed) : random_(seed), world_(seed) {
  const size_t devices = 3 + Below(2);
  const bool two_sites = Below(2) == 0;
  for (size_t i = 0; i < devices; ++i) {
    Peer peer;
    peer.site = two_sites && i + 1 == devices ? "south" : "north";
    peer.link = world_.NewDevice(absl::StrCat("device", i), peer.site);
    peer.link.link->Decide([this] {
      const uint64_t dice = Below(12);
      if (dice == 0) return testing::Fault::kDropRequest;
      if (dice == 1) return testing::Fault::kDropReply;
      if (dice == 2) return testing::Fault::kTwice;
      return testing::Fault::kNone;
    });
    peers_.push_back(std::move(peer));
  }
}

void RandomHistory::Log(size_t place, const std::string& what) {
  absl::StrAppend(&log_, "device", place, ": ", what, "\n");
}

void RandomHistory::Run(int steps) {
  for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) Step();
}

void RandomHistory::Step() {
  const size_t place = Below(peers_.size());
  Peer& peer = peers_[place];
  const uint64_t passed = Below(5000);
  world_.clock().Advance(static_cast<int64_t>(passed));
  for (Peer& each : peers_) each.link->clock().Advance(static_cast<int64_t>(passed));
  const uint64_t dice = Below(100);
  if (records_ == 0 || (dice < 8 && records_ < kMaxRecords)) {
    Log(place, "capture");
    Capture(peer);
  } else if (dice < 45) {
    Log(place, "edit");
    Edit(peer);
  } else if (dice < 55) {
    Log(place, "decide");
    for (Peer& each : peers_) Decide(each);
  } else if (dice < 90) {
    Log(place, "sync");
    MoveSession(peer);
  } else if (dice < 92) {
    Log(place, "hide");
    Hide(peer);
  } else if (dice < 94) {
    Log(place, "time");
    MessWithTime(peer);
  } else if (dice < 97) {
    Log(place, "reopen");
    Reopen(peer);
  } else {
    Log(place, "share");
    ShareSomething();
  }
  NoteChanges();
  CheckRows(place);
  CheckSearch(place);
  CheckOwnWrites(place);
}

std::string RandomHistory::RandomScalar(const ScalarSpec& scalar) {
  switch (scalar.type) {
    case ValueType::kInt:
      if (scalar.range) {
        const auto width = static_cast<uint64_t>(scalar.range->max - scalar.range->min + 1);
        return absl::StrCat(scalar.range->min +
                            static_cast<int64_t>(Below(std::min<uint64_t>(width, 5))));
      }
      return absl::StrCat(Below(5));
    case ValueType::kBool:
      return Below(2) == 0 ? "true" : "false";
    case ValueType::kEnum:
      return absl::StrCat("\"", Any(scalar.values).name, "\"");
    case ValueType::kDouble:
      return absl::StrCat(Below(5), ".5");
    case ValueType::kString:
      if (scalar.format == StringFormat::kCivilDate) {
        return absl::StrCat("\"2026-12-0", 1 + Below(5), "\"");
      }
      if (scalar.format == StringFormat::kRecordId) {
        return absl::StrCat("\"0190a7c2-7f30-7c1e-9d2b-00000000000", Below(5), "\"");
      }
      return absl::StrCat("\"", kWords[Below(std::size(kWords))], "\"");
    case ValueType::kBytes:
    case ValueType::kAtomic:
      break;
  }
  return "null";
}

std::string RandomHistory::RandomValue(const FieldSpec& field) {
  if (field.is_set()) {
    std::set<std::string> elements;
    for (uint64_t i = Below(4); i > 0; --i) elements.insert(RandomScalar(field.scalar));
    return absl::StrCat("[", absl::StrJoin(elements, ","), "]");
  }
  if (Below(10) == 0) return "null";
  if (field.parts.empty()) return RandomScalar(field.scalar);
  std::vector<std::string> parts;
  for (const ScalarSpec& part : field.parts) {
    if (!parts.empty() && Below(3) == 0) continue;
    parts.push_back(absl::StrCat("\"", part.name, "\":", RandomScalar(part)));
  }
  return absl::StrCat("{", absl::StrJoin(parts, ","), "}");
}

void RandomHistory::Capture(Peer& peer) {
  const KindSpec& kind = *Schema::BuiltIn()->FindByName(kKinds[Below(std::size(kKinds))]);
  std::vector<std::string> members;
  for (const FieldSpec& field : kind.fields) {
    // References would choose the file: most records here share the site's.
    if (!field.reference.empty() || (Below(3) != 0 && !members.empty())) continue;
    std::string value = RandomValue(field);
    if (value == "null" || value == "[]") continue;
    members.push_back(absl::StrCat("\"", field.scalar.name, "\":", value));
  }
  if (members.empty()) return;
  AddOptions options;
  if (Below(3) == 0) options.file = "new";
  const std::vector<std::string> held = Held(peers_[Below(peers_.size())]);
  if (Below(6) == 0 && !held.empty()) {
    // Perhaps a file of another site: then the server refuses.
    for (Peer& other : peers_) {
      const auto record = other.link.replica().Get(Any(held));
      if (record.ok()) options.file = record->Info().file;
    }
  }
  Must(peer.link->Add(kind.name, absl::StrCat("{", absl::StrJoin(members, ","), "}"), options)
           .status());
  ++records_;
}

std::vector<std::string> RandomHistory::Held(Peer& peer) {
  std::vector<std::string> ids;
  for (const auto& [id, state] : World::Stored(*peer.link.device)) ids.push_back(id.ToString());
  return ids;
}

void RandomHistory::Edit(Peer& peer) {
  const std::vector<std::string> held = Held(peer);
  if (held.empty()) return;
  const std::string& id = Any(held);
  const OpenRecord open = Must(peer.link.replica().Get(id));
  const KindSpec& kind = *Schema::BuiltIn()->FindByName(open.kind());
  std::set<std::string> members;
  for (uint64_t i = 1 + Below(2); i > 0; --i) {
    const FieldSpec& field = Any(kind.fields);
    // Half of the others give way to fields over which people must decide.
    if (!field.reference.empty() || (!field.needs_person() && Below(2) == 0)) continue;
    members.insert(absl::StrCat("\"", field.scalar.name, "\":", RandomValue(field)));
  }
  const absl::Status status =
      peer.link->Edit(id, absl::StrCat("{", absl::StrJoin(members, ","), "}"));
  // A conflict, a transition that does not follow, a field that is set once, a name given twice.
  EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status))
      << status;
}

void RandomHistory::Decide(Peer& peer) {
  const std::vector<Conflict> conflicts = Must(peer.link.replica().Conflicts());
  if (conflicts.empty() || Below(3) == 0) return;
  const Conflict& open = Any(conflicts);
  const KindSpec& kind = *Schema::BuiltIn()->FindByName(open.kind);
  Decision decision;
  decision.reason = "because";
  switch (Below(3)) {
    case 0:
      decision.mode = Decision::Mode::kKeep;
      decision.keep = 1 + static_cast<int>(Below(open.versions.size()));
      break;
    case 1:
      decision.mode = Decision::Mode::kNewValue;
      decision.json = open.field[0] == '_' ? "null" : RandomValue(*kind.FindByName(open.field));
      break;
    default:
      decision.mode = Decision::Mode::kBoth;
      break;
  }
  const absl::Status status = peer.link->Settle(open.case_id, decision);
  if (status.ok()) ++reached_.settled;
  // A record that never changes; a state that does not follow, elements that are not in question;
  // one of two decisions that met is the decider's own.
  EXPECT_TRUE(status.ok() || (kind.append_only && absl::IsInvalidArgument(status)) ||
              absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status))
      << status;
}

void RandomHistory::Hide(Peer& peer) {
  const std::vector<std::string> held = Held(peer);
  if (held.empty()) return;
  const OpenRecord open = Must(peer.link.replica().Get(Any(held)));
  const bool hidden = !open.Info().hidden.empty();
  const absl::Status status = peer.link.replica().Transact(
      {}, [&](Edits& edits) { return hidden ? edits.Unhide(open) : edits.Hide(open, "because"); });
  // What people rely on is not hidden.
  EXPECT_TRUE(status.ok() || (!hidden && absl::IsFailedPrecondition(status))) << status;
}

void RandomHistory::MoveSession(Peer& peer) {
  Device& device = *peer.link.device;
  if (peer.session == nullptr) {
    peer.session = Must(client::Session::Start(device.store(), device.directory(), device.clock(),
                                               device.entropy(), *peer.link.link));
  }
  for (uint64_t i = 1 + Below(4); i > 0; --i) {
    const absl::StatusOr<bool> more = peer.session->Step();
    EXPECT_TRUE(more.ok() || absl::IsUnavailable(more.status())) << more.status();
    EXPECT_FALSE(peer.session->result().repaired);
    if (more.ok() && *more) continue;
    ++(more.ok() ? reached_.complete : reached_.cut);
    peer.session = nullptr;
    return;
  }
}

void RandomHistory::MessWithTime(Peer& peer) {
  ManualClock& clock = peer.link->clock();
  if (Below(2) == 0) {
    clock.Reboot();
  } else {
    clock.SetWall(kNine + static_cast<int64_t>(Below(400'000'000)) - 200'000'000);
  }
}

void RandomHistory::Reopen(Peer& peer) {
  peer.session = nullptr;
  peer.link->Reopen();
  Must(peer.link->db().Exec("PRAGMA synchronous = OFF"));
}

void RandomHistory::ShareSomething() {
  const Rows rows = world_.ServerRows(Below(2) == 0 ? "north" : "south");
  if (rows.empty()) return;
  auto row = rows.begin();
  std::advance(row, Below(rows.size()));
  Must(server::Share(world_.tenant(), row->second.compartment.file,
                     Below(2) == 0 ? "north" : "south")
           .status());
}

void RandomHistory::Settle() {
  for (Peer& peer : peers_) {
    peer.session = nullptr;
    peer.link.link->Decide(nullptr);
  }
  // Everything is handed over in the first round, so everybody has it after the second (L9).
  for (int round = 0; round < 2; ++round) {
    for (Peer& peer : peers_) {
      const absl::StatusOr<SyncResult> result = peer.link.Sync();
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_FALSE(result->repaired);
      EXPECT_EQ(result->waiting, 0u);
    }
  }
  NoteChanges();
}

}  // namespace doorstep
