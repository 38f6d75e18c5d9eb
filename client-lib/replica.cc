#include "doorstep/replica.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/attachment_rows.h"
#include "client-lib/commit.h"
#include "client-lib/device_identity.h"
#include "client-lib/digests.h"
#include "client-lib/edits.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/notices.h"
#include "client-lib/open.h"
#include "client-lib/open_record.h"
#include "client-lib/replica_impl.h"
#include "client-lib/session.h"
#include "doorstep/people.h"
#include "google/protobuf/message.h"
#include "sync/base/status.h"
#include "sync/change/site_file.h"

namespace doorstep {
namespace {

using client::Store;

// Progress is told at most this often.
constexpr int64_t kProgressMs = 100;

absl::Status ReadOnlyError() {
  return absl::FailedPreconditionError("the replica was opened for reading only");
}

absl::StatusOr<SyncResult> RunSession(Replica::Impl& impl, Transport& transport,
                                      const SyncOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(
      const auto session,
      client::Session::Start(*impl.store, impl.directory, impl.clock, impl.entropy, transport));
  session->SetAttachmentLimits(options.attachments);
  int64_t told_ms = impl.clock.Read().mono_ms;
  bool more = true;
  while (more) {
    const absl::StatusOr<bool> stepped = session->Step();
    if (!stepped.ok()) {
      if (options.progress) (void)options.progress(session->progress());
      return stepped.status();
    }
    more = *stepped;
    const int64_t now_ms = impl.clock.Read().mono_ms;
    if (!options.progress || (more && now_ms - told_ms < kProgressMs)) continue;
    told_ms = now_ms;
    if (!options.progress(session->progress()) && more) {
      return absl::CancelledError("sync was stopped; what has arrived is kept");
    }
  }
  return session->result();
}

}  // namespace

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replica::~Replica() = default;

std::vector<std::string> Replica::Kinds() const {
  std::vector<std::string> names;
  for (const KindSpec& kind : schema().kinds()) names.push_back(kind.name);
  return names;
}

std::string Replica::Label(absl::string_view kind, absl::string_view field) const {
  const KindSpec* found = schema().FindByName(kind);
  if (found == nullptr) return std::string(field.empty() ? kind : field);
  if (field.empty()) return found->label;
  const FieldSpec* of_kind = found->FindByName(field);
  return of_kind == nullptr ? std::string(field) : of_kind->label;
}

const Schema& Replica::schema() const { return impl_->store->schema(); }

absl::Status Replica::Init(const std::string& directory, const InitOptions& options) {
  return client::InitStore(directory, options);
}

absl::Status Replica::UseSchema(const std::string& directory, absl::string_view descriptor_set,
                                const OpenOptions& options) {
  return client::GiveSchema(directory, descriptor_set, options);
}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const std::string& directory,
                                                       const OpenOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, client::OpenStore(directory, options));
  // The secret is not needed any more.
  OpenOptions kept = options;
  client::Wipe(&kept.environment.unlock.secret);
  Impl inside{directory,
              std::move(kept),
              client::ClockOf(options.environment),
              client::EntropyOf(options.environment),
              std::move(store),
              nullptr,
              nullptr};
  return std::unique_ptr<Replica>(new Replica(std::make_unique<Impl>(std::move(inside))));
}

absl::Status Replica::Transact(const TransactOptions& options,
                               absl::FunctionRef<absl::Status(Edits&)> edit) {
  if (impl_->options.read_only) return ReadOnlyError();
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  client::Fold fold(store);
  DOORSTEP_ASSIGN_OR_RETURN(const std::string author, store.AuthorFor(options.author));
  Edits::Impl edits_impl{store, fold, impl_->entropy, impl_->clock.Read(), author, {}, {}};
  Edits edits(&edits_impl);
  DOORSTEP_RETURN_IF_ERROR(edit(edits));
  DOORSTEP_RETURN_IF_ERROR(client::WriteUnits(store, std::move(edits_impl.edits), author,
                                              impl_->clock.Read(), impl_->entropy));
  return write.Commit();
}

absl::StatusOr<OpenRecord> Replica::Get(absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, store.tables().Load(record));
  if (!state.has_value()) {
    return absl::NotFoundError(absl::StrCat("record ", record.ToString(), " is not held here"));
  }
  client::Fold fold(store);
  DOORSTEP_ASSIGN_OR_RETURN(client::OpenedRecord opened,
                            client::MakeOpenRecord(store, fold, *std::move(state)));
  return OpenRecord(std::make_unique<OpenRecord::Impl>(OpenRecord::Impl{std::move(opened)}));
}

absl::Status Replica::Get(absl::string_view id, google::protobuf::Message* message) {
  DOORSTEP_ASSIGN_OR_RETURN(const OpenRecord record, Get(id));
  const std::string& wanted = message->GetDescriptor()->full_name();
  if (record.full_name() != wanted) {
    return absl::NotFoundError(
        absl::StrCat("record ", record.id(), " is a ", record.kind(), ", wanted a ", wanted));
  }
  return record.To(message);
}

absl::StatusOr<SyncResult> Replica::Sync(Transport& transport, const SyncOptions& options) {
  if (impl_->options.read_only) return ReadOnlyError();
  DOORSTEP_RETURN_IF_ERROR(client::IdentifyForSync(*impl_->store, transport));
  absl::StatusOr<SyncResult> result = RunSession(inside(), transport, options);
  if (!absl::IsUnauthenticated(result.status())) return result;
  DOORSTEP_ASSIGN_OR_RETURN(const bool again, client::RenewAfterRefusal(*impl_->store, transport));
  return again ? RunSession(inside(), transport, options) : result;
}

absl::StatusOr<ReplicaStatus> Replica::Status() {
  namespace key = client::key;
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  ReplicaStatus out;
  DOORSTEP_ASSIGN_OR_RETURN(out.tenant, store.Text(key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(out.site, store.Text(key::kSite));
  out.site_file = SiteFile(out.tenant, out.site).ToString();
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, store.Id(key::kDevice));
  out.device = device.ToString();
  DOORSTEP_ASSIGN_OR_RETURN(out.device_name, store.Text(key::kDeviceName));
  DOORSTEP_ASSIGN_OR_RETURN(out.user, store.User());
  DOORSTEP_ASSIGN_OR_RETURN(out.server, store.Text(key::kServer));
  out.schema_hash = ToHex(store.schema().hash());
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, store.Int(key::kCursor));
  out.checkpoint = static_cast<uint64_t>(cursor);
  DOORSTEP_ASSIGN_OR_RETURN(out.up_to_date_at_ms, store.Int(key::kUpToDateAt));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t complete, store.Int(key::kComplete));
  out.complete = complete != 0;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t records,
                            store.db().QueryInt("SELECT count(*) FROM _record"));
  out.records = static_cast<uint64_t>(records);
  if (!out.complete) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t expected, store.Int(key::kExpected));
    out.expected_records = static_cast<uint64_t>(expected);
  }
  client::Outbox outbox(store);
  DOORSTEP_ASSIGN_OR_RETURN(const client::Outbox::Counts counts, outbox.Count());
  out.waiting = counts.waiting;
  out.needs_you = counts.parked;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t conflicts,
                            store.db().QueryInt("SELECT count(*) FROM _conflict"));
  out.conflicts = static_cast<uint64_t>(conflicts);
  DOORSTEP_ASSIGN_OR_RETURN(out.notices, client::CountUnread(store));
  DOORSTEP_ASSIGN_OR_RETURN(const client::WaitingAttachments attachments,
                            client::CountWaiting(store, impl_->entropy));
  out.attachments_waiting = attachments.count;
  out.attachment_bytes_waiting = attachments.bytes;
  if (!store.access().directory.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Openers openers, WhoOpens(impl_->directory));
    for (const PersonWhoOpens& each : openers.people) out.people.push_back(each.person);
    out.recovery = openers.recovery;
  }
  return out;
}

absl::StatusOr<DigestInfo> Replica::Digest(bool recompute) {
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  std::vector<client::HeldCompartment> held;
  if (recompute) {
    DOORSTEP_ASSIGN_OR_RETURN(held, client::ComputedDigests(store));
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(held, client::StoredDigests(store.db()));
  }
  DigestInfo out;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, store.Int(client::key::kCursor));
  out.checkpoint = static_cast<uint64_t>(cursor);
  out.digest = ToHex(client::Total(held).ToBytes());
  for (const client::HeldCompartment& compartment : held) {
    out.compartments.push_back({compartment.id.file.ToString(),
                                client::TierName(compartment.id.tier),
                                ToHex(compartment.digest.digest.ToBytes()),
                                static_cast<uint64_t>(compartment.digest.records)});
  }
  return out;
}

}  // namespace doorstep
