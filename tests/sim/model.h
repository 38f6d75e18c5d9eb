// What the rules say must happen, in the plainest way, to compare the engine with. Written from
// sync/README.md; what bytes mean stands in payload.h.
//
// This file: fields, changes and the server. Whole texts and records: judgement.h.
#ifndef TESTS_SIM_MODEL_H_
#define TESTS_SIM_MODEL_H_

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/payload.h"

namespace doorstep::sim {

// The members stand in canonical order: time, then id, then value.
struct ModelHead {
  int64_t time_ms = 0;
  Id id;
  std::string value;
  uint64_t sequence = 0;  // 0: pending
  std::string author;
  std::string settled;  // the reason
  std::optional<ModelAgreed> agreed;
  std::set<Id> removes;  // not empty: a proposal to take the element out, over these adds
  std::set<Id> seen;     // elsewhere
  auto operator<=>(const ModelHead&) const = default;
};
using Heads = std::set<ModelHead>;

struct ModelRecord {
  uint32_t kind = 0;
  PlaceId place;
  std::map<uint32_t, Heads> fields;  // those with heads
};
using Rows = std::map<std::string, ModelRecord>;

// Those of a field; none: empty.
const Heads& HeadsOf(const ModelRecord& record, uint32_t field);

// What people see of a field: its value, or the elements of a SET one after the other.
std::string Shown(uint32_t kind, uint32_t field, const Heads& heads);
// Whether a person must decide.
bool IsOpen(uint32_t kind, uint32_t field, const Heads& heads);
// Whether Shown and IsOpen say something about these heads: not about several texts.
bool Judged(uint32_t kind, uint32_t field, const Heads& heads);
// The last value that all their authors knew; empty: none.
std::string LowestAgreed(const Heads& heads);

// heads := (heads - base) + {change}. With `latest_too`, the heads of LATEST are all that could
// win, not the one that does. Returns "APPLIED", "MERGED" or "CONFLICT".
std::string Apply(const ModelChange& change, int64_t time_ms, uint64_t sequence,
                  const std::string& author, bool latest_too, ModelRecord* record);

// Why a unit is refused: its site may not write there, its author may not decide, it comes too
// late.
inline constexpr char kNotTheirs[] = "the site does not hold the file";
inline constexpr char kNotAlone[] = "nobody decides alone what is their own across bands";
inline constexpr char kAfterwards[] = "it was made after access had ended";
inline constexpr char kTakenBack[] = "its author has taken it back";

// An author is told, on the device that they used, that somebody who had not seen their version has
// displaced it, or stands beside it.
struct Told {
  uint64_t sequence = 0;
  PlaceId place;
  std::string record;
  uint32_t field = 0;
  Id change;  // theirs
  Id by;
  bool conflict = false;  // somebody must decide; else another version counts
  bool sure = true;       // false: the model cannot say, and either is right
};

// The sequence by which everything that was ever admitted has come.
inline constexpr uint64_t kNow = std::numeric_limits<uint64_t>::max();

// The server, as its ledger tells it.
class Model {
 public:
  // --- Who holds what ---
  void Grant(const std::string& site, const PlaceId& place, uint64_t sequence);
  // At a sequence, and a moment of the server's clock.
  void Take(const std::string& site, const PlaceId& place, uint64_t sequence, int64_t time_ms);
  bool Holds(const std::string& site, const PlaceId& place, uint64_t at) const;
  std::set<PlaceId> HeldBy(const std::string& site, uint64_t at) const;
  // Whether the file was once taken from the site, and is not given again.
  bool Lost(const std::string& site, const std::string& file) const;
  bool WasTaken(const std::string& site, const std::string& file) const {
    return ends_.contains({site, file});
  }
  void KnowFile(const std::string& file) { files_.insert(file); }

  // --- Lives of the database ---
  // A backup takes its place at a sequence: what came after it, earlier lives may have had
  // otherwise.
  void BeginLife(uint64_t epoch, uint64_t from);
  bool Knows(uint64_t epoch) const { return lives_.contains(epoch); }
  // Whether something may have been lost.
  bool Restored() const { return lives_.size() > 1; }
  // Up to which sequence the author of a unit had seen what is here.
  uint64_t SightOf(const ModelUnit& unit) const;

  // --- Admission ---
  // What the unit waits for: a change that it names as seen, or (after a restore) a record that is
  // not here; empty: nothing.
  std::string WaitsFor(const ModelUnit& unit, const std::string& site) const;
  // Why the unit must be refused now; empty: it must be admitted. `made_ms`: when it was made, as
  // far as the server can tell.
  std::string WhyRefuse(const ModelUnit& unit, const std::string& site, int64_t made_ms) const;
  // `times`: of each change. Returns the word of each change.
  std::vector<std::string> Admit(const ModelUnit& unit, const std::string& site, uint64_t sequence,
                                 const std::vector<int64_t>& times_ms);
  void Refuse(const ModelUnit& unit, uint64_t sequence, const std::string& why);
  // It waits; what it answers does not come any more.
  void Hold(const ModelUnit& unit);
  bool IsHeld(const Id& id) const { return held_.contains(id); }
  // Held changes whose authors have taken them back, or sent them again: they end at once.
  const std::set<Id>& taken_back() const { return taken_back_; }
  // The change with refused bases replaced by what those had seen, as far as refused by `at`.
  ModelChange Resolved(const ModelChange& change, uint64_t at) const;
  // The same for the server, which also takes refused adds out of removals (they are not there on a
  // replica), and after a restore puts what the author of a base that is lost must have seen in its
  // place: what stood by then. `lost`, if not null, gets such bases and their fields.
  ModelChange AsAdmitted(const ModelUnit& unit, const ModelChange& change, uint64_t at,
                         std::set<std::pair<Id, uint32_t>>* lost = nullptr) const;

  // --- What stands at a checkpoint ---
  const ModelRecord* At(const std::string& record, uint64_t sequence) const;
  Rows SeenBy(const std::string& site, uint64_t sequence) const;
  const std::map<std::string, std::map<uint64_t, ModelRecord>>& versions() const {
    return versions_;
  }
  // The admitted time of a change; nullopt: not admitted.
  std::optional<int64_t> TimeOf(const Id& id) const;
  // Whether a site has held the place ever since.
  bool HeldSince(const std::string& site, const PlaceId& place, uint64_t sequence) const;
  // Who was told what, in order.
  const std::vector<Told>& told() const { return told_; }

 private:
  bool IsKnown(const Id& id) const { return admitted_.contains(id) || refused_.contains(id); }
  void TakeBack(const ModelUnit& unit);
  std::string WhyNotWithdraw(const ModelUnit& unit) const;
  std::set<std::string> HoldersOf(const std::string& file) const;
  void Inherit(const std::string& record, uint32_t field, uint64_t at, const Id& id,
               std::set<Id>* base) const;
  bool MayDecide(const ModelChange& change, uint32_t field, const ModelRecord& record,
                 const std::string& author) const;
  bool OthersProposed(const ModelChange& change, uint32_t field, const std::string& author) const;
  bool StepFollows(const ModelChange& change, uint32_t field, const ModelRecord& record) const;

  std::set<std::string> files_;
  // (site, place) -> sequence -> given?
  std::map<std::pair<std::string, PlaceId>, std::map<uint64_t, bool>> membership_;
  // (site, file) -> sequence and time of the last loss.
  std::map<std::pair<std::string, std::string>, std::pair<uint64_t, int64_t>> ends_;
  std::map<std::string, std::map<uint64_t, ModelRecord>> versions_;
  std::map<Id, std::pair<int64_t, ModelChange>> admitted_;  // time
  std::map<Id, std::string> authors_;                       // of what was admitted
  std::map<Id, std::pair<uint64_t, ModelChange>> refused_;  // sequence
  std::set<Id> held_;
  std::set<Id> taken_back_;                            // of those
  std::set<std::string> refused_records_;              // that would have been created
  std::vector<std::pair<uint64_t, uint64_t>> epochs_;  // epoch, from; in order
  std::set<uint64_t> lives_;
  std::set<std::pair<Id, uint32_t>> replaced_early_;  // lost, and named as base by what came first
  std::vector<Told> told_;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_MODEL_H_
