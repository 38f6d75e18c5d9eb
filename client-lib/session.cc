#include "client-lib/session.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "client-lib/fork.h"
#include "client-lib/pace.h"
#include "client-lib/restored.h"
#include "client-lib/sender.h"
#include "client-lib/staging.h"
#include "client-lib/unlock.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/pack.h"

namespace doorstep::client {
namespace {

constexpr uint32_t kProtocol = 1;
constexpr char kClient[] = "doorstep-client/0.1.0";
// A copied replica is noticed once; more often in one session, and the server is not making sense.
constexpr int kMaxLives = 3;
// Bytes of an envelope beside its payload, about.
constexpr size_t kEnvelopeBytes = 64;
// A batch is as long as the server likes it, but at least one record long, however long that is.
constexpr size_t kMaxRawBatchBytes = kMaxSqlValueBytes;

void SetBytes(const Uuid& id, std::string* out) { *out = std::string(id.AsBytes()); }

bool Compresses(const v1::HelloResponse& hello) {
  return std::find(hello.compressions().begin(), hello.compressions().end(), v1::ZSTD) !=
         hello.compressions().end();
}

v1::ClockReading ToProto(const ClockReading& reading) {
  v1::ClockReading out;
  out.set_wall_ms(reading.wall_ms);
  out.set_boot(reading.boot);
  out.set_mono_ms(reading.mono_ms);
  return out;
}

v1::PushUnits ToProto(const std::vector<OwnUnit>& units) {
  v1::PushUnits out;
  absl::flat_hash_map<std::string, uint32_t> authors;
  for (const OwnUnit& unit : units) {
    const auto [author, inserted] =
        authors.emplace(unit.author, static_cast<uint32_t>(authors.size()));
    if (inserted) out.add_authors(unit.author);
    v1::Envelope* envelope = out.add_units();
    envelope->set_counter(unit.counter);
    envelope->set_changes(unit.changes);
    envelope->set_author(author->second);
    envelope->set_schema_hash(unit.schema_hash);
    envelope->set_epoch(unit.epoch);
    envelope->set_checkpoint(unit.checkpoint);
    envelope->set_payload(unit.payload);
  }
  return out;
}

// Whether a failed push says nothing about the link: what is new can then be received still.
bool IsAnswer(const absl::Status& status) {
  return !absl::IsUnavailable(status) && !absl::IsCancelled(status);
}

}  // namespace

Session::Session(Store& store, FileLock lock, Clock& clock, Entropy& entropy, Transport& transport)
    : store_(store),
      lock_(std::move(lock)),
      clock_(clock),
      entropy_(entropy),
      transport_(transport),
      outbox_(store) {}

absl::StatusOr<std::unique_ptr<Session>> Session::Start(Store& store, const std::string& directory,
                                                        Clock& clock, Entropy& entropy,
                                                        Transport& transport) {
  absl::StatusOr<FileLock> lock = FileLock::TryAcquire(absl::StrCat(directory, "/sync.lock"));
  if (!lock.ok()) {
    if (!absl::IsAborted(lock.status())) return lock.status();
    return absl::AbortedError(
        absl::StrCat(directory, ": another process syncs this replica now: wait, or try again"));
  }
  return std::unique_ptr<Session>(new Session(store, *std::move(lock), clock, entropy, transport));
}

absl::StatusOr<bool> Session::Step() {
  // All that a sync writes comes from the server, and can be had from it again. What is sent is on
  // the disk before: SyncBeforeSending.
  DOORSTEP_ASSIGN_OR_RETURN(const CommitsUnsynced unsynced, CommitsUnsynced::Begin(store_.db()));
  switch (state_) {
    case State::kHello:
      DOORSTEP_RETURN_IF_ERROR(Hello());
      break;
    case State::kPush:
      DOORSTEP_RETURN_IF_ERROR(Push());
      break;
    case State::kPull:
      DOORSTEP_RETURN_IF_ERROR(Pull());
      break;
    case State::kAttachments:
      DOORSTEP_RETURN_IF_ERROR(Attachments());
      break;
    case State::kDone:
      break;
  }
  if (state_ == State::kAttachments && attachments_ == nullptr) {
    DOORSTEP_RETURN_IF_ERROR(BeginAttachments());
  }
  if (state_ == State::kDone) {
    DOORSTEP_RETURN_IF_ERROR(Finish());
    return false;
  }
  return true;
}

absl::Status Session::Hello() {
  v1::HelloRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  request.set_protocol_min(kProtocol);
  request.set_protocol_max(kProtocol);
  request.set_schema_hash(store_.schema().hash());
  request.add_compressions(v1::ZSTD);
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_device_name(), store_.Text(key::kDeviceName));
  request.set_client(kClient);
  DOORSTEP_ASSIGN_OR_RETURN(const Outbox::Counts counts, outbox_.Count());
  request.set_pending(counts.waiting);
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t next, store_.Int(key::kNextCounter));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, store_.Id(key::kIncarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t first, outbox_.FirstWaiting(incarnation));
  request.set_next_counter(static_cast<uint64_t>(next));
  request.set_first_waiting(first == 0 ? static_cast<uint64_t>(next) : first);
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store_.Int(key::kEpoch));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t heard, HeardOf(static_cast<uint64_t>(epoch)));
  request.set_epoch(static_cast<uint64_t>(epoch));
  request.set_seen_sequence(heard);
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_history_end(), store_.Text(key::kHistoryEnd));
  DOORSTEP_ASSIGN_OR_RETURN(hello_, transport_.Hello(request));
  result_.totals.bytes_sent += request.ByteSizeLong();
  result_.totals.bytes_received += hello_.ByteSizeLong();
  if (hello_.protocol() != kProtocol) {
    return absl::FailedPreconditionError(
        absl::StrCat("hello: the server speaks protocol ", hello_.protocol(), ", wanted ",
                     kProtocol, ": one of the two programs needs an upgrade"));
  }
  if (hello_.epoch() == 0) return absl::InternalError("hello: the server named no epoch");
  if (hello_.standing() == v1::FORKED) return TakeNewLife();
  DOORSTEP_RETURN_IF_ERROR(MeetServer());
  // Where it fails (the disk is full) the next hello says it again.
  NoteRecoveryKey(store_.access(), hello_.recovery_key()).IgnoreError();
  // What is written from now on waits for the next sync: a busy person must not keep it from
  // ending.
  DOORSTEP_ASSIGN_OR_RETURN(end_unit_,
                            store_.db().QueryInt("SELECT coalesce(max(unit), 0) FROM _outbox"));
  DOORSTEP_RETURN_IF_ERROR(OfferAnew());
  result_.totals.changes_to_send = counts.waiting;
  result_.totals.step = SyncProgress::Step::kSending;
  state_ = State::kPush;
  return absl::OkStatus();
}

// The highest sequence of anything that this replica has from the server: rows, what is staged,
// receipts, outcomes.
absl::StatusOr<uint64_t> Session::HeardOf(uint64_t epoch) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, store_.Int(key::kCursor));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t first_from, store_.Int(key::kFirstFrom));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes, store_.Text(key::kPosition));
  v1::Position position;
  if (!position.ParseFromString(bytes)) {
    return absl::DataLossError("_state: a position that does not parse");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t receipt, outbox_.HighestReceipt(epoch));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t outcome, outbox_.HighestOutcome());
  return std::max({static_cast<uint64_t>(cursor), static_cast<uint64_t>(first_from),
                   position.sequence(), receipt, outcome});
}

// Whether this is the server that the replica knows, and in the same life.
absl::Status Session::MeetServer() {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store_.Int(key::kEpoch));
  if (static_cast<uint64_t>(epoch) == hello_.epoch()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store_));
  if (epoch == 0) {
    DOORSTEP_RETURN_IF_ERROR(store_.SetInt(key::kOrigin, static_cast<int64_t>(hello_.origin())));
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t origin, store_.Int(key::kOrigin));
    if (static_cast<uint64_t>(origin) != hello_.origin()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "hello: got a server of origin ", hello_.origin(), ", wanted ", origin,
          ": it is another server than the one that this replica belongs to. Nothing was changed "
          "here; ask your administrator"));
    }
    DOORSTEP_RETURN_IF_ERROR(MeetRestoredServer(store_, hello_.common_sequence()));
    restored_ = true;
  }
  DOORSTEP_RETURN_IF_ERROR(store_.SetBlob(key::kHistoryEnd, ""));
  DOORSTEP_RETURN_IF_ERROR(store_.SetInt(key::kEpoch, static_cast<int64_t>(hello_.epoch())));
  DOORSTEP_RETURN_IF_ERROR(store_.SetContact(hello_.server_time_ms(), clock_.Read()));
  return write.Commit();
}

absl::Status Session::TakeNewLife() {
  if (++lives_ > kMaxLives) {
    return absl::InternalError(
        absl::StrCat("the server has refused ", lives_, " new incarnations of this replica"));
  }
  DOORSTEP_RETURN_IF_ERROR(TakeNewIncarnation(store_, entropy_).status());
  synced_ = false;
  state_ = State::kHello;
  return absl::OkStatus();
}

// Everything that waits is offered from its beginning.
absl::Status Session::OfferAnew() {
  last_unit_ = 0;
  late_may_go_ = true;
  DOORSTEP_ASSIGN_OR_RETURN(const bool any, outbox_.AnyUrgent());
  if (!any) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store_));
  DOORSTEP_RETURN_IF_ERROR(outbox_.OfferAnew());
  return write.Commit();
}

// What is safety-critical goes before all else, also what is saved while the rest is under way; but
// not twice in a row, so that somebody who saves faster than the link does not keep it from ending.
absl::StatusOr<std::vector<OwnUnit>> Session::NextUnits() {
  const int64_t until = late_may_go_ ? std::numeric_limits<int64_t>::max() : end_unit_;
  std::vector<int64_t> passed_over;
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<OwnUnit> units,
                            Gather(Which::kFirst, 0, until, &passed_over));
  if (!passed_over.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store_));
    for (const int64_t unit : passed_over) {
      DOORSTEP_RETURN_IF_ERROR(outbox_.SetUrgency(unit, Urgency::kOffered));
    }
    DOORSTEP_RETURN_IF_ERROR(write.Commit());
  }
  if (!units.empty()) {
    if (units.back().unit > end_unit_) {
      late_may_go_ = false;
      synced_ = false;  // saved since the log was synced
    }
    return units;
  }
  late_may_go_ = true;
  return Gather(Which::kWaiting, last_unit_, end_unit_, nullptr);
}

// As much as one push may hold, oldest first, all of one incarnation. A unit with a receipt is
// offered again only when a checkpoint beyond the receipt brought no outcome; `passed_over` gets
// those that are not.
absl::StatusOr<std::vector<OwnUnit>> Session::Gather(Which which, int64_t after, int64_t until,
                                                     std::vector<int64_t>* passed_over) {
  size_t limit = push_bytes_;
  if (hello_.max_push_bytes() != 0) limit = std::min<size_t>(limit, hello_.max_push_bytes());
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, store_.Int(key::kCursor));
  std::vector<OwnUnit> units;
  size_t bytes = 0;
  DOORSTEP_RETURN_IF_ERROR(
      outbox_.ForEach(which, after, [&](const OwnUnit& unit) -> absl::StatusOr<bool> {
        if (unit.unit > until) return false;
        if (unit.urgency == Urgency::kOffered) return true;
        const bool has_receipt = unit.receipt_epoch == hello_.epoch();
        bool pass_over = has_receipt && static_cast<uint64_t>(cursor) < unit.receipt_sequence;
        // A first pull that is done has moved the cursor and staged what it brought: to send it all
        // again before the checkpoint would never end on a link that is cut often.
        if (!pass_over) {
          DOORSTEP_ASSIGN_OR_RETURN(pass_over,
                                    Staging(store_).HasOutcome(unit.incarnation, unit.counter));
        }
        if (pass_over) {
          if (passed_over != nullptr) passed_over->push_back(unit.unit);
          return true;
        }
        const size_t size =
            unit.payload.size() + unit.schema_hash.size() + unit.author.size() + kEnvelopeBytes;
        if (!units.empty() &&
            (bytes + size > limit || unit.incarnation != units.front().incarnation)) {
          return false;
        }
        bytes += size;
        units.push_back(unit);
        return true;
      }));
  return units;
}

// What is lost with the link in the middle of a push is offered again whole: on a slow link pushes
// stay small, on others they soon save round trips.
void Session::FitPushesToLink(int64_t took_ms) {
  push_bytes_ = TransferFor(push_bytes_, took_ms, kMaxPushBatchBytes);
}

// The log must be on the disk before anything in it is sent: a change that the server has and this
// device has lost to a power cut would come back as another life's. With synchronous=NORMAL, also
// in another process that wrote here, commits are not synced; one commit with FULL syncs the log
// with all that stands in it (a checkpoint would not, while a reader holds it back).
absl::Status Session::SyncBeforeSending() {
  if (synced_) return absl::OkStatus();
  const DatabaseOptions::Sync before = store_.db().sync();
  DOORSTEP_RETURN_IF_ERROR(store_.db().SetSync(DatabaseOptions::Sync::kFull));
  const auto commit = [&]() -> absl::Status {
    DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store_));
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t sends, store_.Int(key::kSends));
    DOORSTEP_RETURN_IF_ERROR(store_.SetInt(key::kSends, sends + 1));
    return write.Commit();
  };
  absl::Status status = commit();
  DOORSTEP_RETURN_IF_ERROR(store_.db().SetSync(before));
  synced_ = status.ok();
  return status;
}

absl::Status Session::Push() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<OwnUnit> units, NextUnits());
  if (units.empty()) {
    result_.totals.step = SyncProgress::Step::kReceiving;
    state_ = State::kPull;
    return Pull();
  }
  DOORSTEP_RETURN_IF_ERROR(SyncBeforeSending());
  v1::PushRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  SetBytes(units.front().incarnation, request.mutable_sender()->mutable_incarnation());
  request.set_earlier_waits(earlier_waits_);
  Pack(ToProto(units), Compresses(hello_), request.mutable_units());
  const ClockReading begun = clock_.Read();
  *request.mutable_now() = ToProto(begun);
  result_.totals.bytes_sent += request.ByteSizeLong();
  absl::StatusOr<v1::PushResponse> response = transport_.Push(request);
  if (!response.ok()) {
    if (!IsAnswer(response.status())) return response.status();
    push_error_ = Annotate(response.status(), "push");
    result_.totals.step = SyncProgress::Step::kReceiving;
    state_ = State::kPull;
    return absl::OkStatus();
  }
  result_.totals.bytes_received += response->ByteSizeLong();
  FitPushesToLink(clock_.Read().mono_ms - begun.mono_ms);
  return HandleReceipts(units, *response);
}

absl::Status Session::HandleReceipts(const std::vector<OwnUnit>& units,
                                     const v1::PushResponse& response) {
  if (static_cast<size_t>(response.receipts_size()) != units.size()) {
    return absl::InternalError(absl::StrCat("push: the server gave ", response.receipts_size(),
                                            " receipts for ", units.size(), " units"));
  }
  bool forked = false;
  {
    DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store_));
    for (size_t i = 0; i < units.size(); ++i) {
      const v1::Receipt& receipt = response.receipts(static_cast<int>(i));
      if (receipt.counter() != units[i].counter) {
        return absl::InternalError("push: the server gave a receipt for another unit");
      }
      if (receipt.status() == v1::Receipt::STORED || receipt.status() == v1::Receipt::REPEAT) {
        DOORSTEP_RETURN_IF_ERROR(
            outbox_.SetReceipt(units[i].unit, hello_.epoch(), receipt.sequence()));
        result_.totals.changes_sent += units[i].changes;
      }
      if (units[i].urgency == Urgency::kFirst) {
        DOORSTEP_RETURN_IF_ERROR(outbox_.SetUrgency(units[i].unit, Urgency::kOffered));
      }
      forked |= receipt.status() == v1::Receipt::FORKED_ID;
      earlier_waits_ |= receipt.status() == v1::Receipt::WAITS;
    }
    DOORSTEP_RETURN_IF_ERROR(store_.SetContact(response.server_time_ms(), clock_.Read()));
    DOORSTEP_RETURN_IF_ERROR(write.Commit());
  }
  if (units.back().urgency != Urgency::kFirst) last_unit_ = units.back().unit;
  return forked ? TakeNewLife() : absl::OkStatus();
}

absl::Status Session::OpenPull() {
  v1::PullRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), MakeSender(store_));
  request.set_epoch(hello_.epoch());
  DOORSTEP_ASSIGN_OR_RETURN(int64_t cursor, store_.Int(key::kCursor));
  // Outcomes at or below the cursor, which a first pull does not bring, are asked for again. A
  // lower cursor costs rows that are here already, and changes nothing.
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t oldest, outbox_.OldestReceipt(hello_.epoch()));
  if (oldest != 0) cursor = std::min(cursor, static_cast<int64_t>(oldest) - 1);
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t first, store_.Int(key::kFirst));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t first_from, store_.Int(key::kFirstFrom));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string position, store_.Text(key::kPosition));
  request.set_cursor(static_cast<uint64_t>(cursor));
  if (first != 0) {
    request.set_first(true);
    request.set_first_from(static_cast<uint64_t>(first_from));
  }
  if (!position.empty() && !request.mutable_position()->ParseFromString(position)) {
    return absl::DataLossError("_state: a position that does not parse");
  }
  request.set_schema_hash(store_.schema().hash());
  request.set_accept_zstd(true);
  result_.totals.bytes_sent += request.ByteSizeLong();
  DOORSTEP_ASSIGN_OR_RETURN(stream_, transport_.Pull(request));
  return absl::OkStatus();
}

absl::Status Session::Pull() {
  if (stream_ == nullptr) DOORSTEP_RETURN_IF_ERROR(OpenPull());
  v1::PullBatch message;
  DOORSTEP_ASSIGN_OR_RETURN(const bool more, stream_->Next(&message));
  if (!more) return absl::UnavailableError("pull: the server ended before it had sent all");
  result_.totals.bytes_received += message.ByteSizeLong();
  return HandleBatch(message);
}

absl::Status Session::HandleBatch(const v1::PullBatch& message) {
  if (message.epoch() != hello_.epoch()) {
    return absl::UnavailableError("pull: the server was restored just now: sync again");
  }
  v1::PullRows rows;
  DOORSTEP_RETURN_IF_ERROR(
      Annotate(Unpack(message.rows(), kMaxRawBatchBytes, &rows), "pull: rows"));
  const Batch batch{message, rows, clock_.Read()};
  result_.totals.records_received += static_cast<uint64_t>(rows.records_size());
  result_.totals.records_to_receive = result_.totals.records_received + message.remaining();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t first, store_.Int(key::kFirst));
  if (first != 0) {
    DOORSTEP_RETURN_IF_ERROR(ApplyFirst(store_, batch));
    if (message.first_done()) stream_ = nullptr;
    return absl::OkStatus();
  }
  if (!message.complete()) return Stage(store_, batch);
  return HandleCheckpoint(batch);
}

absl::Status Session::HandleCheckpoint(const Batch& batch) {
  result_.totals.step = SyncProgress::Step::kApplying;
  stream_ = nullptr;
  DOORSTEP_ASSIGN_OR_RETURN(const Applied applied, ApplyCheckpoint(store_, batch, entropy_));
  result_.checkpoint = batch.message.checkpoint();
  result_.applied += applied.applied;
  result_.merged += applied.merged;
  result_.conflict += applied.conflict;
  result_.held += applied.held;
  result_.rejected += applied.rejected;
  // Once: rows that differ after they were all sent again differ for another reason.
  if (!applied.digests_agree && std::exchange(result_.repaired, true)) {
    return absl::DataLossError(
        "pull: the digests of this replica and the server differ after a repair; the next sync "
        "receives every record again");
  }
  // ApplyCheckpoint has taken the new incarnation; the hello tells the server.
  if (applied.forked) {
    if (++lives_ > kMaxLives) {
      return absl::InternalError("pull: the server keeps naming changes of another life");
    }
    synced_ = false;
    state_ = State::kHello;
    return absl::OkStatus();
  }
  if (!applied.digests_agree) {
    DOORSTEP_RETURN_IF_ERROR(OfferAnew());
    state_ = State::kPush;
    return absl::OkStatus();
  }
  state_ = State::kAttachments;
  return absl::OkStatus();
}

// After a checkpoint. What was taken away goes first.
absl::Status Session::BeginAttachments() {
  // Records do not wait for attachments that cannot be looked at.
  attachment_error_ = CollectAttachments(store_, clock_, entropy_);
  attachment_error_.Update(NoteLimits(store_, limits_));
  auto plan = AttachmentSync::Plan(store_, clock_, entropy_, transport_, hello_.epoch(), limits_,
                                   &result_.totals);
  attachment_error_.Update(plan.status());
  if (!attachment_error_.ok() || !(*plan)->HasWork()) {
    state_ = State::kDone;
    return absl::OkStatus();
  }
  attachments_ = *std::move(plan);
  slice_begun_ms_ = clock_.Read().mono_ms;
  result_.totals.step = SyncProgress::Step::kAttachments;
  return absl::OkStatus();
}

absl::Status Session::Attachments() {
  absl::StatusOr<bool> more = attachments_->Step();
  if (!more.ok() && !IsAnswer(more.status())) return more.status();
  if (!more.ok() || !*more) {
    attachment_error_ = more.status();
    attachments_ = nullptr;
    // What was kept only until the server had it goes now.
    attachment_error_.Update(CollectAttachments(store_, clock_, entropy_));
    state_ = State::kDone;
    return absl::OkStatus();
  }
  // What somebody has recorded meanwhile goes before the next chunk, and now and then it is time to
  // see what others have.
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t last,
                            store_.db().QueryInt("SELECT coalesce(max(unit), 0) FROM _outbox"));
  if (last <= end_unit_ && clock_.Read().mono_ms - slice_begun_ms_ < kAttachmentSliceMs) {
    return absl::OkStatus();
  }
  if (limits_.budget_bytes != 0) {
    const uint64_t moved = attachments_->moved();
    limits_.budget_bytes -= std::min(limits_.budget_bytes - 1, moved);
  }
  attachments_ = nullptr;
  end_unit_ = last;
  result_.totals.step = SyncProgress::Step::kSending;
  state_ = State::kPush;
  return absl::OkStatus();
}

absl::Status Session::Finish() {
  DOORSTEP_ASSIGN_OR_RETURN(const Outbox::Counts counts, outbox_.Count());
  result_.waiting = counts.waiting;
  result_.repaired |= restored_;
  result_.totals.step = SyncProgress::Step::kDone;
  return push_error_.ok() ? attachment_error_ : push_error_;
}

}  // namespace doorstep::client
