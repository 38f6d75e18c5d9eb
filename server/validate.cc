#include "server/validate.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/epoch.h"
#include "server/errors.h"
#include "server/tenants.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/pack.h"

namespace doorstep::server {
namespace {

// Sequences, counters and epochs stand in signed columns.
constexpr uint64_t kMaxCount = std::numeric_limits<int64_t>::max();
constexpr size_t kSchemaHashBytes = 16;
// Kinds of compression that a client may list; there are two.
constexpr int kMaxCompressions = 16;

absl::Status Wrong(absl::string_view path, absl::string_view got, absl::string_view wanted) {
  return ForCaller(
      absl::InvalidArgumentError(absl::StrCat(path, ": got ", got, ", wanted ", wanted)));
}

absl::Status CheckId(absl::string_view path, absl::string_view bytes, Uuid* out) {
  const absl::StatusOr<Uuid> id = Uuid::FromBytes(bytes);
  if (!id.ok()) return Wrong(path, absl::StrCat(bytes.size(), " bytes"), "16");
  if (id->IsNil()) return Wrong(path, "only zeros", "an id");
  *out = *id;
  return absl::OkStatus();
}

absl::Status CheckCount(absl::string_view path, uint64_t value, uint64_t max = kMaxCount) {
  if (value <= max) return absl::OkStatus();
  return Wrong(path, absl::StrCat(value), absl::StrCat("at most ", max));
}

// One line of text.
absl::Status CheckText(absl::string_view path, absl::string_view text, size_t min, size_t max) {
  if (text.size() < min || text.size() > max) {
    return Wrong(path, absl::StrCat(text.size(), " bytes"), absl::StrCat(min, " to ", max));
  }
  if (IsOneLine(text)) return absl::OkStatus();
  return Wrong(path, Quoted(text), "UTF-8 without control characters");
}

absl::Status CheckSchemaHash(absl::string_view path, absl::string_view hash) {
  if (hash.empty() || hash.size() == kSchemaHashBytes) return absl::OkStatus();
  return Wrong(path, absl::StrCat(hash.size(), " bytes"), "none or 16");
}

absl::Status CheckEnvelope(const v1::Envelope& envelope, absl::string_view path, int authors) {
  if (envelope.counter() == 0 || envelope.counter() > kMaxCount - kMaxUnitChanges) {
    return Wrong(absl::StrCat(path, ".counter"), absl::StrCat(envelope.counter()),
                 absl::StrCat("1 to ", kMaxCount - kMaxUnitChanges));
  }
  if (envelope.changes() == 0 || envelope.changes() > kMaxUnitChanges) {
    return Wrong(absl::StrCat(path, ".changes"), absl::StrCat(envelope.changes()),
                 absl::StrCat("1 to ", kMaxUnitChanges));
  }
  if (envelope.author() >= static_cast<uint32_t>(authors)) {
    return Wrong(absl::StrCat(path, ".author"), absl::StrCat(envelope.author()),
                 absl::StrCat("less than ", authors, ", a place in authors"));
  }
  if (!envelope.signature().empty()) {
    return Wrong(absl::StrCat(path, ".signature"),
                 absl::StrCat(envelope.signature().size(), " bytes"),
                 "none: people have no keys yet");
  }
  DOORSTEP_RETURN_IF_ERROR(
      CheckSchemaHash(absl::StrCat(path, ".schema_hash"), envelope.schema_hash()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount(absl::StrCat(path, ".epoch"), envelope.epoch()));
  return CheckCount(absl::StrCat(path, ".checkpoint"), envelope.checkpoint());
}

absl::Status CheckUnits(const v1::PushUnits& units) {
  const auto max = static_cast<int>(kMaxPushUnits);
  if (units.units_size() > max) {
    return Wrong("PushRequest.units.units", absl::StrCat(units.units_size()),
                 absl::StrCat("at most ", max));
  }
  if (units.authors_size() > max) {
    return Wrong("PushRequest.units.authors", absl::StrCat(units.authors_size()),
                 absl::StrCat("at most ", max));
  }
  for (int i = 0; i < units.authors_size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(CheckText(absl::StrCat("PushRequest.units.authors[", i, "]"),
                                       units.authors(i), 1, kMaxAuthorBytes));
  }
  for (int i = 0; i < units.units_size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(CheckEnvelope(
        units.units(i), absl::StrCat("PushRequest.units.units[", i, "]"), units.authors_size()));
  }
  return absl::OkStatus();
}

absl::Status CheckAttachment(absl::string_view path, const v1::AttachmentRef& ref, BlobId* out) {
  DOORSTEP_RETURN_IF_ERROR(CheckId(absl::StrCat(path, ".file"), ref.file(), &out->file));
  if (ref.sha256().size() != kSha256Bytes) {
    return Wrong(absl::StrCat(path, ".sha256"), absl::StrCat(ref.sha256().size(), " bytes"), "32");
  }
  out->sha256 = ref.sha256();
  return absl::OkStatus();
}

absl::Status CheckPosition(const v1::Position& position, bool first, Place* out) {
  const std::string path = "PullRequest.position";
  DOORSTEP_RETURN_IF_ERROR(CheckCount(path + ".sequence", position.sequence()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount(path + ".compartment", position.compartment()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount(path + ".inner", position.inner()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount(path + ".row", position.row()));
  const uint32_t stage = position.stage();
  const bool fits = first ? stage == kStageFirst
                          : stage <= kStageRecord || stage == kStageNotice || stage == kStageEnd;
  if (!fits) {
    return Wrong(path + ".stage", absl::StrCat(stage),
                 "the position of the last batch, as it came");
  }
  *out = {position.sequence(), stage, position.compartment(), position.inner(), position.row()};
  return absl::OkStatus();
}

}  // namespace

bool IsOneLine(absl::string_view text) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return !control && IsValidUtf8(text);
}

absl::StatusOr<CheckedSender> CheckSender(absl::string_view message, const v1::Sender& sender) {
  CheckedSender checked;
  const std::string path = absl::StrCat(message, ".sender.");
  DOORSTEP_RETURN_IF_ERROR(ForCaller(CheckName(path + "tenant", sender.tenant())));
  DOORSTEP_RETURN_IF_ERROR(ForCaller(CheckName(path + "site", sender.site())));
  DOORSTEP_RETURN_IF_ERROR(CheckId(path + "device", sender.device(), &checked.device));
  DOORSTEP_RETURN_IF_ERROR(
      CheckId(path + "incarnation", sender.incarnation(), &checked.incarnation));
  checked.tenant = sender.tenant();
  checked.site = sender.site();
  return checked;
}

absl::StatusOr<CheckedSender> CheckHello(const v1::HelloRequest& request) {
  DOORSTEP_ASSIGN_OR_RETURN(CheckedSender sender, CheckSender("HelloRequest", request.sender()));
  if (request.protocol_min() > request.protocol_max()) {
    return Wrong("HelloRequest.protocol_min", absl::StrCat(request.protocol_min()),
                 absl::StrCat("at most protocol_max, ", request.protocol_max()));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckSchemaHash("HelloRequest.schema_hash", request.schema_hash()));
  if (request.compressions_size() > kMaxCompressions) {
    return Wrong("HelloRequest.compressions", absl::StrCat(request.compressions_size()),
                 absl::StrCat("at most ", kMaxCompressions));
  }
  DOORSTEP_RETURN_IF_ERROR(
      CheckText("HelloRequest.device_name", request.device_name(), 0, kMaxTitleBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckText("HelloRequest.client", request.client(), 0, kMaxTitleBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HelloRequest.pending", request.pending()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HelloRequest.first_waiting", request.first_waiting()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HelloRequest.next_counter", request.next_counter()));
  if (request.first_waiting() > request.next_counter()) {
    return Wrong("HelloRequest.first_waiting", absl::StrCat(request.first_waiting()),
                 absl::StrCat("at most next_counter, ", request.next_counter()));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HelloRequest.epoch", request.epoch()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HelloRequest.seen_sequence", request.seen_sequence()));
  if (request.history_end().size() > kMaxHistoryEndBytes) {
    return Wrong("HelloRequest.history_end", absl::StrCat(request.history_end().size(), " bytes"),
                 "what the last batch gave");
  }
  return sender;
}

absl::Status CheckPush(const v1::PushRequest& request, CheckedPush* out) {
  DOORSTEP_ASSIGN_OR_RETURN(out->sender, CheckSender("PushRequest", request.sender()));
  const absl::Status unpacked = Unpack(request.units(), kMaxPushRawBytes, &out->units);
  if (!unpacked.ok()) {
    return ForCaller(Annotate(absl::InvalidArgumentError(unpacked.message()), "PushRequest.units"));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckUnits(out->units));
  out->job.device = out->sender.device;
  out->job.site = out->sender.site;
  out->job.incarnation = out->sender.incarnation;
  out->job.sending.wall_ms = request.now().wall_ms();
  out->job.sending.boot = request.now().boot();
  out->job.sending.mono_ms = request.now().mono_ms();
  out->job.units.reserve(static_cast<size_t>(out->units.units_size()));
  for (const v1::Envelope& envelope : out->units.units()) {
    OfferedUnit& unit = out->job.units.emplace_back();
    unit.earlier_waits = request.earlier_waits();
    unit.counter = envelope.counter();
    unit.changes = envelope.changes();
    unit.author = out->units.authors(static_cast<int>(envelope.author()));
    unit.schema_hash = envelope.schema_hash();
    unit.epoch = envelope.epoch();
    unit.checkpoint = envelope.checkpoint();
    unit.payload = envelope.payload();
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckedPull> CheckPull(const v1::PullRequest& request) {
  CheckedPull checked;
  DOORSTEP_ASSIGN_OR_RETURN(checked.sender, CheckSender("PullRequest", request.sender()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("PullRequest.epoch", request.epoch()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("PullRequest.cursor", request.cursor()));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("PullRequest.first_from", request.first_from()));
  DOORSTEP_RETURN_IF_ERROR(CheckSchemaHash("PullRequest.schema_hash", request.schema_hash()));
  if (request.first() && request.cursor() != 0) {
    return Wrong("PullRequest.cursor", absl::StrCat(request.cursor()), "0 in a first pull");
  }
  PullQuestion& question = checked.question;
  question.device = checked.sender.device;
  question.site = checked.sender.site;
  question.cursor = request.cursor();
  question.first = request.first();
  question.first_from = request.first() ? request.first_from() : 0;
  question.resumed = request.has_position();
  question.accept_zstd = request.accept_zstd();
  question.with_compartment_digests = request.with_compartment_digests();
  if (question.resumed) {
    DOORSTEP_RETURN_IF_ERROR(
        CheckPosition(request.position(), request.first(), &question.position));
  }
  return checked;
}

absl::StatusOr<CheckedHistory> CheckHistory(const v1::HistoryRequest& request) {
  CheckedHistory checked;
  DOORSTEP_ASSIGN_OR_RETURN(checked.sender, CheckSender("HistoryRequest", request.sender()));
  DOORSTEP_RETURN_IF_ERROR(CheckId("HistoryRequest.record", request.record(), &checked.record));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("HistoryRequest.after_sequence", request.after_sequence()));
  checked.after = request.after_sequence();
  checked.limit = kMaxHistoryEntries;
  if (request.limit() != 0) checked.limit = std::min<size_t>(request.limit(), checked.limit);
  return checked;
}

absl::StatusOr<CheckedAsk> CheckAskAttachments(const v1::AskAttachmentsRequest& request) {
  CheckedAsk checked;
  DOORSTEP_ASSIGN_OR_RETURN(checked.sender, CheckSender("AskAttachmentsRequest", request.sender()));
  const auto max = static_cast<int>(kMaxAskedAttachments);
  if (request.attachments_size() > max) {
    return Wrong("AskAttachmentsRequest.attachments", absl::StrCat(request.attachments_size()),
                 absl::StrCat("at most ", max));
  }
  for (int i = 0; i < request.attachments_size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(
        CheckAttachment(absl::StrCat("AskAttachmentsRequest.attachments[", i, "]"),
                        request.attachments(i), &checked.ids.emplace_back()));
  }
  return checked;
}

absl::StatusOr<CheckedPutChunk> CheckPutChunk(const v1::PutChunkRequest& request) {
  CheckedPutChunk checked;
  DOORSTEP_ASSIGN_OR_RETURN(checked.sender, CheckSender("PutChunkRequest", request.sender()));
  AttachmentChunk& chunk = checked.chunk;
  DOORSTEP_RETURN_IF_ERROR(
      CheckAttachment("PutChunkRequest.attachment", request.attachment(), &chunk.id));
  chunk.size = request.size();
  chunk.offset = request.offset();
  chunk.data = request.data();
  if (chunk.size == 0) return Wrong("PutChunkRequest.size", "0", "at least 1");
  DOORSTEP_RETURN_IF_ERROR(CheckCount("PutChunkRequest.size", chunk.size, kMaxAttachmentBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckCount("PutChunkRequest.offset", chunk.offset, chunk.size));
  const uint64_t most = std::min<uint64_t>(kMaxAttachmentChunkBytes, chunk.size - chunk.offset);
  if (chunk.data.size() > most) {
    return Wrong("PutChunkRequest.data", absl::StrCat(chunk.data.size(), " bytes"),
                 absl::StrCat("at most ", most));
  }
  return checked;
}

absl::StatusOr<CheckedGetChunk> CheckGetChunk(const v1::GetChunkRequest& request) {
  CheckedGetChunk checked;
  DOORSTEP_ASSIGN_OR_RETURN(checked.sender, CheckSender("GetChunkRequest", request.sender()));
  DOORSTEP_RETURN_IF_ERROR(
      CheckAttachment("GetChunkRequest.attachment", request.attachment(), &checked.id));
  DOORSTEP_RETURN_IF_ERROR(
      CheckCount("GetChunkRequest.offset", request.offset(), kMaxAttachmentBytes));
  checked.offset = request.offset();
  checked.max = kMaxAttachmentChunkBytes;
  if (request.max_bytes() != 0) checked.max = std::min<size_t>(request.max_bytes(), checked.max);
  return checked;
}

absl::StatusOr<CheckedSender> CheckWatch(const v1::WatchRequest& request) {
  DOORSTEP_RETURN_IF_ERROR(CheckCount("WatchRequest.cursor", request.cursor()));
  return CheckSender("WatchRequest", request.sender());
}

}  // namespace doorstep::server
