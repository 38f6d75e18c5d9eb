// Lives of a tenant's database (rule "restore"). A database that was restored from a backup gives
// sequences again that devices have heard of with another meaning; so it begins a new epoch, and
// devices hand over again what the backup lacks.
#ifndef SERVER_EPOCH_H_
#define SERVER_EPOCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

// A number that no other epoch has, as far as chance goes: 1 to 2^53 - 1.
uint64_t NewEpoch(Entropy& entropy);

// Begins an epoch at the head, in a transaction of its own; returns it.
absl::StatusOr<uint64_t> BeginEpoch(Store& store, Entropy& entropy);

// What a device has heard from a database: in which epoch, up to which sequence, and where the
// history then ended (EncodeHistoryEnd; empty: it does not say).
struct Heard {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  std::string history_end;
};

// Whether a device has heard, in the present epoch, what this database has not said: then it was
// restored and nobody told it. Begins an epoch if so. Nobody knows where the backup ended, and what
// has been admitted since: so that epoch shares nothing with earlier ones.
absl::Status NoticeRestore(Store& store, const Heard& heard, Entropy& entropy);

// The end of a history as devices are given it. Two histories that run through it are the same up
// to there. Empty of an empty one.
std::string EncodeHistoryEnd(const HistoryRow& end);
inline constexpr size_t kMaxHistoryEndBytes = 64;
// The sequence that such an end names; 0 when it names none.
uint64_t HistoryEndSequence(absl::string_view end);

// Up to which sequence the last of `epochs` still has what `epoch` had; 0 when it is none of them.
uint64_t CommonSequence(const std::vector<EpochRow>& epochs, uint64_t epoch);

}  // namespace doorstep::server

#endif  // SERVER_EPOCH_H_
