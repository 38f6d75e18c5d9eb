// The longest common subsequence of two sequences.
#ifndef SYNC_MERGE_SEQUENCE_DIFF_H_
#define SYNC_MERGE_SEQUENCE_DIFF_H_

#include <utility>
#include <vector>

namespace doorstep {

// Pairs (i, j) with a[i] == b[j], both ascending, as many as there can be. Deterministic. Costs at
// most a.size() * b.size() steps and, of two sequences with nothing in common, 24 bytes for each:
// callers bound both (kMaxTextUnits).
std::vector<std::pair<int, int>> Matches(const std::vector<int>& a, const std::vector<int>& b);

}  // namespace doorstep

#endif  // SYNC_MERGE_SEQUENCE_DIFF_H_
