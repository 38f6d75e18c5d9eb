// What a test and a program under the shim (shim.cc) share.
#ifndef TESTS_SUPPORT_SHIM_H_
#define TESTS_SUPPORT_SHIM_H_

#include <cstdint>

namespace doorstep::testing {

struct IoCount {
  int64_t left;  // the program dies at the one that counts this down to 0; 0: it lives
  int64_t done;  // inputs and outputs so far, of all programs that used it
  int64_t died;  // whether one did
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_SHIM_H_
