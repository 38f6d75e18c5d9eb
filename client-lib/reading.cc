// The parts of a Replica that only read lists out: changes, conflicts, history, and watching.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client-lib/conflicts.h"
#include "client-lib/device_identity.h"
#include "client-lib/duplicates.h"
#include "client-lib/history.h"
#include "client-lib/names.h"
#include "client-lib/notices.h"
#include "client-lib/own_changes.h"
#include "client-lib/replica_impl.h"
#include "client-lib/restored.h"
#include "client-lib/sender.h"
#include "doorstep/replica.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/status.h"

namespace doorstep {

using client::Store;

absl::StatusOr<std::vector<OwnChange>> Replica::Outbox() {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  return client::OwnChanges(*impl_->store, client::Which::kOpen, 0);
}

absl::StatusOr<std::vector<OwnChange>> Replica::Outcomes(uint64_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  return client::OwnChanges(*impl_->store, client::Which::kAll, limit);
}

absl::StatusOr<std::vector<Conflict>> Replica::Conflicts() {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string user, impl_->store->User());
  return client::AllConflicts(*impl_->store, impl_->clock.Read(), user);
}

absl::StatusOr<Conflict> Replica::FindConflict(absl::string_view case_id, Transport* transport) {
  Store& store = *impl_->store;
  Conflict conflict;
  {
    DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
    DOORSTEP_ASSIGN_OR_RETURN(const client::OpenCase open, client::FindCase(store, case_id));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string user, store.User());
    DOORSTEP_ASSIGN_OR_RETURN(conflict, client::Describe(store, open, impl_->clock.Read(), user));
  }
  // Own changes know their device's time; the server knows everybody's.
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HistoryLine> lines,
                            History(conflict.record, transport));
  for (Version& version : conflict.versions) {
    for (const HistoryLine& line : lines) {
      if (line.change != version.change) continue;
      version.device_time_ms = line.device_time_ms;
      version.uncertainty_ms = line.uncertainty_ms;
    }
  }
  return conflict;
}

absl::StatusOr<std::vector<AuthorNotice>> Replica::Notices(bool all) {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  return client::ListNotices(*impl_->store, all);
}

absl::Status Replica::MarkNoticesRead(const std::vector<int64_t>& notices) {
  if (impl_->options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(*impl_->store));
  DOORSTEP_RETURN_IF_ERROR(client::MarkRead(*impl_->store, notices, impl_->clock.Read().wall_ms));
  return write.Commit();
}

absl::StatusOr<std::vector<Duplicate>> Replica::Duplicates(absl::string_view id) {
  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  if (id.empty()) return client::FindDuplicates(store, nullptr);
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  DOORSTEP_ASSIGN_OR_RETURN(const auto held, store.tables().Find(record));
  if (!held.has_value()) {
    return absl::NotFoundError(absl::StrCat("record ", record.ToString(), " is not held here"));
  }
  const KindSpec* kind = store.schema().Find(held->kind);
  if (kind == nullptr) return std::vector<Duplicate>();
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<Duplicate> found, client::FindDuplicates(store, kind));
  const std::string text = record.ToString();
  std::erase_if(found,
                [&](const Duplicate& each) { return each.first != text && each.second != text; });
  return found;
}

absl::StatusOr<std::vector<Rescued>> Replica::RescuedChanges() {
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  return client::ListRescued(*impl_->store);
}

absl::Status Replica::DismissRescued(absl::string_view change) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(change, absl::MaxSplits(':', 1));
  ChangeId id;
  DOORSTEP_ASSIGN_OR_RETURN(id.incarnation, client::ParseId("change", parts.first));
  if (!absl::SimpleAtoi(parts.second, &id.counter)) {
    return InvalidField("change", change, "incarnation:counter");
  }
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(*impl_->store));
  DOORSTEP_RETURN_IF_ERROR(client::DismissRescued(*impl_->store, id));
  return write.Commit();
}

absl::StatusOr<std::vector<HistoryLine>> Replica::History(absl::string_view id,
                                                          Transport* transport) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  Store& store = *impl_->store;
  std::vector<HistoryLine> local;
  {
    DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
    DOORSTEP_ASSIGN_OR_RETURN(local, client::LocalHistory(store, record));
  }
  std::vector<HistoryLine> server;
  if (transport != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(client::key::kEpoch));
    if (epoch == 0) {
      return absl::UnavailableError("this replica has not met its server yet, wanted a sync first");
    }
    DOORSTEP_RETURN_IF_ERROR(client::Identify(store, *transport));
    DOORSTEP_ASSIGN_OR_RETURN(const v1::Sender sender, client::MakeSender(store));
    DOORSTEP_ASSIGN_OR_RETURN(server, client::ServerHistory(store, record, sender, *transport));
  }
  if (local.empty() && server.empty()) {
    return absl::NotFoundError(absl::StrCat("record ", record.ToString(), " is not held here"));
  }
  return client::Join(std::move(local), std::move(server));
}

absl::Status Replica::Watch(Transport& transport, const std::function<bool(uint64_t)>& on_notice) {
  DOORSTEP_RETURN_IF_ERROR(client::Identify(*impl_->store, transport));
  v1::WatchRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_sender(), client::MakeSender(*impl_->store));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t cursor, impl_->store->Int(client::key::kCursor));
  request.set_cursor(static_cast<uint64_t>(cursor));
  return transport.Watch(request, on_notice);
}

}  // namespace doorstep
