// One tenant at work: its store, the queue of pushes that share a commit, and its watchers.
//
// Pushes of several threads share one transaction, and so one wait for the disk: a caller that
// finds no leader becomes the leader, takes what is queued, runs it, commits once and wakes the
// others. There is no thread of its own, so a program with one thread works as well.
#ifndef SERVER_TENANT_H_
#define SERVER_TENANT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/attachment_store.h"
#include "server/ingest.h"
#include "server/notifier.h"
#include "server/store.h"
#include "sync/base/entropy.h"
#include "sync/base/mutex.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// Thread-safe.
class Tenant {
 public:
  // Opens the tenant's attachments, or (without `create`) those that there are: kNotFound.
  using AttachmentOpener =
      std::function<absl::StatusOr<std::unique_ptr<AttachmentStore>>(bool create)>;

  // Borrows `entropy`.
  Tenant(std::string name, std::unique_ptr<Store> store, std::shared_ptr<const Schema> schema,
         Entropy* entropy, AttachmentOpener open_attachments);

  // A call at work: while one lives, store and schema stay as they are.
  class InUse {
   public:
    explicit InUse(Tenant* tenant) : tenant_(tenant) { tenant_->Enter(); }
    ~InUse() { tenant_->Leave(); }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

   private:
    Tenant* const tenant_;
  };

  // Drains, swaps, reopens: lets the calls that run end, while new ones wait, and goes on with
  // `store`, made for `schema`. Only whoever may call this needs no InUse around store() and
  // schema(); never from within one, and never two at once, of any tenant.
  void Swap(std::unique_ptr<Store> store, std::shared_ptr<const Schema> schema);

  const std::string& name() const { return name_; }
  Store& store() { return *store_; }
  Notifier& notifier() { return notifier_; }
  const Schema& schema() const { return *schema_; }

  // Admits the units of one push call; returns when they are durable. One receipt for each unit,
  // in order. After an error nothing of the call is stored (kUnavailable: it may yet be).
  absl::StatusOr<std::vector<UnitReceipt>> Push(const PushJob& job);

  // Made when first asked for; they live as long as the tenant.
  absl::StatusOr<AttachmentStore*> Attachments() { return OpenAttachments(/*create=*/true); }
  // Null: it has none yet.
  absl::StatusOr<AttachmentStore*> AttachmentsIfAny() { return OpenAttachments(/*create=*/false); }

  // Looks for commits that this object did not make (an operator's command), and wakes everyone if
  // there were any. To be called about once a second.
  absl::Status NoticeForeignCommits();

 private:
  // A call in the queue. Its caller sleeps while the leader fills it in.
  struct Waiting {
    const PushJob* job = nullptr;
    std::vector<UnitReceipt> receipts;
    absl::Status status;
    bool done = false;  // guarded by mu_; the rest may be read once it is set
  };

  absl::StatusOr<AttachmentStore*> OpenAttachments(bool create);
  void Enter();
  void Leave();
  std::vector<Waiting*> TakeBatch(const Waiting& mine);
  void Lead(const std::vector<Waiting*>& batch);
  // One transaction for all of `batch`. An error means that nothing was stored.
  absl::Status RunTogether(const std::vector<Waiting*>& batch, CommitSummary* summary);

  const std::string name_;
  // These two change in Swap only, while no InUse lives.
  std::unique_ptr<Store> store_;
  std::shared_ptr<const Schema> schema_;
  Entropy* const entropy_;
  Notifier notifier_;

  const AttachmentOpener open_attachments_;
  Mutex attachments_mu_;
  std::unique_ptr<AttachmentStore> attachments_ ABSL_GUARDED_BY(attachments_mu_);

  Mutex mu_;
  CondVar changed_;
  std::deque<Waiting*> queue_ ABSL_GUARDED_BY(mu_);
  bool leading_ ABSL_GUARDED_BY(mu_) = false;

  Mutex use_mu_;
  CondVar use_changed_;
  int in_use_ ABSL_GUARDED_BY(use_mu_) = 0;
  bool swapping_ ABSL_GUARDED_BY(use_mu_) = false;
};

}  // namespace doorstep::server

#endif  // SERVER_TENANT_H_
