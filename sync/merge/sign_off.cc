#include "sync/merge/sign_off.h"

#include <sodium.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/sign_off.pb.h"
#include "sync/base/status.h"
#include "sync/schema/schema.h"

namespace doorstep {
namespace {

constexpr size_t kHashBytes = 16;

std::string HashOf(absl::string_view value) {
  std::string hash(kHashBytes, '\0');
  // Cannot fail: the lengths are within the function's fixed bounds and there is no key.
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(value.data()), value.size(), nullptr,
                     0);
  return hash;
}

using ByField = std::map<SignedField, std::set<SignedHead>>;

ByField Grouped(const std::vector<SignedHead>& heads) {
  ByField fields;
  for (const SignedHead& head : heads) fields[{head.record, head.field}].insert(head);
  return fields;
}

absl::Status Broken(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("covers: got ", what, ", wanted a SignedHeads"));
}

}  // namespace

std::vector<SignedHead> HeadsToSign(const Judgement& judgement) {
  std::vector<SignedHead> out;
  for (const RecordState* record : judgement) {
    for (const FieldState& field : record->fields) {
      if (field.field == kAssessedField) continue;
      for (const Head& head : field.heads) {
        out.push_back({record->id, field.field, head.id, HashOf(head.value)});
      }
    }
  }
  return out;
}

std::string EncodeSigned(const std::vector<SignedHead>& heads) {
  v1::SignedHeads out;
  absl::flat_hash_map<Uuid, uint32_t> places;
  const SignedHead* last = nullptr;
  for (const SignedHead& head : heads) {
    if (last == nullptr || last->record != head.record) {
      out.add_records()->set_record(head.record.b.data(), head.record.b.size());
    }
    last = &head;
    v1::SignedHead* added = out.mutable_records(out.records_size() - 1)->add_heads();
    const auto [place, is_new] =
        places.emplace(head.id.incarnation, static_cast<uint32_t>(places.size()));
    if (is_new) {
      out.add_incarnations(head.id.incarnation.b.data(), head.id.incarnation.b.size());
    }
    added->set_field(head.field);
    added->set_incarnation(place->second);
    added->set_counter(head.id.counter);
    added->set_value_hash(head.value_hash);
  }
  return out.SerializeAsString();
}

absl::StatusOr<std::vector<SignedHead>> DecodeSigned(absl::string_view bytes) {
  v1::SignedHeads in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Broken("bytes that do not parse");
  }
  std::vector<Uuid> incarnations;
  for (const std::string& id : in.incarnations()) {
    DOORSTEP_ASSIGN_OR_RETURN(incarnations.emplace_back(), Uuid::FromBytes(id));
  }
  std::vector<SignedHead> out;
  for (const v1::SignedRecord& record : in.records()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(record.record()));
    for (const v1::SignedHead& head : record.heads()) {
      if (head.incarnation() >= incarnations.size()) return Broken("a place outside the list");
      out.push_back({id,
                     head.field(),
                     {incarnations[head.incarnation()], head.counter()},
                     head.value_hash()});
    }
  }
  return out;
}

std::vector<const FieldSpec*> DemandedNotCovered(const KindSpec& kind, const Uuid& record,
                                                 const std::vector<SignedHead>& heads) {
  const std::string nothing = HashOf("");
  std::vector<const FieldSpec*> out;
  for (const FieldSpec& field : kind.fields) {
    if (!field.sign_off_requires) continue;
    const bool covered = std::any_of(heads.begin(), heads.end(), [&](const SignedHead& head) {
      return head.record == record && head.field == field.number() && head.value_hash != nothing;
    });
    if (!covered) out.push_back(&field);
  }
  return out;
}

std::string SignOffProblem(const Schema& schema, absl::string_view sign_off) {
  v1::SignOff in;
  if (!in.ParseFromArray(sign_off.data(), static_cast<int>(sign_off.size()))) {
    return "covers: got bytes that do not parse, wanted a SignOff";
  }
  const KindSpec* kind = schema.Find(in.record_kind());
  if (kind == nullptr) return "";
  if (!kind->sign_off) {
    return absl::StrCat("record_kind: got ", kind->name,
                        ", which is not signed, wanted one of a kind with sign_off");
  }
  const absl::StatusOr<Uuid> record = Uuid::Parse(in.record());
  if (!record.ok()) return "record: got none, wanted the record that is signed";
  const absl::StatusOr<std::vector<SignedHead>> heads = DecodeSigned(in.covers());
  if (!heads.ok()) return std::string(heads.status().message());
  const std::vector<const FieldSpec*> missing = DemandedNotCovered(*kind, *record, *heads);
  if (missing.empty()) return "";
  return absl::StrCat("covers: got no ", kind->name, ".", missing.front()->scalar.name,
                      ", wanted one with a value");
}

Coverage CoverageOf(const std::vector<SignedHead>& heads, const Judgement& now) {
  const ByField was = Grouped(heads);
  const ByField is = Grouped(HeadsToSign(now));
  Coverage coverage;
  for (const auto& [field, signed_heads] : was) {
    const auto found = is.find(field);
    if (found == is.end() || found->second != signed_heads) coverage.amended.push_back(field);
  }
  const std::string nothing = HashOf("");
  for (const auto& [field, current] : is) {
    if (was.contains(field)) continue;
    // What has been hidden since is not there any more.
    const bool hides = field.field == kHiddenField &&
                       std::any_of(current.begin(), current.end(), [&](const SignedHead& head) {
                         return head.value_hash != nothing;
                       });
    if (hides) coverage.amended.push_back(field);
    if (field.field != kHiddenField) coverage.not_covered.push_back(field);
  }
  std::sort(coverage.amended.begin(), coverage.amended.end());
  return coverage;
}

}  // namespace doorstep
