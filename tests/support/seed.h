// Seeds of tests that choose at random: from the environment, else new; printed either way.
#ifndef TESTS_SUPPORT_SEED_H_
#define TESTS_SUPPORT_SEED_H_

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"

namespace doorstep::testing {

inline uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t number = otherwise;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) {
    ADD_FAILURE() << name << ": got '" << text << "', wanted a number";
  }
  return number;
}

// DOORSTEP_SEED, or a new one, and says which.
inline uint64_t SeedForTest() {
  uint32_t fresh = 0;
  SystemEntropy()->Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(&fresh), sizeof fresh));
  const uint64_t seed = FromEnvironment("DOORSTEP_SEED", fresh);
  std::cout << "DOORSTEP_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_SEED_H_
