#include <sodium.h>

#include <algorithm>
#include <array>

#include "sync/merge/plan.h"

namespace doorstep {

Uuid CaseId(const Uuid& record, uint32_t field) {
  std::array<uint8_t, 20> input;
  std::copy(record.b.begin(), record.b.end(), input.begin());
  for (int i = 0; i < 4; ++i) input[16 + i] = static_cast<uint8_t>(field >> (24 - 8 * i));
  Uuid id;
  // Cannot fail: the lengths are within the function's fixed bounds and there is no key.
  crypto_generichash(id.b.data(), id.b.size(), input.data(), input.size(), nullptr, 0);
  return id;
}

}  // namespace doorstep
