// How often a PIN may be wrong: decided without a clock or a file of its own.
//
//   failures so far   1 2 3   4      5     6      7       8    9    10
//   then wait         -       30 s   1 m   5 m    15 m    1 h  4 h  the person's key goes, or
//                                                                   24 h before each further try
//
// Time that only a wall clock has seen does not count, for anybody can set it: what counts is that
// the device was on for so long.
#ifndef CLIENT_LIB_TRIES_H_
#define CLIENT_LIB_TRIES_H_

#include <cstdint>
#include <string>

#include "sync/base/clock.h"

namespace doorstep::client {

// How long to wait after so many failures in a row, in all.
int64_t WaitAfterMs(int failures);

// What is left of it at `now`, when the last of them was at `tried`; 0: try.
int64_t WaitLeftMs(int failures, const ClockReading& tried, const ClockReading& now);

// "4 minutes", never less than what is meant.
std::string WaitText(int64_t ms);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_TRIES_H_
