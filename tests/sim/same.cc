#include "tests/sim/same.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "tests/sim/payload.h"

namespace doorstep::sim {
namespace {

std::string ShownText(const ModelRecord& row, uint32_t field) {
  const auto heads = row.fields.find(field);
  if (heads == row.fields.end()) return "";
  return Read(Shown(row.kind, field, heads->second), field).bytes;
}

// Letters without case, and digits; of other alphabets every byte.
std::string Letters(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool other = static_cast<unsigned char>(c) >= 0x80;
    if (other || absl::ascii_isalnum(c)) out.push_back(absl::ascii_tolower(c));
  }
  return out;
}

// What all fields of a key say; "": one of them says nothing.
std::string IdentityOf(const ModelRecord& row, const std::string& key) {
  std::string identity;
  for (const absl::string_view name : absl::StrSplit(key, ' ')) {
    const std::string part = Letters(ShownText(row, NumberOf(row.kind, std::string(name))));
    if (part.empty()) return "";
    identity += part + "|";
  }
  return identity;
}

}  // namespace

Pairs PairsIn(const Rows& rows) {
  Pairs pairs;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> equal;  // key, identity
  for (const auto& [record, row] : rows) {
    for (const std::string& key : OptionsOfKind(row.kind).duplicate_key()) {
      const std::string identity = IdentityOf(row, key);
      if (!identity.empty()) equal[{key, identity}].push_back(IdText(record));
    }
  }
  for (const auto& [unused, ids] : equal) {
    for (size_t i = 0; i < ids.size(); ++i) {
      for (size_t j = i + 1; j < ids.size(); ++j) pairs[std::minmax(ids[i], ids[j])];
    }
  }
  for (const auto& [record, row] : rows) {
    const std::optional<Saying> saying = SayingOf(row.kind);
    if (!saying || !row.fields.contains(saying->verdict)) continue;
    const std::string value = Shown(row.kind, saying->verdict, row.fields.at(saying->verdict));
    const std::string first = ShownText(row, saying->first);
    const std::string second = ShownText(row, saying->second);
    if (value.empty() || first.empty() || second.empty() || first == second) continue;
    Same& same = pairs[std::minmax(first, second)];
    const bool two = Read(value, saying->verdict).number == saying->two;
    if (same != Same::kTwo) same = two ? Same::kTwo : Same::kOne;
  }
  return pairs;
}

}  // namespace doorstep::sim
