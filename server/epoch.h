// Lives of a tenant's database (rule "restore"). A database that was restored from a backup gives
// sequences again that devices have heard of with another meaning; so it begins a new epoch, and
// devices hand over again what the backup lacks.
#ifndef SERVER_EPOCH_H_
#define SERVER_EPOCH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

// A number that no other epoch has, as far as chance goes: 1 to 2^53 - 1.
uint64_t NewEpoch(Entropy& entropy);

// Begins an epoch at the head, in a transaction of its own; returns it.
absl::StatusOr<uint64_t> BeginEpoch(Store& store, Entropy& entropy);

// Whether a device that speaks of `seen_sequence` in the present epoch has heard more than this
// database has said: then it was restored and nobody told it. Begins an epoch if so.
absl::Status NoticeRestore(Store& store, uint64_t epoch, uint64_t seen_sequence, Entropy& entropy);

// Up to which sequence the last of `epochs` still has what `epoch` had; 0 when it is none of them.
uint64_t CommonSequence(const std::vector<EpochRow>& epochs, uint64_t epoch);

}  // namespace doorstep::server

#endif  // SERVER_EPOCH_H_
