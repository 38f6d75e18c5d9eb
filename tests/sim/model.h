// What the rules say must happen, in the plainest way, to compare the engine with. Written from
// proto/README.md and sync/README.md; it shares no code with sync/, server/ or client-lib/, only
// the generated messages and their options.
//
// Ids, files and lives (incarnations) are their raw bytes. A value is the encoding of one field,
// tag included, as on the wire; the empty string is "no value".
//
// TEXT and STATE: all heads are kept, and what is shown of several is not asked (Judged); nor which
// steps of a state are refused, nor anything of reviewed removals, marks and judgements.
#ifndef TESTS_SIM_MODEL_H_
#define TESTS_SIM_MODEL_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "doorstep/v1/change.pb.h"

namespace google::protobuf {
class FieldDescriptor;
}

namespace doorstep::sim {

struct Id {
  std::string life;
  uint64_t counter = 0;
  auto operator<=>(const Id&) const = default;
};
std::string ToString(const Id& id);

struct ModelAgreed {
  uint64_t sequence = 0;
  std::string value;
  auto operator<=>(const ModelAgreed&) const = default;
};

// The members stand in canonical order: time, then id, then value.
struct ModelHead {
  int64_t time_ms = 0;
  Id id;
  std::string value;
  uint64_t sequence = 0;  // 0: pending
  std::string author;
  std::string settled;  // the reason
  std::optional<ModelAgreed> agreed;
  auto operator<=>(const ModelHead&) const = default;
};
using Heads = std::set<ModelHead>;

// A compartment: file and tier.
using PlaceId = std::pair<std::string, uint32_t>;

struct ModelRecord {
  uint32_t kind = 0;
  PlaceId place;
  std::map<uint32_t, Heads> fields;  // those with heads
};

struct ModelEdit {
  std::string value;
  std::set<Id> base;
  std::optional<ModelAgreed> agreed;
  std::set<std::string> adds;                    // SET
  std::map<std::string, std::set<Id>> removals;  // SET: element, adds that were seen
};

struct ModelChange {
  Id id;
  std::string record;
  uint32_t kind = 0;
  bool create = false;
  std::string settled;
  std::map<uint32_t, ModelEdit> edits;
};

struct ModelUnit {
  std::string author;
  PlaceId place;
  v1::Stamp stamp;
  std::vector<ModelChange> changes;
};

// Takes a payload apart; nullopt: it does not parse.
std::optional<ModelUnit> ReadUnit(absl::string_view payload, const std::string& life,
                                  uint64_t counter, const std::string& author);
// The fields of a serialized message: number and raw bytes of each occurrence, in order.
std::vector<std::pair<uint32_t, std::string>> SplitFields(absl::string_view message);

// All changes that it names as seen in the fields that it edits.
std::set<Id> Named(const ModelChange& change);

// Null when there is no such kind or field.
const google::protobuf::FieldDescriptor* FieldOf(uint32_t kind, uint32_t field);
bool IsSet(uint32_t kind, uint32_t field);
bool IsLatest(uint32_t kind, uint32_t field);
bool IsState(uint32_t kind, uint32_t field);

// What people see of a field: its value, or the elements of a SET one after the other.
std::string Shown(uint32_t kind, uint32_t field, const Heads& heads);
// Whether a person must decide: two distinct values stand.
bool IsOpen(uint32_t kind, uint32_t field, const Heads& heads);
// Whether Shown and IsOpen say something about these heads.
bool Judged(uint32_t kind, uint32_t field, const Heads& heads);

// heads := (heads - base) + {change}. With `latest_too`, the heads of LATEST are all that could
// win, not the one that does. Returns "APPLIED", "MERGED" or "CONFLICT".
std::string Apply(const ModelChange& change, int64_t time_ms, uint64_t sequence,
                  const std::string& author, bool latest_too, ModelRecord* record);

// The server, as its ledger tells it.
class Model {
 public:
  // --- Who holds what ---
  void Grant(const std::string& site, const PlaceId& place, uint64_t sequence);
  void Take(const std::string& site, const PlaceId& place, uint64_t sequence);
  bool Holds(const std::string& site, const PlaceId& place, uint64_t at) const;
  std::set<PlaceId> HeldBy(const std::string& site, uint64_t at) const;
  void KnowFile(const std::string& file) { files_.insert(file); }

  // --- Admission ---
  // A change that is named as seen and that nobody has heard of; nullopt: all are known.
  std::optional<Id> UnknownBase(const ModelUnit& unit) const;
  // Why the unit must be refused now; empty: it must be admitted.
  std::string WhyRefuse(const ModelUnit& unit, const std::string& site) const;
  // `times`: of each change. Returns the word of each change.
  std::vector<std::string> Admit(const ModelUnit& unit, const std::string& site, uint64_t sequence,
                                 const std::vector<int64_t>& times_ms);
  void Refuse(const ModelUnit& unit, uint64_t sequence);
  // The change with refused bases replaced by what those had seen, as far as refused by `at`.
  ModelChange Resolved(const ModelChange& change, uint64_t at) const;

  // --- What stands at a checkpoint ---
  const ModelRecord* At(const std::string& record, uint64_t sequence) const;
  std::map<std::string, ModelRecord> SeenBy(const std::string& site, uint64_t sequence) const;
  const std::map<std::string, std::map<uint64_t, ModelRecord>>& versions() const {
    return versions_;
  }
  bool Admitted(const Id& id) const { return admitted_.contains(id); }
  // The admitted time of a change; INT64_MIN: not admitted.
  int64_t TimeOf(const Id& id) const;

 private:
  std::set<std::string> HoldersOf(const std::string& file) const;
  void Inherit(const std::string& record, uint32_t field, uint64_t at, const Id& id,
               std::set<Id>* base) const;

  std::set<std::string> files_;
  // (site, place) -> sequence -> given?
  std::map<std::pair<std::string, PlaceId>, std::map<uint64_t, bool>> membership_;
  std::map<std::string, std::map<uint64_t, ModelRecord>> versions_;
  std::map<Id, int64_t> admitted_;  // time
  std::map<Id, std::pair<uint64_t, ModelChange>> refused_;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_MODEL_H_
