#include "server/epoch.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "sync/base/status.h"

namespace doorstep::server {

uint64_t NewEpoch(Entropy& entropy) {
  std::array<uint8_t, 8> random;
  entropy.Fill(absl::MakeSpan(random));
  uint64_t epoch = 0;
  for (const uint8_t byte : random) epoch = epoch << 8 | byte;
  return std::max<uint64_t>(epoch >> 11, 1);  // 53 bits: exact in every language
}

absl::StatusOr<uint64_t> BeginEpoch(Store& store, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction, store.Write());
  const uint64_t epoch = NewEpoch(entropy);
  DOORSTEP_RETURN_IF_ERROR(transaction->AddEpoch(epoch));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return epoch;
}

absl::Status NoticeRestore(Store& store, uint64_t epoch, uint64_t seen_sequence, Entropy& entropy) {
  const auto restored = [&](ReadView& view) -> absl::StatusOr<bool> {
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view.Head());
    if (seen_sequence <= head) return false;
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t present, view.Epoch());
    return epoch == present;
  };
  {
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, store.Read());
    DOORSTEP_ASSIGN_OR_RETURN(const bool noticed, restored(*view));
    if (!noticed) return absl::OkStatus();
  }
  // Two devices may notice at once: the second finds another epoch.
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction, store.Write());
  DOORSTEP_ASSIGN_OR_RETURN(const bool still, restored(*transaction));
  if (!still) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(transaction->AddEpoch(NewEpoch(entropy)));
  return transaction->Commit();
}

uint64_t CommonSequence(const std::vector<EpochRow>& epochs, uint64_t epoch) {
  // What came after it may each have lost something.
  uint64_t common = std::numeric_limits<uint64_t>::max();
  for (auto it = epochs.rbegin(); it != epochs.rend(); ++it) {
    if (it->epoch == epoch) return common;
    common = std::min(common, it->from_sequence);
  }
  return 0;
}

}  // namespace doorstep::server
