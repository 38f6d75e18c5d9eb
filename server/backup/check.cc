#include "server/backup/check.h"

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/audit/audit.h"
#include "server/history.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"
#include "sync/change/digest.h"

namespace doorstep::server {
namespace {

// Places of the feed that are read at once.
constexpr size_t kFeedPage = 512;
constexpr size_t kMaxCheckFaults = 100;

void AddFault(std::vector<std::string>* faults, std::string what) {
  if (faults->size() < kMaxCheckFaults) faults->push_back(std::move(what));
}

// False: nothing else in it can be trusted.
absl::StatusOr<bool> CheckIntegrity(const std::string& path, const SqliteStoreOptions& options,
                                    std::vector<std::string>* faults) {
  const absl::StatusOr<KeyedDatabase> db = OpenForBackup(path, /*create=*/false, options);
  if (absl::IsDataLoss(db.status())) {
    AddFault(faults, std::string(db.status().message()));
    return false;
  }
  DOORSTEP_RETURN_IF_ERROR(db.status());
  const absl::StatusOr<std::string> found = db->db->QueryText("PRAGMA integrity_check(1)");
  if (found.ok() && *found == "ok") return true;
  AddFault(faults, absl::StrCat(path, ": integrity_check: ",
                                found.ok() ? *found : std::string(found.status().message())));
  return false;
}

struct Compartment {
  CompartmentRef ref = 0;
  Digest digest;
  uint64_t records = 0;
};

absl::StatusOr<std::vector<Compartment>> ReadCompartments(const std::string& path,
                                                          const SqliteStoreOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const KeyedDatabase opened,
                            OpenForBackup(path, /*create=*/false, options));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      opened.db->Prepared("SELECT ref, digest, records FROM _compartment ORDER BY ref"));
  std::vector<Compartment> compartments;
  const ScopedReset done(list);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return compartments;
    Compartment compartment;
    compartment.ref = list->Int(0);
    DOORSTEP_ASSIGN_OR_RETURN(compartment.digest, Digest::FromBytes(list->Blob(1)));
    compartment.records = static_cast<uint64_t>(list->Int(2));
    compartments.push_back(compartment);
  }
}

// Of its records as they are.
absl::StatusOr<Compartment> ComputeDigest(CompartmentRef ref, uint64_t head, ReadView& view) {
  Compartment computed;
  computed.ref = ref;
  FeedPlace after;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FeedPlace> places,
                              view.Feed(ref, after, head, kFeedPage));
    if (places.empty()) return computed;
    for (const FeedPlace& place : places) {
      DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, view.LoadAt(place.record));
      computed.digest.Add(DigestOf(state));
      ++computed.records;
    }
    after = places.back();
  }
}

absl::Status CheckDigests(const std::string& path, const SqliteStoreOptions& options,
                          ReadView& view, CheckedTenant* checked, const BackupProgress& progress) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Compartment> compartments,
                            ReadCompartments(path, options));
  for (const Compartment& noted : compartments) {
    const absl::StatusOr<Compartment> computed = ComputeDigest(noted.ref, checked->mark.head, view);
    ++checked->compartments;
    if (!computed.ok()) {
      AddFault(&checked->faults,
               absl::StrCat("compartment ", noted.ref, ": ", computed.status().message()));
      continue;
    }
    checked->records += computed->records;
    if (computed->records != noted.records) {
      AddFault(&checked->faults,
               absl::StrCat("compartment ", noted.ref, ": got ", computed->records,
                            " records, wanted ", noted.records));
    } else if (computed->digest != noted.digest) {
      AddFault(&checked->faults,
               absl::StrCat("compartment ", noted.ref, ": got records of the digest ",
                            ToHex(computed->digest.ToBytes()), ", wanted ",
                            ToHex(noted.digest.ToBytes())));
    }
    if (progress != nullptr) {
      progress(absl::StrCat("digests of ", checked->mark.name), checked->compartments,
               compartments.size());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMark(const TenantMark& made, ReadView& view, CheckedTenant* checked) {
  DOORSTEP_ASSIGN_OR_RETURN(checked->mark.head, view.Head());
  DOORSTEP_ASSIGN_OR_RETURN(checked->mark.epoch, view.Epoch());
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow end, view.HistoryEnd());
  checked->mark.history_end = absl::StrCat(end.sequence, ":", ToHex(end.chain));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<DeviceRow> devices, view.Devices());
  checked->devices = devices.size();
  if (checked->mark == made) return absl::OkStatus();
  const auto words = [](const TenantMark& mark) {
    return absl::StrCat("sequence ", mark.head, ", epoch ", mark.epoch, ", history end ",
                        mark.history_end);
  };
  AddFault(&checked->faults, absl::StrCat("tenant ", made.name, ": got ", words(checked->mark),
                                          ", wanted ", words(made), " as when it was made"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckedTenant> CheckTenant(Tenants& tenants, const TenantMark& made,
                                          const SqliteStoreOptions& options,
                                          const BackupProgress& progress) {
  CheckedTenant checked;
  checked.mark = made;
  const std::string path = tenants.PathOf(made.name);
  if (progress != nullptr) progress(absl::StrCat("integrity of ", made.name), 0, 0);
  DOORSTEP_ASSIGN_OR_RETURN(const bool whole, CheckIntegrity(path, options, &checked.faults));
  const std::string attachments = tenants.AttachmentsPathOf(made.name);
  std::error_code error;
  checked.attachments = std::filesystem::exists(attachments, error) || error;
  if (checked.attachments) {
    DOORSTEP_RETURN_IF_ERROR(CheckIntegrity(attachments, options, &checked.faults).status());
  }
  if (!whole) return checked;
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, tenants.Find(made.name));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_RETURN_IF_ERROR(CheckMark(made, *view, &checked));
  if (progress != nullptr) progress(absl::StrCat("history of ", made.name), 0, 0);
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryReport history, VerifyHistory(*view));
  checked.history_entries = history.entries;
  checked.erased = history.erased;
  for (const std::string& fault : history.faults) AddFault(&checked.faults, fault);
  if (progress != nullptr) progress(absl::StrCat("audit of ", made.name), 0, 0);
  DOORSTEP_ASSIGN_OR_RETURN(const AuditReport audit, VerifyAudit(*view));
  for (const std::string& fault : audit.faults) AddFault(&checked.faults, fault);
  DOORSTEP_RETURN_IF_ERROR(CheckDigests(path, options, *view, &checked, progress));
  return checked;
}

}  // namespace doorstep::server
