#include "server/tenant.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// Checks that the device may push, notes the contact, and registers an incarnation that is new.
// `forked` becomes whether the incarnation belongs to another device. An error for the caller comes
// before anything was written.
absl::Status OpenJob(const PushJob& job, WriteTransaction& transaction, bool* forked) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<DeviceRow> device, transaction.FindDevice(job.device));
  if (!device) {
    return ForCaller(absl::FailedPreconditionError(
        "PushRequest.sender.device: got one that this tenant does not know, wanted Hello first"));
  }
  if (device->site != job.site) {
    return ForCaller(absl::PermissionDeniedError(
        "PushRequest.sender.site: got another than the device belongs to"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> owner, transaction.DeviceOf(job.incarnation));
  *forked = owner && *owner != job.device;
  if (!owner) {
    DOORSTEP_RETURN_IF_ERROR(transaction.AddIncarnation(job.incarnation, job.device));
  }
  device->last_contact_ms = std::max(device->last_contact_ms, job.receipt_ms);
  if (!*forked) device->incarnation = job.incarnation;
  return transaction.PutDevice(*device);
}

absl::StatusOr<std::vector<UnitReceipt>> RunJob(const Schema& schema, const PushJob& job,
                                                WriteTransaction& transaction, Entropy& entropy,
                                                CommitSummary* summary) {
  bool forked = false;
  DOORSTEP_RETURN_IF_ERROR(OpenJob(job, transaction, &forked));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<EpochRow> epochs, transaction.Epochs());
  std::vector<UnitReceipt> receipts;
  receipts.reserve(job.units.size());
  bool waits = false;
  for (OfferedUnit unit : job.units) {
    unit.earlier_waits |= waits;
    if (forked) {
      receipts.push_back({unit.counter, ReceiptStatus::kForkedId, 0,
                          "incarnation: got one of another life, wanted a new one"});
      continue;
    }
    DOORSTEP_ASSIGN_OR_RETURN(UnitReceipt receipt,
                              Ingest(schema, job, unit, epochs, transaction, entropy, summary));
    // What comes after it may name it as a base, and would be taken to mean the other life's
    // change.
    forked = receipt.status == ReceiptStatus::kForkedId;
    waits |= receipt.status == ReceiptStatus::kWaits;
    receipts.push_back(std::move(receipt));
  }
  return receipts;
}

}  // namespace

Tenant::Tenant(std::string name, std::unique_ptr<Store> store, std::shared_ptr<const Schema> schema,
               Entropy* entropy, AttachmentOpener open_attachments)
    : name_(std::move(name)),
      store_(std::move(store)),
      schema_(std::move(schema)),
      entropy_(entropy),
      open_attachments_(std::move(open_attachments)) {}

absl::StatusOr<AttachmentStore*> Tenant::OpenAttachments(bool create) {
  MutexLock lock(attachments_mu_);
  if (attachments_ != nullptr) return attachments_.get();
  absl::StatusOr<std::unique_ptr<AttachmentStore>> opened = open_attachments_(create);
  if (!create && absl::IsNotFound(opened.status())) return nullptr;
  if (!opened.ok()) return Annotate(opened.status(), absl::StrCat("attachments of ", name_));
  attachments_ = *std::move(opened);
  return attachments_.get();
}

void Tenant::Enter() {
  MutexLock lock(use_mu_);
  while (swapping_) use_changed_.Wait(use_mu_);
  ++in_use_;
}

void Tenant::Leave() {
  MutexLock lock(use_mu_);
  if (--in_use_ == 0) use_changed_.NotifyAll();
}

void Tenant::Swap(std::unique_ptr<Store> store, std::shared_ptr<const Schema> schema) {
  MutexLock lock(use_mu_);
  swapping_ = true;
  while (in_use_ > 0) use_changed_.Wait(use_mu_);
  store_ = std::move(store);
  schema_ = std::move(schema);
  swapping_ = false;
  use_changed_.NotifyAll();
}

absl::StatusOr<std::vector<UnitReceipt>> Tenant::Push(const PushJob& job) {
  Waiting mine;
  mine.job = &job;
  {
    MutexLock lock(mu_);
    queue_.push_back(&mine);
  }
  while (true) {
    const std::vector<Waiting*> batch = TakeBatch(mine);
    if (batch.empty()) break;
    Lead(batch);
  }
  if (!mine.status.ok()) return mine.status;
  return std::move(mine.receipts);
}

// What the caller must run, because nobody else leads; empty when its own job is done.
std::vector<Tenant::Waiting*> Tenant::TakeBatch(const Waiting& mine) {
  MutexLock lock(mu_);
  while (leading_ && !mine.done) changed_.Wait(mu_);
  if (mine.done) return {};
  leading_ = true;
  const auto end =
      queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxGroupedPushes));
  std::vector<Waiting*> batch(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return batch;
}

void Tenant::Lead(const std::vector<Waiting*>& batch) {
  CommitSummary summary;
  absl::Status status = RunTogether(batch, &summary);
  if (!status.ok() && batch.size() > 1) {
    // One of them may be the reason: alone, each answers for itself.
    for (Waiting* waiting : batch) {
      status = RunTogether({waiting}, &summary);
      if (!status.ok()) waiting->status = status;
    }
  } else if (!status.ok()) {
    batch.front()->status = status;
  }
  {
    MutexLock lock(mu_);
    for (Waiting* waiting : batch) waiting->done = true;
    leading_ = false;
    changed_.NotifyAll();
  }
  if (summary.head != 0) notifier_.Committed(summary);
}

absl::Status Tenant::RunTogether(const std::vector<Waiting*>& batch, CommitSummary* summary) {
  CommitSummary changes;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<WriteTransaction> transaction, store_->Write());
  for (Waiting* waiting : batch) {
    absl::StatusOr<std::vector<UnitReceipt>> receipts =
        RunJob(*schema_, *waiting->job, *transaction, *entropy_, &changes);
    waiting->status = receipts.status();
    if (receipts.ok()) {
      waiting->receipts = *std::move(receipts);
    } else if (!IsForCaller(waiting->status)) {
      return waiting->status;
    }
  }
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  transaction.reset();
  summary->head = std::max(summary->head, changes.head);
  summary->sites.merge(changes.sites);
  summary->devices.merge(changes.devices);
  return absl::OkStatus();
}

absl::Status Tenant::NoticeForeignCommits() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, store_->Read());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view->Head());
  notifier_.Seen(head);
  return absl::OkStatus();
}

}  // namespace doorstep::server
