#include "server/epoch.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep::server {
namespace {

// Of a chain hash: enough to tell two histories apart.
constexpr size_t kChainBytes = 16;

}  // namespace

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
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, transaction->Head());
  DOORSTEP_RETURN_IF_ERROR(transaction->AddEpoch(epoch, head));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return epoch;
}

std::string EncodeHistoryEnd(const HistoryRow& end) {
  std::string out;
  if (end.sequence == 0) return out;
  PutVarint(end.sequence, &out);
  out.append(end.chain, 0, kChainBytes);
  return out;
}

uint64_t HistoryEndSequence(absl::string_view end) {
  ByteReader reader(end);
  uint64_t sequence = 0;
  return reader.ReadVarint(&sequence) ? sequence : 0;
}

namespace {

// Whether the history has an entry there with that hash. What cannot be read says nothing.
absl::StatusOr<bool> RunsThrough(ReadView& view, absl::string_view end) {
  ByteReader reader(end);
  uint64_t sequence = 0;
  absl::string_view chain;
  if (!reader.ReadVarint(&sequence) || !reader.ReadRaw(kChainBytes, &chain) ||
      sequence > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return true;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> row, view.History(sequence));
  return row && absl::StartsWith(row->chain, chain);
}

absl::StatusOr<bool> HasSaid(ReadView& view, const Heard& heard) {
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t present, view.Epoch());
  if (heard.epoch != present) return true;
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view.Head());
  if (heard.sequence > head) return false;
  return RunsThrough(view, heard.history_end);
}

}  // namespace

absl::Status NoticeRestore(Store& store, const Heard& heard, Entropy& entropy) {
  {
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, store.Read());
    DOORSTEP_ASSIGN_OR_RETURN(const bool said, HasSaid(*view, heard));
    if (said) return absl::OkStatus();
  }
  // Two devices may notice at once: the second finds another epoch.
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction, store.Write());
  DOORSTEP_ASSIGN_OR_RETURN(const bool said, HasSaid(*transaction, heard));
  if (said) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(transaction->AddEpoch(NewEpoch(entropy), /*from_sequence=*/0));
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
