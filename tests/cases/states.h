// States of one field, in few words.
#ifndef TESTS_CASES_STATES_H_
#define TESTS_CASES_STATES_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sync/change/state.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {

inline Head HeadOf(char device, const std::string& author, int64_t time_ms, std::string value) {
  Head head;
  head.id = {Incarnation(device), 1};
  head.time_ms = time_ms;
  head.sequence = 1;
  head.author = author;
  head.value = std::move(value);
  return head;
}

inline FieldState StateOf(const FieldSpec& field, std::vector<Head> heads) {
  FieldState state;
  state.field = field.number();
  state.sequence = 1;
  state.heads = std::move(heads);
  std::sort(state.heads.begin(), state.heads.end(), HeadBefore);
  return state;
}

}  // namespace doorstep

#endif  // TESTS_CASES_STATES_H_
