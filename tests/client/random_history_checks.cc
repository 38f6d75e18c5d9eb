// What must hold of a generated history.
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client-lib/digests.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"
#include "tests/client/random_history.h"

namespace doorstep {

using Admitted = std::map<ChangeId, std::pair<int64_t, uint64_t>>;  // time and sequence

void RandomHistory::NoteChanges() {
  for (size_t place = 0; place < peers_.size(); ++place) {
    Peer& peer = peers_[place];
    client::Outbox outbox(peer.link->store());
    Must(outbox.ForEach(client::Which::kAll, peer.noted,
                        [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
                          const Unit unit = Must(outbox.Decode(own));
                          for (const ChangeData& change : unit.changes) {
                            said_[change.id] = {change, unit.compartment, own.author, place};
                          }
                          peer.noted = own.unit;
                          return true;
                        }));
  }
}

// L5: rows are the server's rows as of a checkpoint, with the pending changes on top.
void RandomHistory::CheckRows(size_t place) {
  Device& device = *peers_[place].link.device;
  EXPECT_EQ(World::Stored(device), World::Refolded(device)) << "device" << place;
}

// Words, and beginnings of words, find the records that show them, and no others.
void RandomHistory::CheckSearch(size_t place) {
  Device& device = *peers_[place].link.device;
  std::map<std::string, std::set<std::string>> shown;   // a plain scan
  std::map<std::string, std::set<std::string>> hidden;  // of those, what is not found unasked
  for (const auto& [id, state] : World::Stored(device)) {
    const KindSpec& kind = *Schema::BuiltIn()->Find(state.kind);
    for (const FieldSpec& field : kind.fields) {
      const FieldState* held = field.full_text ? state.Find(field.number()) : nullptr;
      if (held == nullptr) continue;
      const Effective effective = EffectiveOf(field, *held);
      std::vector<std::string> values = effective.elements;
      if (!field.is_set()) values = {effective.value};
      for (const std::string& value : values) {
        const std::string text(Must(DecodeScalar(field.scalar, value)).bytes);
        for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \n.,"))) {
          if (word.empty()) continue;
          for (const std::string& asked :
               {std::string(word), absl::StrCat(word.substr(0, 2), "*")}) {
            shown[asked].insert(id.ToString());
            if (HiddenBecause(state).has_value()) hidden[asked].insert(id.ToString());
          }
        }
      }
    }
  }
  for (const char* word :
       {"one", "two", "three", "four", "five", "on*", "tw*", "th*", "fo*", "fi*", "six"}) {
    std::set<std::string> found;
    for (const SearchHit& hit :
         Must(device.replica().Search(word, {.kind = "", .hidden = true, .limit = 0}))) {
      found.insert(hit.record);
      EXPECT_EQ(!hit.hidden.empty(), hidden[word].contains(hit.record)) << word;
    }
    EXPECT_EQ(found, shown[word]) << "device" << place << " finds " << word;
  }
}

bool RandomHistory::Supersedes(const ChangeId& newer, const ChangeId& older, uint32_t field) const {
  std::set<ChangeId> seen;
  std::vector<ChangeId> rest = {newer};
  while (!rest.empty()) {
    const ChangeId id = rest.back();
    rest.pop_back();
    if (id == older) return true;
    const auto said = said_.find(id);
    if (!seen.insert(id).second || said == said_.end()) continue;
    for (const FieldEdit& edit : said->second.data.edits) {
      if (edit.field == field) rest.insert(rest.end(), edit.base.begin(), edit.base.end());
    }
  }
  return false;
}

bool RandomHistory::StillShown(const ChangeId& change, const FieldSpec& field,
                               const FieldEdit& edit, const FieldState* state) const {
  static const FieldState kNone;
  const std::vector<Head>& heads = state == nullptr ? kNone.heads : state->heads;
  if (!field.is_set()) {
    // LATEST shows one version, which is a later one by time.
    if (field.merge == MergeClass::kLatest && !heads.empty()) return true;
    return std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
      return Supersedes(head.id, change, field.number());
    });
  }
  return std::all_of(edit.adds.begin(), edit.adds.end(), [&](const std::string& element) {
    const bool live = std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
      return head.id == change && head.value == element;
    });
    return live || std::any_of(said_.begin(), said_.end(), [&](const auto& entry) {
             for (const FieldEdit& other : entry.second.data.edits) {
               if (other.field != field.number()) continue;
               for (const FieldEdit::Removal& removal : other.removals) {
                 const auto& adds = removal.adds;
                 if (std::find(adds.begin(), adds.end(), change) != adds.end()) return true;
               }
             }
             return false;
           });
  });
}

// L6: what was saved here is visible, unless refused, or replaced by something that names it.
void RandomHistory::CheckOwnWrites(size_t place) {
  Device& device = *peers_[place].link.device;
  const Rows rows = World::Stored(device);
  client::Outbox outbox(device.store());
  Must(outbox.ForEach(client::Which::kAll, 0,
                      [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
                        if (own.parked) return true;
                        const Unit unit = Must(outbox.Decode(own));
                        for (const ChangeData& change : unit.changes) {
                          const auto row = rows.find(change.record);
                          if (row == rows.end()) {
                            // Its creation was refused, and this is on its way to be.
                            EXPECT_TRUE(own.waiting()) << change.id.ToString();
                            continue;
                          }
                          const KindSpec& kind = *Schema::BuiltIn()->Find(change.kind);
                          for (const FieldEdit& edit : change.edits) {
                            EXPECT_TRUE(StillShown(change.id, *kind.FindWithMarks(edit.field), edit,
                                                   row->second.Find(edit.field)))
                                << "device" << place << " lost " << change.id.ToString()
                                << ", field " << edit.field << " of " << kind.name;
                          }
                        }
                        return true;
                      }));
}

// L4: every change has exactly one outcome, and the server has every unit once.
void RandomHistory::CheckOutcomes(size_t place) {
  Device& device = *peers_[place].link.device;
  const auto view = Must(world_.tenant().store().Read());
  const Uuid id = Must(device.store().Id(client::key::kDevice));
  const auto ledger = Must(view->Outcomes(id, 0, 1'000'000));
  std::set<std::pair<Uuid, uint64_t>> known;
  for (const server::UnitRow& row : ledger) {
    EXPECT_TRUE(known.insert({row.incarnation, row.counter}).second);
  }
  size_t units = 0;
  client::Outbox outbox(device.store());
  Must(outbox.ForEach(client::Which::kAll, 0,
                      [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
                        ++units;
                        EXPECT_FALSE(own.waiting());
                        EXPECT_TRUE(known.contains({own.incarnation, own.counter}));
                        return true;
                      }));
  EXPECT_EQ(units, ledger.size());
  for (const OwnChange& change : Must(device.replica().Outcomes())) {
    EXPECT_NE(change.state, ChangeState::kWaiting);
    reached_.merged += change.state == ChangeState::kMerged;
    reached_.conflict += change.state == ChangeState::kConflict;
    reached_.rejected += change.state == ChangeState::kRejected;
  }
}

// L1: rows and digests are the server's.
void RandomHistory::CheckAgreement() {
  for (size_t place = 0; place < peers_.size(); ++place) {
    Device& device = *peers_[place].link.device;
    EXPECT_EQ(World::DeviceRows(device), world_.ServerRows(peers_[place].site))
        << "device" << place;
    EXPECT_EQ(World::Stored(device), World::DeviceRows(device)) << "device" << place;
    const DigestInfo stored = Must(device.replica().Digest(false));
    const DigestInfo computed = Must(device.replica().Digest(true));
    EXPECT_EQ(stored.digest, computed.digest) << "device" << place;
    ASSERT_EQ(stored.compartments.size(), computed.compartments.size());
    for (size_t i = 0; i < stored.compartments.size(); ++i) {
      EXPECT_EQ(stored.compartments[i].digest, computed.compartments[i].digest);
      EXPECT_EQ(stored.compartments[i].records, computed.compartments[i].records);
    }
    EXPECT_EQ(Must(device.replica().Digest()).checkpoint,
              Must(peers_[0].link.replica().Digest()).checkpoint);
    CheckRows(place);
    CheckOwnWrites(place);
    CheckOutcomes(place);
  }
}

// Bases that were refused give way to their own.
void RandomHistory::Expand(const Admitted& admitted, uint32_t field,
                           std::vector<ChangeId>* base) const {
  std::vector<ChangeId> rest = std::move(*base);
  base->clear();
  while (!rest.empty()) {
    const ChangeId id = rest.back();
    rest.pop_back();
    if (admitted.contains(id)) {
      base->push_back(id);
      continue;
    }
    for (const FieldEdit& edit : said_.at(id).data.edits) {
      if (edit.field == field) rest.insert(rest.end(), edit.base.begin(), edit.base.end());
    }
  }
  std::sort(base->begin(), base->end());
}

// All admitted changes in a random order in which each comes after its bases.
Rows RandomHistory::Replanned(const Admitted& admitted) {
  Rows rows;
  std::set<ChangeId> done;
  std::vector<ChangeId> waiting;
  for (const auto& [id, when] : admitted) waiting.push_back(id);
  while (!waiting.empty()) {
    const size_t place = Below(waiting.size());
    SaidChange said = said_.at(waiting[place]);
    bool ready = said.data.create || rows.contains(said.data.record);
    for (FieldEdit& edit : said.data.edits) {
      Expand(admitted, edit.field, &edit.base);
      for (const ChangeId& id : edit.base) ready &= done.contains(id);
      for (FieldEdit::Removal& removal : edit.removals) {
        std::erase_if(removal.adds, [&](const ChangeId& id) { return !admitted.contains(id); });
        for (const ChangeId& id : removal.adds) ready &= done.contains(id);
      }
    }
    if (!ready) continue;
    const auto [time_ms, sequence] = admitted.at(said.data.id);
    RecordState& row = rows[said.data.record];
    row.id = said.data.record;
    row.kind = said.data.kind;
    row.compartment = said.compartment;
    PlanChange(*Schema::BuiltIn()->Find(row.kind), said.data, time_ms, sequence, said.author, &row);
    done.insert(said.data.id);
    waiting.erase(waiting.begin() + static_cast<int64_t>(place));
  }
  return rows;
}

void RandomHistory::CheckOrderIndependence() {
  const auto view = Must(world_.tenant().store().Read());
  Admitted admitted;
  for (const auto& [id, said] : said_) {
    const auto unit = Must(view->UnitOf(id));
    ASSERT_TRUE(unit.has_value()) << id.ToString();
    if (unit->Refused()) continue;
    const auto place = static_cast<uint32_t>(id.counter - unit->counter);
    admitted[id] = {unit->TimeOf(place), unit->sequence};
  }
  Rows server = world_.ServerRows("north");
  server.merge(world_.ServerRows("south"));
  for (int order = 0; order < 2; ++order) {
    const Rows replanned = Replanned(admitted);
    ASSERT_EQ(replanned.size(), server.size());
    for (const auto& [id, row] : server) {
      const RecordState& other = replanned.at(id);
      for (const FieldState& field : row.fields) {
        const FieldState* same = other.Find(field.field);
        // A field that lost its last element keeps its sequence only.
        EXPECT_EQ(same == nullptr ? std::vector<Head>() : same->heads, field.heads)
            << id << " field " << field.field;
      }
      for (const FieldState& field : other.fields) {
        EXPECT_TRUE(field.heads.empty() || row.Find(field.field) != nullptr);
      }
    }
  }
}

}  // namespace doorstep
