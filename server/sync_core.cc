#include "server/sync_core.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/attachments.h"
#include "server/audit/audit.h"
#include "server/audit/refusals.h"
#include "server/epoch.h"
#include "server/errors.h"
#include "server/record_history.h"
#include "server/validate.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

constexpr uint32_t kProtocol = 1;

// The way in, with who stands before it.
struct Door {
  Tenants& tenants;
  Callers callers;
  const Caller& caller;
  Refusals& refusals;
};

// The call is refused whether or not this can be noted.
void NoteRefusal(const Door& door, Tenant& tenant, absl::string_view message,
                 const CheckedSender& sender, const absl::Status& refusal) {
  const ClockReading now = door.tenants.clock().Read();
  const uint64_t times =
      door.refusals.Note(absl::StrCat(door.caller.device.AsBytes(), sender.tenant), now.mono_ms);
  if (times == 0) return;
  AuditEntry entry;
  entry.time_ms = now.wall_ms;
  entry.device = door.caller.device;
  entry.verb = "call refused";
  entry.about = absl::StrCat(message, " as device=", sender.device.ToString(),
                             " site=", sender.site, " times=", times);
  entry.outcome = std::string(refusal.message());
  NoteAudit(std::move(entry), tenant.store()).IgnoreError();
}

// What a device is given to read, before it is given it: each page and each piece, so that nobody
// gets around it by asking for the second one.
absl::Status NoteRead(const Door& door, Tenant& tenant, const CheckedSender& sender,
                      absl::string_view verb, std::string about) {
  AuditEntry entry;
  entry.time_ms = door.tenants.clock().Read().wall_ms;
  entry.device = sender.device;
  entry.verb = std::string(verb);
  entry.about = std::move(about);
  return NoteAudit(std::move(entry), tenant.store());
}

// Every call passes here, before anything is looked up for it: who has no business with this tenant
// does not learn whether there is one.
absl::Status CheckMayCall(const Door& door, absl::string_view message,
                          const CheckedSender& sender) {
  if (door.callers == Callers::kAnyone) return absl::OkStatus();
  absl::StatusOr<Tenant*> tenant = door.tenants.Find(sender.tenant);
  if (absl::IsNotFound(tenant.status())) return RefuseStranger();
  DOORSTEP_RETURN_IF_ERROR(tenant.status());
  const Tenant::InUse use(*tenant);
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<ReadView> view, (*tenant)->store().Read());
  absl::Status allowed =
      CheckCaller(*view, door.caller, sender, door.tenants.clock().Read().wall_ms);
  if (absl::IsPermissionDenied(allowed) || absl::IsUnauthenticated(allowed)) {
    view.reset();
    NoteRefusal(door, **tenant, message, sender, allowed);
  }
  return allowed;
}

absl::StatusOr<Tenant*> Enter(const Door& door, absl::string_view message,
                              const CheckedSender& sender) {
  DOORSTEP_RETURN_IF_ERROR(CheckMayCall(door, message, sender));
  absl::StatusOr<Tenant*> tenant = door.tenants.Find(sender.tenant);
  if (!absl::IsNotFound(tenant.status())) return tenant;
  return ForCaller(
      absl::NotFoundError(absl::StrCat(message, ".sender.tenant: got ", Quoted(sender.tenant),
                                       ", wanted one of this server's: ask its operator")));
}

absl::Status WrongSite(absl::string_view message) {
  return ForCaller(absl::PermissionDeniedError(
      absl::StrCat(message, ".sender.site: got another than the device belongs to")));
}

// That the device has said Hello, for this site.
absl::Status CheckDevice(ReadView& view, absl::string_view message, const CheckedSender& sender) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> device, view.FindDevice(sender.device));
  if (!device) {
    return ForCaller(absl::FailedPreconditionError(absl::StrCat(
        message, ".sender.device: got one that this tenant does not know, wanted Hello first")));
  }
  return device->site == sender.site ? absl::OkStatus() : WrongSite(message);
}

absl::StatusOr<bool> KnowsDevice(Tenant& tenant, const Uuid& device) {
  const Tenant::InUse use(&tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> found, view->FindDevice(device));
  return found.has_value();
}

// A replica belongs to one tenant for ever. The others are asked only when the device is new here,
// before the writer is taken.
absl::Status CheckNoOtherTenant(Tenants& tenants, Tenant& tenant, const CheckedSender& sender) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool known, KnowsDevice(tenant, sender.device));
  if (known) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, tenants.List());
  for (const std::string& name : names) {
    if (name == sender.tenant) continue;
    DOORSTEP_ASSIGN_OR_RETURN(Tenant * other, tenants.Find(name));
    DOORSTEP_ASSIGN_OR_RETURN(const bool has_device, KnowsDevice(*other, sender.device));
    if (has_device) {
      return ForCaller(absl::PermissionDeniedError(
          "HelloRequest.sender.tenant: got another than the replica belongs to: make a new replica "
          "for this tenant"));
    }
  }
  return absl::OkStatus();
}

// Whether a hello says nothing of the device that calls to come would miss after a power cut.
absl::StatusOr<bool> KnowsSender(Store& store, const CheckedSender& sender) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, store.Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> device, view->FindDevice(sender.device));
  if (!device) return false;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> owner, view->DeviceOf(sender.incarnation));
  return owner.has_value();
}

// Registers the device, or notes the contact. What a power cut takes of a contact the next hello
// brings.
absl::Status NoteContact(Store& store, const CheckedSender& sender, const v1::HelloRequest& request,
                         int64_t now_ms, bool* forked) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool known, KnowsSender(store, sender));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            known ? store.WriteUnsynced() : store.Write());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<SiteRow> site, transaction->FindSite(sender.site));
  if (!site) {
    return ForCaller(
        absl::NotFoundError(absl::StrCat("HelloRequest.sender.site: got ", Quoted(sender.site),
                                         ", wanted one of this tenant's: ask its operator")));
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<DeviceRow> device,
                            transaction->FindDevice(sender.device));
  if (device && device->site != sender.site) return WrongSite("HelloRequest");
  if (!device) {
    device.emplace();
    device->id = sender.device;
    device->site = sender.site;
    device->first_contact_ms = now_ms;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> owner,
                            transaction->DeviceOf(sender.incarnation));
  *forked = owner && *owner != sender.device;
  if (!*forked) {
    device->incarnation = sender.incarnation;
    device->waiting_from = request.first_waiting();
    device->waiting_until = request.next_counter();
  }
  if (!request.device_name().empty()) device->name = request.device_name();
  device->client = request.client();
  device->pending = request.pending();
  device->last_contact_ms = std::max(device->last_contact_ms, now_ms);
  DOORSTEP_RETURN_IF_ERROR(transaction->PutDevice(*device));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch, transaction->Epoch());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, transaction->Head());
  // It has had a batch of a state with this head.
  const uint64_t had = HistoryEndSequence(request.history_end());
  if (had > 0 && had <= head && request.epoch() == epoch) {
    DOORSTEP_RETURN_IF_ERROR(transaction->AddSent({sender.device, had, had, now_ms, true}));
  }
  if (!owner) {
    DOORSTEP_RETURN_IF_ERROR(transaction->AddIncarnation(sender.incarnation, sender.device));
  }
  return transaction->Commit();
}

absl::StatusOr<v1::HelloResponse> DoHello(const Door& door, const v1::HelloRequest& request) {
  Tenants& tenants = door.tenants;
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedSender sender, CheckHello(request));
  if (request.protocol_min() > kProtocol || request.protocol_max() < kProtocol) {
    return ForCaller(absl::FailedPreconditionError(
        absl::StrCat("HelloRequest.protocol_min: got ", request.protocol_min(), " to ",
                     request.protocol_max(), ", wanted a range with ", kProtocol)));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, "HelloRequest", sender));
  const int64_t now_ms = tenants.clock().Read().wall_ms;
  DOORSTEP_RETURN_IF_ERROR(CheckNoOtherTenant(tenants, *tenant, sender));
  const Tenant::InUse use(tenant);
  bool forked = false;
  DOORSTEP_RETURN_IF_ERROR(NoteContact(tenant->store(), sender, request, now_ms, &forked));
  DOORSTEP_RETURN_IF_ERROR(NoticeRestore(
      tenant->store(), {request.epoch(), request.seen_sequence(), request.history_end()},
      tenants.entropy()));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<EpochRow> epochs, view->Epochs());
  v1::HelloResponse response;
  response.set_protocol(kProtocol);
  response.set_schema_hash(tenant->schema().hash());
  response.add_compressions(v1::ZSTD);
  response.set_epoch(epochs.back().epoch);
  response.set_origin(epochs.front().epoch);
  if (request.epoch() != epochs.back().epoch) {
    response.set_common_sequence(CommonSequence(epochs, request.epoch()));
  }
  response.set_server_time_ms(now_ms);
  response.set_standing(forked ? v1::FORKED : v1::WELCOME);
  response.set_max_push_bytes(kMaxPushRawBytes);
  response.set_max_batch_bytes(kMaxPullBatchBytes);
  // A file that cannot be read is said when the server starts; nobody's sync waits for it.
  response.set_recovery_key(tenants.RecoveryKey(tenant->name()).value_or(""));
  return response;
}

absl::StatusOr<v1::PushResponse> DoPush(const Door& door, const v1::PushRequest& request) {
  Tenants& tenants = door.tenants;
  CheckedPush push;
  DOORSTEP_RETURN_IF_ERROR(CheckPush(request, &push));
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, "PushRequest", push.sender));
  const Tenant::InUse use(tenant);
  push.job.receipt_ms = tenants.clock().Read().wall_ms;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<UnitReceipt> receipts, tenant->Push(push.job));
  v1::PushResponse response;
  for (const UnitReceipt& receipt : receipts) {
    v1::Receipt* out = response.add_receipts();
    out->set_counter(receipt.counter);
    out->set_status(static_cast<v1::Receipt::Status>(receipt.status));
    out->set_sequence(receipt.sequence);
    out->set_detail(receipt.detail);
  }
  response.set_server_time_ms(push.job.receipt_ms);
  return response;
}

// Nothing is handed out that is not noted: somebody may have to say who has seen it. What a power
// cut takes of the notes the next hello brings (NoteContact).
absl::Status NoteSent(Store& store, const PullQuestion& question, uint64_t head,
                      const v1::PullBatch& batch) {
  SentRow row{question.device, batch.next().sequence(), head, batch.server_time_ms(), false};
  if (question.first && !batch.first_done()) {
    row.sequence = batch.first_from();
    row.begun = true;
  }
  if (batch.rows().raw_size() == 0 || (row.begun && question.resumed)) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, store.WriteUnsynced());
  DOORSTEP_RETURN_IF_ERROR(write->AddSent(row));
  return write->Commit();
}

absl::StatusOr<v1::PullBatch> DoPull(const Door& door, const v1::PullRequest& request,
                                     size_t max_bytes) {
  Tenants& tenants = door.tenants;
  DOORSTEP_ASSIGN_OR_RETURN(CheckedPull pull, CheckPull(request));
  pull.question.max_bytes = max_bytes;
  pull.question.max_items = tenants.pull_batch_items();
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, "PullRequest", pull.sender));
  const Tenant::InUse use(tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_RETURN_IF_ERROR(CheckDevice(*view, "PullRequest", pull.sender));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch, view->Epoch());
  const bool nothing_yet = request.epoch() == 0 && request.cursor() == 0;
  if (request.epoch() != epoch && !nothing_yet) {
    return ForCaller(absl::FailedPreconditionError(
        absl::StrCat("PullRequest.epoch: got ", request.epoch(), ", wanted ", epoch,
                     ": this replica belongs to another life of the server")));
  }
  DOORSTEP_ASSIGN_OR_RETURN(v1::PullBatch batch, PullOneBatch(*view, pull.question));
  batch.set_server_time_ms(tenants.clock().Read().wall_ms);
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view->Head());
  DOORSTEP_RETURN_IF_ERROR(NoteSent(tenant->store(), pull.question, head, batch));
  return batch;
}

absl::StatusOr<v1::HistoryResponse> DoHistory(const Door& door, const v1::HistoryRequest& request) {
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedHistory history, CheckHistory(request));
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, "HistoryRequest", history.sender));
  const Tenant::InUse use(tenant);
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_RETURN_IF_ERROR(CheckDevice(*view, "HistoryRequest", history.sender));
  DOORSTEP_ASSIGN_OR_RETURN(
      v1::HistoryResponse response,
      RecordHistory(*view, history.sender.site, history.record, history.after, history.limit));
  view.reset();
  if (response.entries_size() == 0) return response;
  DOORSTEP_RETURN_IF_ERROR(
      NoteRead(door, *tenant, history.sender, "history read",
               absl::StrCat("record=", history.record.ToString(), " after=", history.after)));
  return response;
}

// A device that may call at all: its tenant, in use while `use` lives.
absl::StatusOr<Tenant*> Admit(const Door& door, absl::string_view message,
                              const CheckedSender& sender, std::optional<Tenant::InUse>* use) {
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, message, sender));
  use->emplace(tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_RETURN_IF_ERROR(CheckDevice(*view, message, sender));
  return tenant;
}

AskingDevice AskingOf(const CheckedSender& sender) { return {sender.site, sender.device}; }

absl::StatusOr<v1::AskAttachmentsResponse> DoAsk(const Door& door,
                                                 const v1::AskAttachmentsRequest& request) {
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedAsk ask, CheckAskAttachments(request));
  std::optional<Tenant::InUse> use;
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant,
                            Admit(door, "AskAttachmentsRequest", ask.sender, &use));
  DOORSTEP_ASSIGN_OR_RETURN(const auto states,
                            AskAttachments(*tenant, AskingOf(ask.sender), ask.ids));
  v1::AskAttachmentsResponse response;
  for (const std::optional<AttachmentProgress>& state : states) {
    v1::AttachmentState* out = response.add_states();
    if (!state) continue;
    out->set_known(true);
    out->set_received(state->received);
    out->set_whole(state->whole);
  }
  return response;
}

absl::StatusOr<v1::PutChunkResponse> DoPutChunk(const Door& door,
                                                const v1::PutChunkRequest& request) {
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedPutChunk put, CheckPutChunk(request));
  std::optional<Tenant::InUse> use;
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Admit(door, "PutChunkRequest", put.sender, &use));
  DOORSTEP_ASSIGN_OR_RETURN(const AttachmentProgress progress,
                            PutAttachmentChunk(*tenant, AskingOf(put.sender), put.chunk,
                                               door.tenants.clock().Read().wall_ms));
  v1::PutChunkResponse response;
  response.set_received(progress.received);
  response.set_whole(progress.whole);
  response.set_wrong(progress.wrong);
  return response;
}

absl::StatusOr<v1::GetChunkResponse> DoGetChunk(const Door& door,
                                                const v1::GetChunkRequest& request) {
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedGetChunk get, CheckGetChunk(request));
  std::optional<Tenant::InUse> use;
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Admit(door, "GetChunkRequest", get.sender, &use));
  DOORSTEP_ASSIGN_OR_RETURN(AttachmentPiece piece, GetAttachmentChunk(*tenant, AskingOf(get.sender),
                                                                      get.id, get.offset, get.max));
  if (!piece.data.empty()) {
    DOORSTEP_RETURN_IF_ERROR(NoteRead(door, *tenant, get.sender, "attachment read",
                                      absl::StrCat("file=", get.id.file.ToString(), " sha256=",
                                                   ToHex(get.id.sha256), " from=", get.offset)));
  }
  v1::GetChunkResponse response;
  response.set_whole(piece.whole);
  response.set_size(piece.size);
  response.set_data(std::move(piece.data));
  return response;
}

absl::StatusOr<std::unique_ptr<Notifier::Registration>> DoWatch(const Door& door,
                                                                const v1::WatchRequest& request,
                                                                const Notifier::Callback& watcher) {
  DOORSTEP_ASSIGN_OR_RETURN(const CheckedSender sender, CheckWatch(request));
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Enter(door, "WatchRequest", sender));
  const Tenant::InUse use(tenant);
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_RETURN_IF_ERROR(CheckDevice(*view, "WatchRequest", sender));
  view.reset();
  std::unique_ptr<Notifier::Registration> registration =
      tenant->notifier().Register(sender.device, sender.site, watcher);
  if (registration == nullptr) {
    return ForCaller(absl::ResourceExhaustedError("WatchRequest: too many devices watch now"));
  }
  // After registering, so that nothing falls between. The head moves for others too; a pull that
  // finds nothing is cheap.
  DOORSTEP_ASSIGN_OR_RETURN(view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view->Head());
  view.reset();
  if (head > request.cursor()) watcher(head);
  return registration;
}

template <typename T>
absl::StatusOr<T> Finish(absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return Outward(result.status());
}

}  // namespace

SyncCore::SyncCore(const TenantsOptions& options, Callers callers)
    : tenants_(options), callers_(callers) {}

SyncCore::~SyncCore() = default;

absl::StatusOr<v1::HelloResponse> SyncCore::Hello(const v1::HelloRequest& request,
                                                  const Caller& caller) {
  return Finish(DoHello({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<v1::PushResponse> SyncCore::Push(const v1::PushRequest& request,
                                                const Caller& caller) {
  return Finish(DoPush({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<v1::PullBatch> SyncCore::Pull(const v1::PullRequest& request, size_t max_bytes,
                                             const Caller& caller) {
  return Finish(DoPull({tenants_, callers_, caller, refusals_}, request, max_bytes));
}

absl::StatusOr<v1::HistoryResponse> SyncCore::History(const v1::HistoryRequest& request,
                                                      const Caller& caller) {
  return Finish(DoHistory({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<v1::AskAttachmentsResponse> SyncCore::AskAttachments(
    const v1::AskAttachmentsRequest& request, const Caller& caller) {
  return Finish(DoAsk({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<v1::PutChunkResponse> SyncCore::PutChunk(const v1::PutChunkRequest& request,
                                                        const Caller& caller) {
  return Finish(DoPutChunk({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<v1::GetChunkResponse> SyncCore::GetChunk(const v1::GetChunkRequest& request,
                                                        const Caller& caller) {
  return Finish(DoGetChunk({tenants_, callers_, caller, refusals_}, request));
}

absl::StatusOr<std::unique_ptr<Notifier::Registration>> SyncCore::Watch(
    const v1::WatchRequest& request, const Notifier::Callback& watcher, const Caller& caller) {
  return Finish(DoWatch({tenants_, callers_, caller, refusals_}, request, watcher));
}

}  // namespace doorstep::server
