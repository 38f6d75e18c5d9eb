#include "tests/merge/history_checker.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sync/change/wire.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

constexpr int kDevices = 3;
constexpr int kMaxEdits = 4;
// An edit's slot: its device, and its place among that device's edits.
constexpr int kSlots = kDevices * kMaxEdits;

int DeviceOf(int slot) { return slot / kMaxEdits; }

struct ModelEdit {
  int slot = 0;
  int choice = 0;    // value; of a SET also whether it adds or removes
  int64_t time = 0;  // admitted
  int64_t delay = 0;
  uint32_t seen = 0;   // slots named: bit i = slot i
  uint32_t takes = 0;  // of these, the ones that give way to it
  bool settles = false;
  uint32_t agreed_of = 0;  // the admitted heads that `edit.agreed` is made of
  ChangeId id;
  FieldEdit edit;
};

struct Device {
  int made = 0;      // edits made
  int admitted = 0;  // of these, admitted by the server
  int pulled = 0;    // admissions seen
  int covered = 0;   // own edits among these
  std::shared_ptr<const FieldState> snapshot;
};

struct World {
  std::array<const ModelEdit*, kSlots> edits{};
  std::vector<int> admissions;  // slots in order of admission: sequence i + 1
  std::array<Device, kDevices> devices;
  std::shared_ptr<const FieldState> server;  // shared: worlds are copied at every step

  int made() const {
    int n = 0;
    for (const Device& device : devices) n += device.made;
    return n;
  }
};

// A world, or a set of edits, in few bits.
struct Key {
  std::array<uint64_t, 6> words{};
  int used = 0;

  void Put(uint64_t value, int bits) {
    if (used % 64 + bits > 64) used += 64 - used % 64;
    words[used / 64] |= value << (used % 64);
    used += bits;
  }
  bool operator==(const Key& other) const { return words == other.words; }
  template <typename H>
  friend H AbslHashValue(H h, const Key& key) {
    return H::combine(std::move(h), key.words);
  }
};

class Explorer {
 public:
  Explorer(const Scenario& scenario, const Engine& engine) : s_(scenario), engine_(engine) {}

  Report Run() {
    World world;
    world.server = Empty();
    for (Device& device : world.devices) device.snapshot = world.server;
    report_.interleavings = Walk(world);
    report_.states = walked_.size();
    report_.histories = histories_.size();
    return report_;
  }

 private:
  // --- The walk ---

  // The number of ways from here to the end.
  uint64_t Walk(const World& world) {
    if (!report_.violated.empty()) return 0;
    const Key key = KeyOf(world);
    if (const auto it = walked_.find(key); it != walked_.end()) return it->second;
    uint64_t ways = 0;
    bool quiet = true;
    for (int d = 0; d < kDevices; ++d) {
      const Device& device = world.devices[d];
      if (world.made() < s_.edits) ways += WalkEdits(world, d);
      const bool can_push = device.admitted < device.made;
      const bool can_pull = device.pulled < std::ssize(world.admissions);
      if (can_push) ways += WalkPush(world, d);
      if (can_pull) ways += WalkPull(world, d);
      quiet = quiet && !can_push && !can_pull;
    }
    if (quiet && world.made() == s_.edits) {
      CheckEnd(world);
      ways = 1;
    }
    walked_.emplace(key, ways);
    return ways;
  }

  uint64_t WalkEdits(const World& world, int d) {
    uint64_t ways = 0;
    const FieldState view = View(world, d);
    const int choices = static_cast<int>(s_.values.size()) * Ways();
    for (int choice = 0; choice < choices; ++choice) {
      for (int64_t delay : s_.delays) {
        std::optional<ModelEdit> edit = MakeEdit(world, d, view, choice, delay);
        if (!edit.has_value()) continue;
        edits_.push_back(*std::move(edit));
        World next = world;
        next.edits[edits_.back().slot] = &edits_.back();
        ++next.devices[d].made;
        ways += Walk(next);
        edits_.pop_back();
      }
    }
    return ways;
  }

  uint64_t WalkPush(const World& world, int d) {
    World next = world;
    Device& device = next.devices[d];
    const int slot = d * kMaxEdits + device.admitted++;
    next.admissions.push_back(slot);
    std::shared_ptr<const FieldState>& admitted = servers_[AdmissionsKey(next)];
    if (admitted == nullptr) {
      admitted = Admit(*next.edits[slot], next.admissions.size(), *world.server);
      next.server = admitted;
      const auto again = Admit(*next.edits[slot], next.admissions.size(), *admitted);
      if (!(*again == *admitted)) Violate("repeat", next);
      CheckServer(next);
    }
    next.server = admitted;
    return Walk(next);
  }

  // As the protocol does it: only what lies beyond the cursor travels.
  uint64_t WalkPull(const World& world, int d) {
    World next = world;
    Device& device = next.devices[d];
    if (next.server->sequence > static_cast<uint64_t>(device.pulled)) device.snapshot = next.server;
    device.pulled = static_cast<int>(next.admissions.size());
    device.covered = device.admitted;
    return Walk(next);
  }

  // --- The parts ---

  std::optional<ModelEdit> MakeEdit(const World& world, int d, const FieldState& view, int choice,
                                    int64_t delay) const {
    const Device& device = world.devices[d];
    ModelEdit made;
    made.slot = d * kMaxEdits + device.made;
    made.choice = choice;
    made.delay = delay;
    made.id = {Incarnation(static_cast<char>('A' + d)), static_cast<uint64_t>(device.made) + 1};
    made.edit.field = s_.field.number();
    if (s_.field.is_set()) {
      if (!FillSetEdit(view, choice, &made)) return std::nullopt;
    } else {
      made.edit.value = s_.values[choice];
      for (const Head& head : view.heads) made.seen |= 1u << SlotOf(head.id);
      for (int i = device.covered; i < device.made; ++i) made.seen |= 1u << (d * kMaxEdits + i);
      for (int i = 0; i < kSlots; ++i) {
        if (made.seen >> i & 1) made.edit.base.push_back(world.edits[i]->id);
      }
      made.takes = made.seen;
      if (s_.field.carries_agreed()) FillAgreed(view, &made);
    }
    made.time = LatestBase(world, made.seen) + delay;
    return made;
  }

  // What an edit may do with one value: set it; of a SET add or remove it; where removals are
  // reviewed also decide that it goes, or stays.
  int Ways() const { return !s_.field.is_set() ? 1 : s_.field.removal_reviewed ? 4 : 2; }

  // False when there is nothing to remove.
  bool FillSetEdit(const FieldState& view, int choice, ModelEdit* made) const {
    const std::string& element = s_.values[choice / Ways()];
    const int way = choice % Ways();
    if (way == 0) {
      made->edit.adds.push_back(element);
      return true;
    }
    made->settles = way >= 2;
    FieldEdit::Removal removal;
    removal.element = element;
    for (const Head& head : view.heads) {
      if (head.value != element || (head.IsProposal() && !made->settles)) continue;
      removal.adds.push_back(head.id);
      made->seen |= 1u << SlotOf(head.id);
    }
    if (removal.adds.empty()) return false;
    if (made->settles || !s_.field.removal_reviewed) made->takes = made->seen;
    if (way == 3) made->edit.adds.push_back(element);
    made->edit.removals.push_back(std::move(removal));
    return true;
  }

  void FillAgreed(const FieldState& view, ModelEdit* made) const {
    made->edit.agreed = AgreedFor(s_.field, view);
    for (const Head& head : view.heads) {
      if (head.sequence > 0) made->agreed_of |= 1u << SlotOf(head.id);
    }
  }

  static int SlotOf(const ChangeId& id) {
    return (id.incarnation.b[0] - 'A') * kMaxEdits + static_cast<int>(id.counter) - 1;
  }

  static int64_t LatestBase(const World& world, uint32_t seen) {
    int64_t latest = 0;
    for (int i = 0; i < kSlots; ++i) {
      if (seen >> i & 1) latest = std::max(latest, world.edits[i]->time);
    }
    return latest;
  }

  void Apply(const ModelEdit& edit, int64_t time, uint64_t sequence, FieldState* state) const {
    EditContext context;
    context.id = edit.id;
    context.time_ms = time;
    context.sequence = sequence;
    context.author = "author";
    if (edit.settles) context.settle = {SettleMode::kKeep, "because"};
    engine_.plan(s_.field, edit.edit, context, state);
  }

  std::shared_ptr<const FieldState> Admit(const ModelEdit& edit, uint64_t sequence,
                                          const FieldState& state) const {
    auto next = std::make_shared<FieldState>(state);
    Apply(edit, edit.time, sequence, next.get());
    return next;
  }

  std::shared_ptr<const FieldState> Empty() const {
    FieldState empty;
    empty.field = s_.field.number();
    return std::make_shared<const FieldState>(empty);
  }

  // What the device shows: the server's state as pulled, own pending edits on top.
  FieldState View(const World& world, int d) const {
    const Device& device = world.devices[d];
    FieldState state = *device.snapshot;
    std::array<int64_t, kSlots> estimates{};
    for (int i = device.covered; i < device.made; ++i) {
      const ModelEdit& edit = *world.edits[d * kMaxEdits + i];
      int64_t time = edit.time;
      if (s_.early_estimates) {
        int64_t latest = 0;
        for (int j = 0; j < kSlots; ++j) {
          if ((edit.seen >> j & 1) == 0) continue;
          latest = std::max(latest, estimates[j] != 0 ? estimates[j] : world.edits[j]->time);
        }
        time = estimates[edit.slot] = latest + 1;
      }
      Apply(edit, time, 0, &state);
    }
    return state;
  }

  // --- Keys ---

  static Key EditsKey(const World& world) {
    Key key;
    key.Put(static_cast<uint64_t>(world.made()), 3);
    for (const ModelEdit* edit : world.edits) {
      if (edit != nullptr) PutEdit(*edit, &key);
    }
    return key;
  }

  // All that the server's state depends on.
  static Key AdmissionsKey(const World& world) {
    Key key;
    key.Put(world.admissions.size(), 3);
    for (int slot : world.admissions) PutEdit(*world.edits[slot], &key);
    return key;
  }

  static void PutEdit(const ModelEdit& edit, Key* key) {
    key->Put(static_cast<uint64_t>(edit.slot), 4);
    key->Put(static_cast<uint64_t>(edit.choice), 3);
    key->Put(static_cast<uint64_t>(edit.delay), 3);
    key->Put(edit.seen, kSlots);
    key->Put(edit.agreed_of, kSlots);
    key->Put(edit.edit.agreed.has_value() ? edit.edit.agreed->sequence : 0, 3);
  }

  static Key KeyOf(const World& world) {
    Key key = EditsKey(world);
    key.Put(world.admissions.size(), 3);
    for (int slot : world.admissions) key.Put(static_cast<uint64_t>(slot), 4);
    for (const Device& device : world.devices) {
      key.Put(static_cast<uint64_t>(device.made), 3);
      key.Put(static_cast<uint64_t>(device.pulled), 3);
    }
    return key;
  }

  // --- The laws ---

  // Of what the server holds, whatever has arrived so far.
  void CheckServer(const World& world) {
    CheckHeads(world);
    const Effective effective = engine_.effective(s_.field, *world.server);
    const bool conflict = s_.conflict ? s_.conflict(*world.server)
                                      : CountDistinct(*world.server) > 1 && s_.field.needs_person();
    if (effective.provisional != conflict || IsConflict(s_.field, *world.server) != conflict) {
      Violate("rule", world);
    }
    if (s_.field.is_set()) {
      CheckElements(world, effective);
    } else {
      CheckValue(world, effective.value, conflict);
    }
  }

  // The heads are exactly the admitted values that no admitted edit has seen: found here from the
  // edits alone.
  void CheckHeads(const World& world) {
    uint32_t heads = 0;
    for (const Head& head : world.server->heads) heads |= 1u << SlotOf(head.id);
    uint32_t seen = 0;
    const ModelEdit* last = nullptr;
    for (int slot : world.admissions) {
      const ModelEdit* edit = world.edits[slot];
      seen |= edit->takes;
      if (last == nullptr || std::tie(edit->time, edit->id) > std::tie(last->time, last->id)) {
        last = edit;
      }
    }
    const bool latest = s_.field.merge == MergeClass::kLatest;
    for (int slot : world.admissions) {
      const ModelEdit& edit = *world.edits[slot];
      const bool proposes = s_.field.removal_reviewed && !edit.settles;
      if (s_.field.is_set() && edit.edit.adds.empty() && !proposes) continue;
      const bool head = heads >> slot & 1;
      const bool named = seen >> slot & 1;
      if (head && named) Violate("replaced", world);
      if (!head && !named && !(latest && last != &edit)) Violate("no loss", world);
    }
    if (latest && heads != 1u << last->slot) Violate("no loss", world);
    for (int slot : world.admissions) {
      const bool later_own = DeviceOf(slot) == DeviceOf(last->slot) && slot > last->slot;
      if (latest && later_own) Violate("own", world);
    }
  }

  size_t CountDistinct(const FieldState& state) const {
    std::vector<std::string> keys;
    for (const Head& head : state.heads) keys.push_back(CompareKey(s_.field, head.value));
    std::sort(keys.begin(), keys.end());
    return std::unique(keys.begin(), keys.end()) - keys.begin();
  }

  void CheckElements(const World& world, const Effective& effective) {
    std::vector<std::string> live;
    for (const Head& head : world.server->heads) {
      if (!head.IsProposal()) live.push_back(head.value);
    }
    std::sort(live.begin(), live.end());
    live.erase(std::unique(live.begin(), live.end()), live.end());
    if (effective.elements != live) Violate("rule", world);
  }

  void CheckValue(const World& world, const std::string& value, bool conflict) {
    const auto is_known = std::find(s_.values.begin(), s_.values.end(), value) != s_.values.end();
    if (!is_known && !value.empty() && !s_.merges) Violate("committed", world);
    std::vector<std::string> heads;
    for (const Head& head : world.server->heads) heads.push_back(head.value);
    if (s_.rule && !s_.rule(heads, value)) Violate("rule", world);
    const bool agreed = s_.field.effective == EffectiveRule::kLastAgreed && s_.field.dominant == 0;
    if (!conflict || !agreed || value.empty()) return;
    for (const Head& head : world.server->heads) {
      if (!Knew(world, SlotOf(head.id), value)) Violate("known", world);
    }
  }

  // Whether the author of the edit had ever seen the value, or wrote it.
  bool Knew(const World& world, int slot, const std::string& value) const {
    const ModelEdit& edit = *world.edits[slot];
    if (edit.edit.value == value) return true;
    for (int i = 0; i < kSlots; ++i) {
      if ((edit.seen >> i & 1) != 0 && Knew(world, i, value)) return true;
    }
    return false;
  }

  void CheckEnd(const World& world) {
    for (int d = 0; d < kDevices; ++d) {
      if (!(View(world, d) == *world.server)) Violate("converged", world);
    }
    const std::string outcome = Outcome(*world.server);
    const auto [it, first] = histories_.emplace(EditsKey(world), outcome);
    if (first) {
      World fresh = world;
      fresh.admissions.clear();
      fresh.server = Empty();
      Replay(fresh, 0, outcome);
    }
    if (it->second != outcome) Violate("order", world);
  }

  // Delivers the edits that are not in `done` in every order that respects their bases.
  void Replay(const World& world, uint32_t done, const std::string& outcome) {
    bool any = false;
    for (int slot = 0; slot < kSlots; ++slot) {
      const ModelEdit* edit = world.edits[slot];
      if (edit == nullptr || (done >> slot & 1) != 0 || (edit->seen & ~done) != 0) continue;
      any = true;
      World next = world;
      next.admissions.push_back(slot);
      next.server = Admit(*edit, next.admissions.size(), *world.server);
      CheckServer(next);
      Replay(next, done | 1u << slot, outcome);
    }
    if (any) return;
    ++report_.orders;
    if (Outcome(*world.server) != outcome) Violate("order", world);
  }

  // All that must not depend on the order: everything but sequences.
  std::string Outcome(const FieldState& state) const {
    std::string out;
    for (const Head& head : state.heads) {
      if (head.IsProposal()) absl::StrAppend(&out, "-");
      absl::StrAppend(&out, SlotOf(head.id), "@", head.time_ms, "=", head.value, ";");
      if (head.agreed.has_value()) {
        absl::StrAppend(&out, head.agreed->sequence, ":", head.agreed->value, ";");
      }
    }
    const Effective effective = engine_.effective(s_.field, state);
    absl::StrAppend(&out, "|", effective.value, "|", effective.provisional, "|");
    for (const std::string& element : effective.elements) absl::StrAppend(&out, element, ",");
    absl::StrAppend(&out, "|", IsConflict(s_.field, state));
    return out;
  }

  void Violate(const char* law, const World& world) {
    if (!report_.violated.empty()) return;
    report_.violated = law;
    std::string* out = &report_.history;
    for (int slot = 0; slot < kSlots; ++slot) {
      if (world.edits[slot] == nullptr) continue;
      const ModelEdit& edit = *world.edits[slot];
      absl::StrAppend(out, Name(slot), " @", edit.time, " writes ", Show(edit), " having seen");
      for (int i = 0; i < kSlots; ++i) {
        if (edit.seen >> i & 1) absl::StrAppend(out, " ", Name(i));
      }
      absl::StrAppend(out, "\n");
    }
    absl::StrAppend(out, "admitted:");
    for (int slot : world.admissions) absl::StrAppend(out, " ", Name(slot));
    absl::StrAppend(out, "\nheads:");
    for (const Head& head : world.server->heads) absl::StrAppend(out, " ", Name(SlotOf(head.id)));
    absl::StrAppend(out, "\neffective: ",
                    absl::CHexEscape(engine_.effective(s_.field, *world.server).value), "\n");
  }

  std::string Show(const ModelEdit& edit) const {
    if (!s_.field.is_set()) return absl::CHexEscape(edit.edit.value);
    constexpr const char* kWays[] = {"+", "-", "decides -", "decides +"};
    return absl::StrCat(kWays[edit.choice % Ways()],
                        absl::CHexEscape(s_.values[edit.choice / Ways()]));
  }

  static std::string Name(int slot) {
    return absl::StrCat(std::string(1, static_cast<char>('A' + DeviceOf(slot))),
                        slot % kMaxEdits + 1);
  }

  const Scenario& s_;
  const Engine engine_;
  Report report_;
  std::deque<ModelEdit> edits_;  // of the walk's present path: addresses stay
  absl::flat_hash_map<Key, uint64_t> walked_;
  absl::flat_hash_map<Key, std::shared_ptr<const FieldState>> servers_;  // checked
  absl::flat_hash_map<Key, std::string> histories_;                      // what each ended in
};

}  // namespace

Report Explore(const Scenario& scenario, const Engine& engine) {
  return Explorer(scenario, engine).Run();
}

std::ostream& operator<<(std::ostream& os, const Report& report) {
  os << report.interleavings << " interleavings, " << report.states << " states, "
     << report.histories << " histories in " << report.orders << " orders";
  if (!report.violated.empty()) os << "; violated: " << report.violated << "\n" << report.history;
  return os;
}

}  // namespace doorstep
