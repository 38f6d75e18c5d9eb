#include "client-lib/attachment_sync.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "client-lib/owed.h"
#include "client-lib/pace.h"
#include "client-lib/sender.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

void SetRef(const BlobId& id, v1::AttachmentRef* out) {
  out->set_file(std::string(id.file.AsBytes()));
  out->set_sha256(id.sha256);
}

// Stable: what is equal stays in the order of the records, the newest first.
bool Before(const NamedAttachment& a, const NamedAttachment& b) {
  return std::make_tuple(!a.shelved.asked, a.size) < std::make_tuple(!b.shelved.asked, b.size);
}

}  // namespace

AttachmentSync::AttachmentSync(Store& store, Clock& clock, Entropy& entropy, Transport& transport,
                               uint64_t epoch, const AttachmentLimits& limits, SyncProgress* totals)
    : store_(store),
      clock_(clock),
      entropy_(entropy),
      transport_(transport),
      epoch_(epoch),
      limits_(limits),
      totals_(*totals) {}

absl::StatusOr<std::unique_ptr<AttachmentSync>> AttachmentSync::Plan(
    Store& store, Clock& clock, Entropy& entropy, Transport& transport, uint64_t epoch,
    const AttachmentLimits& limits, SyncProgress* totals) {
  std::unique_ptr<AttachmentSync> sync(
      new AttachmentSync(store, clock, entropy, transport, epoch, limits, totals));
  // Beside what earlier slices of this sync have moved.
  totals->attachment_bytes_to_send = totals->attachment_bytes_sent;
  totals->attachment_bytes_to_receive = totals->attachment_bytes_received;
  if (limits.none) return sync;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamedAttachment> all,
                            NamedAttachments(store, entropy));
  for (const NamedAttachment& one : all) {
    const Shelved& shelved = one.shelved;
    if (limits.only_asked && !shelved.asked) continue;
    if (one.size > kMaxAttachmentBytes) continue;  // nobody takes it
    const bool sends = shelved.whole && shelved.confirmed_epoch != epoch;
    const bool receives =
        !one.owed && !shelved.whole && (shelved.asked || one.size <= limits.unasked_bytes);
    if (sends || receives) sync->to_ask_.push_back(one);
  }
  return sync;
}

bool AttachmentSync::IsAboutOne(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<bool> AttachmentSync::Step() {
  if (limits_.budget_bytes != 0 && moved_ >= limits_.budget_bytes) return false;
  if (!to_ask_.empty()) {
    DOORSTEP_RETURN_IF_ERROR(Ask());
  } else if (!to_send_.empty()) {
    DOORSTEP_RETURN_IF_ERROR(Send());
  } else if (!to_receive_.empty()) {
    DOORSTEP_RETURN_IF_ERROR(Receive());
  }
  if (to_ask_.empty() && !std::exchange(ordered_, to_ask_.empty())) Order();
  return !to_ask_.empty() || !to_send_.empty() || !to_receive_.empty();
}

void AttachmentSync::Order() {
  std::stable_sort(to_send_.begin(), to_send_.end(),
                   [](const Sending& a, const Sending& b) { return Before(a.what, b.what); });
  std::stable_sort(to_receive_.begin(), to_receive_.end(), Before);
}

absl::Status AttachmentSync::Ask() {
  v1::AskAttachmentsRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  const size_t count = std::min(to_ask_.size(), kMaxAskedAttachments);
  for (size_t i = 0; i < count; ++i) SetRef(to_ask_[i].id, request.add_attachments());
  totals_.bytes_sent += request.ByteSizeLong();
  const absl::StatusOr<v1::AskAttachmentsResponse> response = transport_.AskAttachments(request);
  if (absl::IsUnimplemented(response.status())) {
    to_ask_.clear();
    return absl::OkStatus();
  }
  if (!response.ok()) return Annotate(response.status(), "attachments");
  totals_.bytes_received += response->ByteSizeLong();
  if (static_cast<size_t>(response->states_size()) != count) {
    return absl::InternalError("attachments: the server answered another question");
  }
  for (size_t i = 0; i < count; ++i) {
    DOORSTEP_RETURN_IF_ERROR(Heard(to_ask_.front(), response->states(static_cast<int>(i))));
    to_ask_.pop_front();
  }
  return absl::OkStatus();
}

// One whose record the server does not have (yet) waits for it. Of what is owed every record has
// its outcome: what the server does not know of it now, it never will, unless it holds the record.
absl::Status AttachmentSync::Heard(const NamedAttachment& one, const v1::AttachmentState& state) {
  if (!state.known()) {
    return one.owed && !one.held ? EndOwed(store_, one.id) : absl::OkStatus();
  }
  if (!one.shelved.whole) {
    if (!state.whole()) return absl::OkStatus();
    totals_.attachment_bytes_to_receive += one.size - std::min(one.size, one.shelved.here);
    to_receive_.push_back(one);
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store_.Attachments(/*create=*/true, entropy_));
  if (state.whole()) return Confirm(one);
  const uint64_t has = std::min(one.size, state.received());
  if (one.shelved.sent != has) DOORSTEP_RETURN_IF_ERROR(shelf->SetSent(one.id, has));
  totals_.attachment_bytes_to_send += one.size - has;
  to_send_.push_back({one, has, false});
  return absl::OkStatus();
}

absl::Status AttachmentSync::Confirm(const NamedAttachment& one) {
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store_.Attachments(/*create=*/true, entropy_));
  DOORSTEP_RETURN_IF_ERROR(shelf->SetConfirmed(one.id, epoch_));
  return one.owed ? EndOwed(store_, one.id) : absl::OkStatus();
}

size_t AttachmentSync::ChunkBytes(uint64_t left) const {
  uint64_t bytes = std::min<uint64_t>(chunk_bytes_, left);
  if (limits_.budget_bytes != 0) bytes = std::min(bytes, limits_.budget_bytes - moved_);
  return static_cast<size_t>(bytes);
}

void AttachmentSync::FitToLink(int64_t took_ms, bool full) {
  if (full) chunk_bytes_ = TransferFor(chunk_bytes_, took_ms, kMaxAttachmentChunkBytes);
}

absl::Status AttachmentSync::Send() {
  Sending& sending = to_send_.front();
  const NamedAttachment& what = sending.what;
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store_.Attachments(/*create=*/true, entropy_));
  const size_t bytes = ChunkBytes(what.size - sending.offset);
  const absl::StatusOr<std::string> data = shelf->Read(what.id, sending.offset, bytes);
  if (absl::IsDataLoss(data.status())) {
    to_send_.pop_front();  // another device may have it
    return absl::OkStatus();
  }
  DOORSTEP_RETURN_IF_ERROR(data.status());
  v1::PutChunkRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  SetRef(what.id, request.mutable_attachment());
  request.set_size(what.size);
  request.set_offset(sending.offset);
  request.set_data(*data);
  totals_.bytes_sent += request.ByteSizeLong();
  const int64_t begun_ms = clock_.Read().mono_ms;
  const absl::StatusOr<v1::PutChunkResponse> response = transport_.PutChunk(request);
  if (!response.ok()) {
    if (!IsAboutOne(response.status())) return Annotate(response.status(), "attachments");
    to_send_.pop_front();
    return absl::OkStatus();
  }
  totals_.bytes_received += response->ByteSizeLong();
  totals_.attachment_bytes_sent += bytes;
  moved_ += bytes;
  FitToLink(clock_.Read().mono_ms - begun_ms, bytes == chunk_bytes_);
  return TakeReceipt(*response);
}

absl::Status AttachmentSync::TakeReceipt(const v1::PutChunkResponse& response) {
  Sending& sending = to_send_.front();
  const NamedAttachment& what = sending.what;
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store_.Attachments(/*create=*/true, entropy_));
  if (response.whole()) {
    DOORSTEP_RETURN_IF_ERROR(Confirm(what));
    if (what.shelved.asked) DOORSTEP_RETURN_IF_ERROR(shelf->SetAsked(what.id, false));
    to_send_.pop_front();
    return absl::OkStatus();
  }
  const uint64_t has = std::min(what.size, response.received());
  DOORSTEP_RETURN_IF_ERROR(shelf->SetSent(what.id, has));
  // Bytes of another device were wrong, or these: once more from the beginning, and no oftener.
  const bool stuck = response.wrong() ? std::exchange(sending.again, true) : has == what.size;
  sending.offset = has;
  if (stuck) to_send_.pop_front();
  return absl::OkStatus();
}

absl::Status AttachmentSync::Receive() {
  const NamedAttachment& what = to_receive_.front();
  v1::GetChunkRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  SetRef(what.id, request.mutable_attachment());
  request.set_offset(what.shelved.here);
  const size_t bytes = ChunkBytes(what.size - what.shelved.here);
  request.set_max_bytes(static_cast<uint32_t>(bytes));
  totals_.bytes_sent += request.ByteSizeLong();
  const int64_t begun_ms = clock_.Read().mono_ms;
  const absl::StatusOr<v1::GetChunkResponse> response = transport_.GetChunk(request);
  if (!response.ok()) {
    if (!IsAboutOne(response.status())) return Annotate(response.status(), "attachments");
    to_receive_.pop_front();
    return absl::OkStatus();
  }
  totals_.bytes_received += response->ByteSizeLong();
  FitToLink(clock_.Read().mono_ms - begun_ms, bytes == chunk_bytes_);
  return Keep(*response);
}

absl::Status AttachmentSync::Keep(const v1::GetChunkResponse& response) {
  NamedAttachment& what = to_receive_.front();
  const bool fits = response.whole() && response.size() == what.size && !response.data().empty() &&
                    response.data().size() <= what.size - what.shelved.here;
  if (!fits) {
    // The server has it no more, or its record here says another size: the next sync asks again.
    to_receive_.pop_front();
    return absl::OkStatus();
  }
  moved_ += response.data().size();
  totals_.attachment_bytes_received += response.data().size();
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store_.Attachments(/*create=*/true, entropy_));
  const absl::StatusOr<Shelved> now =
      shelf->Receive(what.id, what.size, response.data(), clock_.Read().wall_ms);
  if (absl::IsDataLoss(now.status())) {
    to_receive_.pop_front();
    return absl::OkStatus();
  }
  DOORSTEP_RETURN_IF_ERROR(now.status());
  what.shelved = *now;
  if (!now->whole) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(shelf->SetConfirmed(what.id, epoch_));
  if (now->asked) DOORSTEP_RETURN_IF_ERROR(shelf->SetAsked(what.id, false));
  to_receive_.pop_front();
  return absl::OkStatus();
}

}  // namespace doorstep::client
