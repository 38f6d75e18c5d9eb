#include "sync/merge/sequence_diff.h"

#include <algorithm>
#include <utility>
#include <vector>

// The only file that includes it: its templates are slow to compile.
#include "dtl/dtl.hpp"

namespace doorstep {

std::vector<std::pair<int, int>> Matches(const std::vector<int>& a, const std::vector<int>& b) {
  const int common = static_cast<int>(std::min(a.size(), b.size()));
  std::vector<std::pair<int, int>> out;
  int front = 0;
  while (front < common && a[front] == b[front]) {
    out.emplace_back(front, front);
    ++front;
  }
  int back = 0;
  while (back < common - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  const std::vector<int> middle_a(a.begin() + front, a.end() - back);
  const std::vector<int> middle_b(b.begin() + front, b.end() - back);
  if (!middle_a.empty() && !middle_b.empty()) {
    dtl::Diff<int> diff(middle_a, middle_b);
    diff.compose();
    const auto edits = diff.getSes().getSequence();
    for (const auto& [element, place] : edits) {
      if (place.type != dtl::SES_COMMON) continue;
      // Its places count from 1.
      out.emplace_back(front + static_cast<int>(place.beforeIdx) - 1,
                       front + static_cast<int>(place.afterIdx) - 1);
    }
  }
  for (int i = back; i > 0; --i) {
    out.emplace_back(static_cast<int>(a.size()) - i, static_cast<int>(b.size()) - i);
  }
  return out;
}

}  // namespace doorstep
