// What bytes on the wire mean, for the model: payloads taken apart, values read, options looked up.
// Written from proto/README.md; shares no code with sync/, server/ or client-lib/, only the
// generated messages and their options.
//
// Ids, files and lives (incarnations) are their raw bytes. A value is the encoding of one field,
// tag included, as on the wire; the empty string is "no value".
#ifndef TESTS_SIM_PAYLOAD_H_
#define TESTS_SIM_PAYLOAD_H_

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
#include "doorstep/v1/options.pb.h"

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

// A compartment: file and tier.
using PlaceId = std::pair<std::string, uint32_t>;

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
  std::set<Id> seen;           // elsewhere
  std::optional<Id> resolves;  // the parked change that it answers
  std::string because;         // why that is withdrawn

  bool Withdraws() const { return resolves.has_value() && edits.empty(); }
};

struct ModelUnit {
  std::string author;
  PlaceId place;
  v1::Stamp stamp;
  std::vector<ModelChange> changes;
  // What its envelope says: the life of the database that its author knew, and how far.
  uint64_t epoch = 0;
  uint64_t checkpoint = 0;

  // Withdrawals stand alone.
  bool Withdraws() const { return !changes.empty() && changes.front().Withdraws(); }
};

// Takes a payload apart; nullopt: it does not parse.
std::optional<ModelUnit> ReadUnit(absl::string_view payload, const std::string& life,
                                  uint64_t counter, const std::string& author);
// All changes that it names as seen in the fields that it edits.
std::set<Id> Named(const ModelChange& change);
// The fields of a serialized message: number and raw bytes of each occurrence, in order.
std::vector<std::pair<uint32_t, std::string>> SplitFields(absl::string_view message);

// A record id as text fields hold it.
std::string IdText(absl::string_view record);

// --- What the schema says ---

// Of the fields that every record may have.
inline constexpr uint32_t kHiddenMark = 19000;
inline constexpr uint32_t kAssessedMark = 19001;
inline bool IsMark(uint32_t field) { return field == kHiddenMark || field == kAssessedMark; }
inline constexpr uint32_t kSignOff = 65000;  // a kind

// Null, or options with nothing in them, when there is no such kind or field.
const google::protobuf::FieldDescriptor* FieldOf(uint32_t kind, uint32_t field);
const v1::FieldOptions& Options(uint32_t kind, uint32_t field);
const v1::KindOptions& OptionsOfKind(uint32_t kind);
inline v1::MergeClass ClassOf(uint32_t kind, uint32_t field) {
  return Options(kind, field).merge();
}
// Whether records of the kind are judgements, by themselves or with others that belong to them.
bool IsJudgement(uint32_t kind);
// Whether a field is part of a judgement that several people can make together.
bool IsMember(uint32_t kind, uint32_t field);
// Fields of `child` that say to which record of `parent` it belongs, as part of its judgement.
const std::vector<uint32_t>& ParentFields(uint32_t child, uint32_t parent);
// By its name; 0: there is no such field.
uint32_t NumberOf(uint32_t kind, const std::string& field);
// Of a kind that says whether two records are one: its fields, and the verdict that they are two.
struct Saying {
  uint32_t first = 0;
  uint32_t second = 0;
  uint32_t verdict = 0;
  int64_t two = 0;
};
std::optional<Saying> SayingOf(uint32_t kind);
// Fields without which a record cannot be signed.
std::vector<uint32_t> DemandedFields(uint32_t kind);

// --- What values say ---

// A number or text; of a message a part of it.
struct Scalar {
  bool there = false;
  int64_t number = 0;
  std::string bytes;
  auto operator<=>(const Scalar&) const = default;
};
Scalar Read(absl::string_view value, uint32_t field);
// The parts of an atomic value that its rule compares; of any other value the value.
std::vector<Scalar> Compared(uint32_t kind, uint32_t field, const std::string& value);
// Score, then severity.
std::pair<int64_t, int64_t> Rating(uint32_t field, const std::string& value);
// Of an atomic value its first enum decides, and only together with all parts that are compared.
bool IsDominant(uint32_t kind, uint32_t field, const std::string& value);
// Of a state: its rank among concurrent ones; and whether one may follow another (no value: the
// state in which records begin).
int Rank(uint32_t kind, uint32_t field, const std::string& value);
bool Follows(uint32_t kind, uint32_t field, const std::string& from, const std::string& to);

// What a signature is for: of each record and field the versions, each with a hash of its value.
using Signed = std::map<std::pair<std::string, uint32_t>, std::set<std::pair<Id, std::string>>>;
Signed ReadSigned(absl::string_view covers);
std::string SignedHash(absl::string_view value);
// Whether a signature of the record covers no value of a field that the schema demands.
bool LacksDemanded(const std::string& record, uint32_t kind, const Signed& covered);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_PAYLOAD_H_
