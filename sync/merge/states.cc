#include "sync/merge/states.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

// 0: no value.
int64_t StateOf(const FieldSpec& field, absl::string_view value) {
  return DecodeScalar(field.scalar, value).value_or(Scalar()).integer;
}

int32_t RankOf(const FieldSpec& field, absl::string_view value) {
  const EnumValueSpec* state = field.scalar.FindValue(StateOf(field, value));
  return state == nullptr ? 0 : state->rank;
}

bool Follows(const FieldSpec& field, int64_t from, int64_t to) {
  return absl::c_linear_search(field.transitions, std::pair(from, to));
}

std::string NameOf(const FieldSpec& field, int64_t state) {
  const EnumValueSpec* value = field.scalar.FindValue(state);
  if (value != nullptr) return value->name;
  return state == 0 ? "no value" : absl::StrCat(state);
}

std::string NamesOf(const FieldSpec& field, const std::vector<int64_t>& states) {
  return absl::StrJoin(states, ", ", [&](std::string* out, int64_t state) {
    absl::StrAppend(out, NameOf(field, state));
  });
}

}  // namespace

Replayed Replay(const FieldSpec& field, absl::Span<const Head> heads) {
  std::vector<size_t> order(heads.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return RankOf(field, heads[a].value) > RankOf(field, heads[b].value);
  });
  Replayed out{order.front(), true};
  for (const size_t i : order) {
    const int64_t now = StateOf(field, heads[out.effective].value);
    const int64_t next = StateOf(field, heads[i].value);
    if (next != now && !Follows(field, now, next)) {
      out.all_fit = false;
      continue;
    }
    out.effective = i;
  }
  return out;
}

std::optional<std::string> TransitionProblem(const FieldSpec& field,
                                             const std::vector<std::string>& seen,
                                             absl::string_view value, bool create) {
  if (create) return std::nullopt;
  const int64_t to = StateOf(field, value);
  std::vector<int64_t> from;
  for (const std::string& each : seen) {
    const int64_t state = StateOf(field, each);
    from.push_back(state == 0 ? field.initial_state : state);
  }
  if (seen.empty()) from.push_back(field.initial_state);
  if (absl::c_linear_search(from, to)) return std::nullopt;
  std::vector<int64_t> allowed;
  for (const auto& [source, target] : field.transitions) {
    if (std::find(from.begin(), from.end(), source) == from.end()) continue;
    if (target == to) return std::nullopt;
    allowed.push_back(target);
  }
  return absl::StrCat("got ", NameOf(field, to), ", wanted what may follow ", NamesOf(field, from),
                      ": ", allowed.empty() ? "nothing" : NamesOf(field, allowed));
}

}  // namespace doorstep
