#include "server/backup/create.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "server/backup/archive.h"
#include "server/backup/limits.h"
#include "sync/base/clock.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The longest pause between two steps: who copies slowly still says that it goes on.
constexpr int64_t kMaxPauseMs = 2'000;

std::string BackupNote(const std::string& data_dir) { return data_dir + "/last_backup.json"; }

// Takes so long for so many bytes, so that others have the disk meanwhile; and tells of it.
class Pace {
 public:
  Pace(const BackupOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  void Begin(std::string what) {
    what_ = std::move(what);
    done_ = 0;
    since_ms_ = clock_.Read().mono_ms;
  }
  // Since Begin.
  void Done(int64_t bytes, int64_t all) {
    if (options_.progress != nullptr) {
      options_.progress(what_, static_cast<uint64_t>(bytes), static_cast<uint64_t>(all));
    }
    if (options_.bytes_per_second <= 0) return;
    // From the last step on: who stood still once makes up for nothing.
    const int64_t now = clock_.Read().mono_ms;
    const int64_t due = since_ms_ + (bytes - done_) * 1000 / options_.bytes_per_second;
    if (due > now) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(due - now, kMaxPauseMs)));
    }
    done_ = bytes;
    since_ms_ = clock_.Read().mono_ms;
  }

 private:
  const BackupOptions& options_;
  Clock& clock_;
  std::string what_;
  int64_t done_ = 0;
  int64_t since_ms_ = 0;
};

class Backup {
 public:
  Backup(const std::string& data_dir, const Tenants& tenants, const BackupOptions& options)
      : data_dir_(data_dir),
        work_dir_(data_dir + "/backup.tmp"),
        tenants_(tenants),
        options_(options),
        pace_(options, tenants.clock()) {}

  // What lies there is ours while we hold the lock, and nobody's business before.
  ~Backup() {
    if (lock_.has_value()) Clear();
  }

  absl::StatusOr<BackupReport> Run();

 private:
  void Clear() const {
    std::error_code ignored;
    fs::remove_all(work_dir_, ignored);
  }
  absl::Status AddDatabase(const std::string& name, const std::string& path, bool tenant);
  absl::Status AddFile(const std::string& name, const std::string& path, const Json& about);
  absl::Status AddSmallFiles(absl::string_view folder);

  std::optional<FileLock> lock_;
  const std::string data_dir_;
  const std::string work_dir_;
  const Tenants& tenants_;
  const BackupOptions& options_;
  Pace pace_;
  std::unique_ptr<ArchiveWriter> archive_;
  BackupReport report_;
  int64_t files_ = 0;
};

absl::Status Backup::AddFile(const std::string& name, const std::string& path, const Json& about) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return absl::ErrnoToStatus(errno, path);
  std::error_code error;
  const auto all = static_cast<int64_t>(fs::file_size(path, error));
  DOORSTEP_RETURN_IF_ERROR(archive_->Add(kBackupFile, Json::object({{"name", name}}).dump()));
  pace_.Begin(name);
  std::string buffer(kMaxBackupPieceBytes, '\0');
  int64_t bytes = 0;
  while (true) {
    const size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get());
    if (got < buffer.size() && std::ferror(file.get()) != 0) {
      return absl::ErrnoToStatus(errno, path);
    }
    if (got == 0) break;
    DOORSTEP_RETURN_IF_ERROR(archive_->Add(kBackupData, absl::string_view(buffer).substr(0, got)));
    bytes += static_cast<int64_t>(got);
    pace_.Done(bytes, all);
  }
  Json end = about;
  end["bytes"] = bytes;
  ++files_;
  return archive_->Add(kBackupFileEnd, end.dump());
}

absl::Status Backup::AddDatabase(const std::string& name, const std::string& path, bool tenant) {
  const std::string copy = work_dir_ + "/copy.db";
  Json about = Json::object();
  {
    DOORSTEP_ASSIGN_OR_RETURN(const KeyedDatabase opened,
                              OpenForBackup(path, /*create=*/false, options_.sqlite));
    DOORSTEP_ASSIGN_OR_RETURN(const KeyedDatabase to,
                              OpenForBackup(copy, /*create=*/true, options_.sqlite));
    Database* const from = opened.db.get();
    DOORSTEP_ASSIGN_OR_RETURN(const Transaction snapshot,
                              Transaction::Begin(*from, Transaction::Mode::kRead));
    if (tenant) {
      DOORSTEP_ASSIGN_OR_RETURN(const TenantMark mark, ReadMark(TenantOf(name), *from));
      about["tenant"] = ToJson(mark);
      report_.tenants.push_back(mark);
    }
    pace_.Begin(absl::StrCat(name, " (copy)"));
    DOORSTEP_RETURN_IF_ERROR(
        from->CopyTo(*to.db, kBackupStepPages, [this](int64_t done, int64_t all) {
          pace_.Done(done, all);
          return absl::OkStatus();
        }));
  }
  DOORSTEP_RETURN_IF_ERROR(AddFile(name, copy, about));
  std::error_code error;
  fs::remove(copy, error);
  if (error) return absl::UnavailableError(absl::StrCat(copy, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status Backup::AddSmallFiles(absl::string_view folder) {
  const std::string directory = absl::StrCat(data_dir_, "/", folder);
  std::error_code error;
  if (!fs::is_directory(directory, error)) return absl::OkStatus();
  std::vector<std::string> names;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string name = absl::StrCat(folder, "/", it->path().filename().string());
    // Anything else is none of ours (an editor's copy, a lock).
    std::error_code unknown;
    if (!it->is_regular_file(unknown) || !CheckBackupName(name).ok()) continue;
    if (names.size() >= kMaxBackupSmallFiles) {
      return absl::FailedPreconditionError(
          absl::StrCat(directory, ": got more files, wanted at most ", kMaxBackupSmallFiles));
    }
    names.push_back(std::move(name));
  }
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(data_dir_, "/", name);
    const uintmax_t size = fs::file_size(path, error);
    if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
    if (size > kMaxBackupSmallFileBytes) {
      return absl::FailedPreconditionError(absl::StrCat(path, ": got a long file, wanted at most ",
                                                        kMaxBackupSmallFileBytes, " bytes"));
    }
    DOORSTEP_RETURN_IF_ERROR(AddFile(name, path, Json::object()));
    report_.small_files.push_back(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupReport> Backup::Run() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, tenants_.List());
  if (names.empty()) {
    return absl::NotFoundError(
        absl::StrCat(data_dir_, ": got no tenant, wanted a directory that a server serves from"));
  }
  absl::StatusOr<FileLock> lock = FileLock::TryAcquire(BackupLock(data_dir_));
  if (absl::IsAborted(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(data_dir_, ": another backup is being made of it, or put back"));
  }
  DOORSTEP_RETURN_IF_ERROR(lock.status());
  lock_ = *std::move(lock);
  DOORSTEP_RETURN_IF_ERROR(CheckNoRestoreHalfDone(data_dir_));
  Clear();  // what a crash left
  DOORSTEP_ASSIGN_OR_RETURN(
      archive_, ArchiveWriter::Create(options_.file, options_.public_key, tenants_.entropy()));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(work_dir_));
  report_.file = options_.file;
  report_.made_ms = tenants_.clock().Read().wall_ms;
  DOORSTEP_RETURN_IF_ERROR(archive_->Add(
      kBackupBegin,
      Json::object({{"format", kBackupFormat}, {"made_ms", report_.made_ms}}).dump()));
  for (const std::string& name : names) {
    DOORSTEP_RETURN_IF_ERROR(AddDatabase(absl::StrCat(kTenantsFolder, "/", name, ".db"),
                                         tenants_.PathOf(name), /*tenant=*/true));
  }
  for (const std::string& name : names) {
    const std::string path = tenants_.AttachmentsPathOf(name);
    std::error_code error;
    if (!fs::exists(path, error) && !error) continue;
    DOORSTEP_RETURN_IF_ERROR(AddDatabase(absl::StrCat(kAttachmentsFolder, "/", name, ".db"), path,
                                         /*tenant=*/false));
    report_.attachments.push_back(name);
  }
  for (const absl::string_view folder : kSmallFolders) {
    if (folder == "identity" && !options_.identity) continue;
    DOORSTEP_RETURN_IF_ERROR(AddSmallFiles(folder));
  }
  DOORSTEP_RETURN_IF_ERROR(archive_->Finish(kBackupEnd, Json::object({{"files", files_}}).dump()));
  report_.bytes = archive_->bytes();
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(
      BackupNote(data_dir_),
      Json::object({{"made_ms", report_.made_ms}, {"bytes", report_.bytes}}).dump() + "\n", 0644));
  return report_;
}

}  // namespace

absl::StatusOr<BackupReport> CreateBackup(const std::string& data_dir, const Tenants& tenants,
                                          const BackupOptions& options) {
  return Backup(data_dir, tenants, options).Run();
}

int64_t LastBackupMs(const std::string& data_dir) {
  const absl::StatusOr<std::string> text = ReadFile(BackupNote(data_dir), kMaxBackupSmallFileBytes);
  if (!text.ok()) return 0;
  const Json note = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!note.is_object() || !note.contains("made_ms") || !note["made_ms"].is_number_integer()) {
    return 0;
  }
  return note["made_ms"].get<int64_t>();
}

}  // namespace doorstep::server
