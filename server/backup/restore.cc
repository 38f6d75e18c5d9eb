#include "server/backup/restore.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/epoch.h"
#include "server/keyed_database.h"
#include "sync/base/clock.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

namespace fs = std::filesystem;

// The folders that a backup can bring.
std::vector<std::string> Folders(const Unpacked& unpacked) {
  std::vector<std::string> folders = {std::string(kTenantsFolder), std::string(kAttachmentsFolder)};
  for (const absl::string_view folder : kSmallFolders) {
    const bool brings = std::any_of(
        unpacked.small_files.begin(), unpacked.small_files.end(), [folder](const auto& name) {
          return absl::string_view(name).substr(0, folder.size() + 1) == absl::StrCat(folder, "/");
        });
    if (brings) folders.emplace_back(folder);
  }
  return folders;
}

// Goes with all that is in it.
class WorkDirectory {
 public:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  ~WorkDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(from, " to ", to, ": ", error.message()));
}

bool IsHere(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error) || error;
}

absl::StatusOr<std::vector<CheckedTenant>> CheckAll(Tenants& tenants, const Unpacked& unpacked,
                                                    const SqliteStoreOptions& sqlite,
                                                    const BackupProgress& progress) {
  std::vector<CheckedTenant> checked;
  for (const TenantMark& mark : unpacked.tenants) {
    DOORSTEP_ASSIGN_OR_RETURN(CheckedTenant tenant, CheckTenant(tenants, mark, sqlite, progress));
    checked.push_back(std::move(tenant));
  }
  return checked;
}

// What is there already, and may not be replaced.
absl::Status CheckNothingIsHere(const Tenants& tenants, const std::string& data_dir,
                                const std::vector<std::string>& folders) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, tenants.List());
  std::string got;
  if (!names.empty()) got = absl::StrCat("the tenant ", names[0]);
  for (const std::string& folder : folders) {
    if (got.empty() && IsHere(absl::StrCat(data_dir, "/", folder))) got = "the folder " + folder;
  }
  if (got.empty()) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      data_dir, ": got ", got, ", wanted a directory without (--replace sets aside what is here)"));
}

// Those of the register that were revoked in what was here.
absl::StatusOr<std::vector<EnrolmentRow>> RevokedIn(Tenants& tenants, const std::string& name) {
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, tenants.Find(name));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<EnrolmentRow> rows, view->Enrolments());
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [](const EnrolmentRow& row) { return row.revoked_ms == 0; }),
             rows.end());
  return rows;
}

absl::StatusOr<int> RevokeAgain(const std::vector<EnrolmentRow>& revoked, Store& store) {
  int again = 0;
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, store.Write());
  for (const EnrolmentRow& row : revoked) {
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<EnrolmentRow> now, write->FindEnrolment(row.device));
    if (!now || now->revoked_ms != 0) continue;
    now->revoked_ms = row.revoked_ms;
    now->revoked_reason = row.revoked_reason;
    DOORSTEP_RETURN_IF_ERROR(write->PutEnrolment(*now));
    ++again;
  }
  DOORSTEP_RETURN_IF_ERROR(write->Commit());
  return again;
}

absl::StatusOr<FileLock> TakeLock(const std::string& path, absl::string_view got) {
  absl::StatusOr<FileLock> lock = FileLock::TryAcquire(path);
  if (!absl::IsAborted(lock.status())) return lock;
  return absl::FailedPreconditionError(absl::StrCat(path, ": got ", got));
}

// Files of another account than the server's would keep it from starting.
absl::Status CheckAccount(const std::string& data_dir) {
  struct stat facts {};
  if (::stat(data_dir.c_str(), &facts) != 0) return absl::ErrnoToStatus(errno, data_dir);
  if (facts.st_uid == ::geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(data_dir, ": got user number ", ::geteuid(), ", wanted ", facts.st_uid,
                   ", whose directory it is: restore as the account that serves from it"));
}

class Restoring {
 public:
  Restoring(TenantsOptions options, BackupProgress progress)
      : options_(std::move(options)),
        data_dir_(options_.data_dir),
        progress_(std::move(progress)) {}

  absl::StatusOr<RestoreReport> Run(const std::string& file, const BackupKeys& keys, bool replace);

 private:
  absl::Status Begin();
  absl::Status Prepare();
  absl::Status TakeOverRevocations(const std::string& name, Store& store);
  absl::Status CheckAllIsUnpacked(const std::vector<std::string>& folders) const;
  absl::Status PutInPlace();

  const TenantsOptions options_;
  const std::string data_dir_;
  const BackupProgress progress_;
  std::vector<FileLock> locks_;
  // Only once the locks are held: else it is somebody else's. Goes before them.
  std::optional<WorkDirectory> work_;
  // Where a restore that was interrupted had moved what was here; empty: none was.
  std::string moved_before_;
  RestoreReport report_;
};

// Checks what was unpacked, and makes it what a restored server begins with.
absl::Status Restoring::Prepare() {
  TenantsOptions options = options_;
  options.data_dir = work_->path();
  Tenants restored(options);
  DOORSTEP_ASSIGN_OR_RETURN(report_.verified.tenants, CheckAll(restored, report_.verified.unpacked,
                                                               options.sqlite, progress_));
  for (const CheckedTenant& tenant : report_.verified.tenants) {
    if (tenant.faults.empty()) continue;
    return absl::DataLossError(absl::StrCat("tenant ", tenant.mark.name, ": got ",
                                            tenant.faults.size(),
                                            " faults, wanted none: ", tenant.faults[0]));
  }
  for (const CheckedTenant& checked : report_.verified.tenants) {
    const std::string& name = checked.mark.name;
    DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, restored.Find(name));
    DOORSTEP_RETURN_IF_ERROR(TakeOverRevocations(name, tenant->store()));
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch,
                              BeginEpoch(tenant->store(), restored.entropy()));
    report_.epochs.push_back(epoch);
  }
  return absl::OkStatus();
}

// From what is here, or was before somebody began to restore.
absl::Status Restoring::TakeOverRevocations(const std::string& name, Store& store) {
  bool found = false;
  for (const std::string& place : {data_dir_, moved_before_}) {
    if (place.empty()) continue;
    TenantsOptions options = options_;
    options.data_dir = place;
    Tenants before(options);
    const absl::StatusOr<std::vector<std::string>> names = before.List();
    if (!names.ok() || std::find(names->begin(), names->end(), name) == names->end()) continue;
    found = true;
    const absl::StatusOr<std::vector<EnrolmentRow>> revoked = RevokedIn(before, name);
    if (!revoked.ok()) {
      report_.unreadable.push_back(name);  // damaged: why else would it be replaced
      return absl::OkStatus();
    }
    DOORSTEP_ASSIGN_OR_RETURN(const int again, RevokeAgain(*revoked, store));
    report_.revoked_again += again;
  }
  if (!found && !moved_before_.empty()) report_.unreadable.push_back(name);
  return absl::OkStatus();
}

absl::Status Restoring::CheckAllIsUnpacked(const std::vector<std::string>& folders) const {
  for (const std::string& folder : folders) {
    const bool brings =
        folder != kAttachmentsFolder || !report_.verified.unpacked.attachments.empty();
    if (!brings || IsHere(absl::StrCat(work_->path(), "/", folder))) continue;
    return absl::AbortedError(absl::StrCat(work_->path(), ": got no ", folder,
                                           ", wanted what was unpacked there: "
                                           "somebody has taken it away"));
  }
  return absl::OkStatus();
}

// A program that ends in here leaves the mark, and no server starts on half of it.
absl::Status Restoring::PutInPlace() {
  const std::vector<std::string> folders = Folders(report_.verified.unpacked);
  DOORSTEP_RETURN_IF_ERROR(CheckAllIsUnpacked(folders));
  // Nobody writes to what is about to be set aside, or reads half of each.
  const Tenants here_now(options_);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, here_now.List());
  for (const std::string& name : names) {
    for (const std::string& path : {here_now.PathOf(name), here_now.AttachmentsPathOf(name)}) {
      if (!IsHere(path)) continue;
      DOORSTEP_ASSIGN_OR_RETURN(FileLock lock, LockDatabase(path));
      locks_.push_back(std::move(lock));
    }
  }
  const std::string mark = HalfDoneMark(data_dir_);
  const std::string stamp = absl::StrReplaceAll(
      FormatUtc(SystemClock()->Read().wall_ms).substr(0, 19), {{"-", ""}, {":", ""}});
  const std::string aside = absl::StrCat(data_dir_, "/replaced-", stamp, "Z");
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(mark, aside + "\n"));
  for (const std::string& folder : folders) {
    const std::string here = absl::StrCat(data_dir_, "/", folder);
    const std::string restored = absl::StrCat(work_->path(), "/", folder);
    if (IsHere(here)) {
      DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(aside));
      DOORSTEP_RETURN_IF_ERROR(Rename(here, absl::StrCat(aside, "/", folder)));
      report_.set_aside = aside;
    }
    if (IsHere(restored)) DOORSTEP_RETURN_IF_ERROR(Rename(restored, here));
  }
  if (!report_.set_aside.empty()) DOORSTEP_RETURN_IF_ERROR(SyncDirectory(aside));
  DOORSTEP_RETURN_IF_ERROR(SyncDirectory(data_dir_));
  std::error_code error;
  fs::remove(mark, error);
  return SyncDirectory(data_dir_);
}

absl::Status Restoring::Begin() {
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(data_dir_));
  DOORSTEP_RETURN_IF_ERROR(CheckAccount(data_dir_));
  DOORSTEP_ASSIGN_OR_RETURN(FileLock serving,
                            TakeLock(data_dir_ + "/serve.lock",
                                     "a server that runs on it, or another restore, wanted none"));
  locks_.push_back(std::move(serving));
  DOORSTEP_ASSIGN_OR_RETURN(
      FileLock backup, TakeLock(BackupLock(data_dir_), "a backup that is being made, wanted none"));
  locks_.push_back(std::move(backup));
  work_.emplace(data_dir_ + "/restore.tmp");
  std::error_code error;
  fs::remove_all(work_->path(), error);  // what a crash left
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(work_->path()));
  const absl::StatusOr<std::string> mark = ReadFile(HalfDoneMark(data_dir_));
  if (absl::IsNotFound(mark.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(mark.status());
  moved_before_ = std::string(absl::StripAsciiWhitespace(*mark));
  return absl::OkStatus();
}

absl::StatusOr<RestoreReport> Restoring::Run(const std::string& file, const BackupKeys& keys,
                                             bool replace) {
  DOORSTEP_RETURN_IF_ERROR(Begin());
  if (!replace) {
    // Before the long work, as far as it is known by then.
    DOORSTEP_RETURN_IF_ERROR(
        CheckNothingIsHere(Tenants(options_), data_dir_, {std::string(kAttachmentsFolder)}));
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      report_.verified.unpacked,
      UnpackBackup(file, keys, work_->path(), /*small_files=*/true, progress_));
  if (!replace) {
    DOORSTEP_RETURN_IF_ERROR(
        CheckNothingIsHere(Tenants(options_), data_dir_, Folders(report_.verified.unpacked)));
  }
  if (absl::Status status = Prepare(); !status.ok()) return Annotate(std::move(status), file);
  DOORSTEP_RETURN_IF_ERROR(PutInPlace());
  return report_;
}

}  // namespace

bool VerifyReport::Whole() const {
  return std::all_of(tenants.begin(), tenants.end(),
                     [](const CheckedTenant& tenant) { return tenant.faults.empty(); });
}

absl::StatusOr<VerifyReport> VerifyBackup(const std::string& file, const BackupKeys& keys,
                                          const std::string& temporary, TenantsOptions options,
                                          const BackupProgress& progress) {
  std::string path = temporary + "/doorstep-verify-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return absl::ErrnoToStatus(errno, temporary);
  const WorkDirectory work(path);
  VerifyReport report;
  DOORSTEP_ASSIGN_OR_RETURN(report.unpacked,
                            UnpackBackup(file, keys, work.path(), /*small_files=*/false, progress));
  options.data_dir = work.path();
  Tenants tenants(options);
  DOORSTEP_ASSIGN_OR_RETURN(report.tenants,
                            CheckAll(tenants, report.unpacked, options.sqlite, progress));
  return report;
}

absl::StatusOr<RestoreReport> RestoreBackup(const std::string& file, const BackupKeys& keys,
                                            bool replace, TenantsOptions options,
                                            const BackupProgress& progress) {
  return Restoring(std::move(options), progress).Run(file, keys, replace);
}

}  // namespace doorstep::server
