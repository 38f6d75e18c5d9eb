#include "client-lib/duplicates.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client-lib/edits.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/open_record.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"
#include "sync/change/wire.h"
#include "sync/tables/ddl.h"

namespace doorstep {
namespace client {
namespace {

using Pair = std::pair<std::string, std::string>;

Pair InOrder(std::string a, std::string b) {
  return a < b ? Pair(std::move(a), std::move(b)) : Pair(std::move(b), std::move(a));
}

// Adds to `found` every two records of the kind that are equal in all fields of the key.
absl::Status FindEqual(Store& store, const KindSpec& kind, const std::vector<uint32_t>& key,
                       std::map<Pair, Duplicate>* found) {
  std::string sql = "SELECT id";
  for (const uint32_t field : key) {
    absl::StrAppend(&sql, ", ", QuoteIdentifier(kind.Find(field)->scalar.column));
  }
  absl::StrAppend(&sql, " FROM ", QuoteIdentifier(kind.table), " ORDER BY id");
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> rows, store.db().Prepare(sql));
  std::map<std::string, std::vector<std::string>> equal;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, rows->Step());
    if (!more) break;
    std::string identity;
    bool whole = true;
    for (size_t i = 0; i < key.size() && whole; ++i) {
      const std::string part = Comparable(rows->Text(static_cast<int>(i) + 1));
      whole = !part.empty();
      absl::StrAppend(&identity, part, "\n");
    }
    if (!whole) continue;
    std::vector<std::string>& ids = equal[std::move(identity)];
    if (ids.size() < kMaxDuplicatesOfOne) ids.emplace_back(rows->Text(0));
  }
  for (const auto& [identity, ids] : equal) {
    for (size_t i = 0; i < ids.size(); ++i) {
      for (size_t j = i + 1; j < ids.size(); ++j) {
        Duplicate& duplicate = (*found)[Pair(ids[i], ids[j])];
        for (const uint32_t field : key) {
          duplicate.equal.push_back(kind.Find(field)->scalar.name);
        }
      }
    }
  }
  return absl::OkStatus();
}

// Adds what people have said. Where they said both, "different" stands.
absl::Status AddVerdicts(Store& store, const SameKind& same, std::map<Pair, Duplicate>* found) {
  const auto column = [](const FieldSpec& field) { return QuoteIdentifier(field.scalar.column); };
  DOORSTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<Statement> rows,
      store.db().Prepare(absl::StrCat(
          "SELECT ", column(*same.first), ", ", column(*same.second), ", ", column(*same.verdict),
          ", ", same.reason == nullptr ? "''" : column(*same.reason), " FROM ",
          QuoteIdentifier(same.kind->table), " ORDER BY id")));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, rows->Step());
    if (!more) return absl::OkStatus();
    const absl::string_view said = rows->Text(2);
    if (said != same.same->name && said != same.different->name) continue;
    // A form may have been saved before both were filled in.
    if (rows->Text(0).empty() || rows->Text(1).empty() || rows->Text(0) == rows->Text(1)) continue;
    Duplicate& duplicate =
        (*found)[InOrder(std::string(rows->Text(0)), std::string(rows->Text(1)))];
    if (duplicate.verdict == Duplicate::Verdict::kDifferent) continue;
    duplicate.verdict =
        said == same.same->name ? Duplicate::Verdict::kSame : Duplicate::Verdict::kDifferent;
    duplicate.reason = std::string(rows->Text(3));
  }
}

}  // namespace

std::string Comparable(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || !absl::ascii_isascii(c)) out.push_back(absl::ascii_tolower(c));
  }
  return out;
}

absl::StatusOr<SameKind> FindSameKind(const Schema& schema, const KindSpec& kind) {
  for (const KindSpec& candidate : schema.kinds()) {
    if (!candidate.says_same) continue;
    SameKind out;
    out.kind = &candidate;
    for (const FieldSpec& field : candidate.fields) {
      if (field.reference == kind.name) (out.first == nullptr ? out.first : out.second) = &field;
      if (field.effective == EffectiveRule::kDominant) out.verdict = &field;
      if (field.scalar.name == "reason" && field.scalar.type == ValueType::kString) {
        out.reason = &field;
      }
    }
    if (out.second == nullptr) continue;
    for (const EnumValueSpec& value : out.verdict->scalar.values) {
      (value.number == out.verdict->dominant ? out.different : out.same) = &value;
    }
    return out;
  }
  return absl::NotFoundError(
      absl::StrCat("kind: got ", kind.name, ", wanted one whose duplicates can be linked"));
}

absl::StatusOr<std::vector<Duplicate>> FindDuplicates(Store& store, const KindSpec* only) {
  std::vector<Duplicate> out;
  for (const KindSpec& kind : store.schema().kinds()) {
    if (kind.duplicate_keys.empty() || (only != nullptr && only != &kind)) continue;
    std::map<Pair, Duplicate> found;
    for (const std::vector<uint32_t>& key : kind.duplicate_keys) {
      DOORSTEP_RETURN_IF_ERROR(FindEqual(store, kind, key, &found));
    }
    const absl::StatusOr<SameKind> same = FindSameKind(store.schema(), kind);
    if (same.ok()) DOORSTEP_RETURN_IF_ERROR(AddVerdicts(store, *same, &found));
    for (auto& [pair, duplicate] : found) {
      duplicate.kind = kind.name;
      duplicate.first = pair.first;
      duplicate.second = pair.second;
      out.push_back(std::move(duplicate));
    }
  }
  return out;
}

}  // namespace client

// The record says it in the file of the first, and in that of the second when it is another:
// whoever may see either learns of it.
absl::Status Edits::Impl::SayWhetherSame(absl::string_view first, absl::string_view second,
                                         bool same, absl::string_view reason) {
  if (reason.empty()) {
    return absl::InvalidArgumentError("reason: got none, wanted how this was found out");
  }
  std::vector<RecordState> two;
  for (const absl::string_view text : {first, second}) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, client::ParseId("id", text));
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, store.tables().Load(id));
    if (!state.has_value()) {
      return absl::NotFoundError(absl::StrCat("record ", id.ToString(), " is not held here"));
    }
    two.push_back(*std::move(state));
  }
  const KindSpec* kind = store.schema().Find(two[0].kind);
  if (kind == nullptr || two[1].kind != two[0].kind || two[0].id == two[1].id) {
    return absl::InvalidArgumentError(absl::StrCat("second: got ", store.KindName(two[1].kind), " ",
                                                   two[1].id.ToString(), ", wanted another ",
                                                   store.KindName(two[0].kind)));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const client::SameKind link,
                            client::FindSameKind(store.schema(), *kind));
  nlohmann::json said = {{link.verdict->scalar.name, (same ? link.same : link.different)->name}};
  if (link.reason != nullptr) said[link.reason->scalar.name] = std::string(reason);
  const auto values_of =
      [&](const nlohmann::json& json) -> absl::StatusOr<std::vector<FieldValues>> {
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::string bytes,
        JsonToValues(store.schema(), *link.kind,
                     json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    return ParseValues(*link.kind, bytes, Unknown::kRefuse);
  };

  // What was said before is said anew.
  const std::string a = QuoteIdentifier(link.first->scalar.column);
  const std::string b = QuoteIdentifier(link.second->scalar.column);
  std::vector<Uuid> before;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> rows,
        store.db().Prepare(absl::StrCat("SELECT id FROM ", QuoteIdentifier(link.kind->table),
                                        " WHERE (", a, " = ?1 AND ", b, " = ?2) OR (", a,
                                        " = ?2 AND ", b, " = ?1) ORDER BY id")));
    const std::string first_id = two[0].id.ToString();
    const std::string second_id = two[1].id.ToString();
    rows->BindText(1, first_id).BindText(2, second_id);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, rows->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::Parse(rows->Text(0)));
      before.push_back(id);
    }
  }
  for (const Uuid& id : before) {
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, store.tables().Load(id));
    if (!state.has_value()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const client::OpenedRecord opened,
                              client::MakeOpenRecord(store, fold, *std::move(state)));
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> values, values_of(said));
    client::Wanted wanted;
    for (const FieldValues& field : values) wanted[field.field] = field.values;
    DOORSTEP_RETURN_IF_ERROR(Update(opened, wanted));
  }
  if (!before.empty()) return absl::OkStatus();
  said[link.first->scalar.name] = two[0].id.ToString();
  said[link.second->scalar.name] = two[1].id.ToString();
  for (size_t i = 0; i < two.size(); ++i) {
    if (i == 1 && two[1].compartment.file == two[0].compartment.file) break;
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values, values_of(said));
    AddOptions options;
    options.file = two[i].compartment.file.ToString();
    options.tier = client::TierName(two[i].compartment.tier);
    DOORSTEP_RETURN_IF_ERROR(Add(*link.kind, std::move(values), options).status());
  }
  return absl::OkStatus();
}

absl::Status Edits::SayWhetherSame(absl::string_view first, absl::string_view second, bool same,
                                   absl::string_view reason) {
  return impl_->SayWhetherSame(first, second, same, reason);
}

}  // namespace doorstep
