#include "tests/support/power_cut_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tests/support/power_cut_machine.h"

namespace doorstep::testing {
namespace {

using Machine = PowerCutVfs::Machine;

constexpr int kMaxPathBytes = 1024;
// Endings of the names of the files that make up a database.
constexpr std::array<const char*, 3> kFilesOfDatabase = {"", "-wal", "-journal"};

// --- Files: SQLite allocates these bytes and calls through `base.pMethods`. ---

struct File {
  sqlite3_file base;
  Machine::Handle* handle;
};

Machine::Handle& HandleOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->handle; }
Machine& MachineOf(sqlite3_file* file) { return *HandleOf(file).machine; }

int Close(sqlite3_file* file) {
  MachineOf(file).Close(&HandleOf(file));
  return SQLITE_OK;
}

int Read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
  return MachineOf(file).Read(HandleOf(file), static_cast<size_t>(offset),
                              absl::MakeSpan(static_cast<char*>(out), static_cast<size_t>(count)));
}

int Write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  return MachineOf(file).Write(
      HandleOf(file), static_cast<size_t>(offset),
      absl::string_view(static_cast<const char*>(bytes), static_cast<size_t>(count)));
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return MachineOf(file).Truncate(HandleOf(file), static_cast<size_t>(size));
}

int Sync(sqlite3_file* file, int) { return MachineOf(file).Sync(HandleOf(file)); }

int FileSize(sqlite3_file* file, sqlite3_int64* out) {
  int64_t size = 0;
  const int rc = MachineOf(file).Size(HandleOf(file), &size);
  *out = size;
  return rc;
}

int Lock(sqlite3_file* file, int level) { return MachineOf(file).Lock(HandleOf(file), level); }
int Unlock(sqlite3_file* file, int level) { return MachineOf(file).Unlock(HandleOf(file), level); }

int CheckReservedLock(sqlite3_file* file, int* out) {
  bool reserved = false;
  const int rc = MachineOf(file).IsReserved(HandleOf(file), &reserved);
  *out = reserved ? 1 : 0;
  return rc;
}

int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int SectorSize(sqlite3_file*) { return 4096; }  // as SQLite's unix file system says
int DeviceCharacteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int ShmMap(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  return MachineOf(file).MapShared(HandleOf(file), static_cast<size_t>(region),
                                   static_cast<size_t>(bytes), extend != 0, out);
}

int ShmLock(sqlite3_file* file, int first, int count, int flags) {
  return MachineOf(file).LockShared(HandleOf(file), first, count, flags);
}

void ShmBarrier(sqlite3_file* file) { MachineOf(file).Barrier(); }

int ShmUnmap(sqlite3_file* file, int) {
  MachineOf(file).UnmapShared(HandleOf(file));
  return SQLITE_OK;
}

int Fetch(sqlite3_file*, sqlite3_int64, int, void** out) {
  *out = nullptr;  // no memory map: SQLite reads instead
  return SQLITE_OK;
}

int Unfetch(sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; }

const sqlite3_io_methods* Methods() {
  static const sqlite3_io_methods methods = {/*iVersion=*/3,
                                             Close,
                                             Read,
                                             Write,
                                             Truncate,
                                             Sync,
                                             FileSize,
                                             Lock,
                                             Unlock,
                                             CheckReservedLock,
                                             FileControl,
                                             SectorSize,
                                             DeviceCharacteristics,
                                             ShmMap,
                                             ShmLock,
                                             ShmBarrier,
                                             ShmUnmap,
                                             Fetch,
                                             Unfetch};
  return &methods;
}

// --- The file system. ---

Machine& MachineOf(sqlite3_vfs* vfs) { return *static_cast<Machine*>(vfs->pAppData); }

// The machine's own, for sleep and time of day.
sqlite3_vfs* DefaultVfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

int VfsOpen(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;  // stays so after an error: nothing to close
  const int rc = MachineOf(vfs).Open(path, flags, &reinterpret_cast<File*>(file)->handle);
  if (rc != SQLITE_OK) return rc;
  file->pMethods = Methods();
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int VfsDelete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  return MachineOf(vfs).Delete(path, sync_directory != 0);
}

int VfsAccess(sqlite3_vfs* vfs, const char* path, int, int* out) {
  *out = MachineOf(vfs).Exists(path) ? 1 : 0;
  return SQLITE_OK;
}

int VfsFullPathname(sqlite3_vfs*, const char* path, int size, char* out) {
  if (std::strlen(path) >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::strcpy(out, path);
  return SQLITE_OK;
}

int VfsRandomness(sqlite3_vfs* vfs, int count, char* out) {
  MachineOf(vfs).Randomness(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(out), static_cast<size_t>(count)));
  return count;
}

int VfsSleep(sqlite3_vfs*, int microseconds) {
  return DefaultVfs()->xSleep(DefaultVfs(), microseconds);
}

int VfsCurrentTime(sqlite3_vfs*, double* out) {
  return DefaultVfs()->xCurrentTime(DefaultVfs(), out);
}

int VfsCurrentTimeInt64(sqlite3_vfs*, sqlite3_int64* out) {
  return DefaultVfs()->xCurrentTimeInt64(DefaultVfs(), out);
}

int VfsGetLastError(sqlite3_vfs*, int, char*) { return 0; }

std::string UniqueName() {
  static std::atomic<int> count{0};
  return absl::StrCat("power-cut-", ++count);
}

}  // namespace

struct PowerCutVfs::Registration {
  std::string name = UniqueName();
  sqlite3_vfs vfs{};
};

PowerCutVfs::PowerCutVfs(uint64_t seed)
    : machine_(std::make_unique<Machine>(seed)), registration_(std::make_unique<Registration>()) {
  DefaultVfs();
  sqlite3_vfs& vfs = registration_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(File);
  vfs.mxPathname = kMaxPathBytes;
  vfs.zName = registration_->name.c_str();
  vfs.pAppData = machine_.get();
  vfs.xOpen = VfsOpen;
  vfs.xDelete = VfsDelete;
  vfs.xAccess = VfsAccess;
  vfs.xFullPathname = VfsFullPathname;
  vfs.xRandomness = VfsRandomness;
  vfs.xSleep = VfsSleep;
  vfs.xCurrentTime = VfsCurrentTime;
  vfs.xCurrentTimeInt64 = VfsCurrentTimeInt64;
  vfs.xGetLastError = VfsGetLastError;
  sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
}

PowerCutVfs::~PowerCutVfs() {
  // SQLite3MC wraps a file system in a ciphering one when it is first asked for, and keeps it.
  const std::string wrapper = absl::StrCat("multipleciphers-", name());
  if (sqlite3_vfs_find(wrapper.c_str()) != nullptr) sqlite3mc_vfs_destroy(wrapper.c_str());
  sqlite3_vfs_unregister(&registration_->vfs);
}

const std::string& PowerCutVfs::name() const { return registration_->name; }
void PowerCutVfs::PowerCut(Survivors survivors) { machine_->PowerCut(survivors); }
int64_t PowerCutVfs::io_count() const { return machine_->io_count(); }
int64_t PowerCutVfs::power_cuts() const { return machine_->power_cuts(); }
int64_t PowerCutVfs::change_count() const { return machine_->change_count(); }
void PowerCutVfs::FailIo(int64_t nth, int64_t count) { machine_->FailIo(nth, count); }
void PowerCutVfs::SetFreeBytes(int64_t bytes) { machine_->SetFreeBytes(bytes); }
std::vector<std::string> PowerCutVfs::Names() const { return machine_->Names(); }
std::string PowerCutVfs::Content(absl::string_view path) const { return machine_->Content(path); }

void PowerCutVfs::CutPowerAtChange(int64_t nth, Survivors survivors) {
  machine_->CutPowerAtChange(nth, survivors);
}

bool PowerCutVfs::AnyFileContains(absl::string_view bytes) const {
  const std::vector<std::string> names = Names();
  return std::any_of(names.begin(), names.end(), [&](const std::string& path) {
    return absl::StrContains(Content(path), bytes);
  });
}

bool PowerCutVfs::ReadIn(const std::string& database) {
  for (const char* suffix : kFilesOfDatabase) {
    const std::string path = database + suffix;
    std::ifstream file(path, std::ios::binary);
    if (!file) continue;
    SetContent(path, {std::istreambuf_iterator<char>(file), {}});
    if (file.bad()) return false;
  }
  const std::vector<std::string> names = Names();
  return std::find(names.begin(), names.end(), database) != names.end();
}

bool PowerCutVfs::WriteOut() const {
  const std::vector<std::string> names = Names();
  for (const std::string& path : names) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << Content(path);
    file.close();
    if (!file) return false;
    for (const char* suffix : kFilesOfDatabase) {
      const std::string beside = path + suffix;
      std::error_code ignored;
      if (std::find(names.begin(), names.end(), beside) == names.end()) {
        std::filesystem::remove(beside, ignored);
      }
    }
    // The shared memory of a WAL does not survive a restart of the machine.
    std::error_code ignored;
    std::filesystem::remove(path + "-shm", ignored);
  }
  return true;
}

void PowerCutVfs::SetContent(absl::string_view path, std::string content) {
  machine_->SetContent(path, std::move(content));
}

}  // namespace doorstep::testing
