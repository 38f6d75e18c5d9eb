// The machine behind PowerCutVfs: files, names, locks, shared memory and faults, with SQLite's
// result codes but without its function tables. Only power_cut_vfs.cc includes it.
#ifndef TESTS_SUPPORT_POWER_CUT_MACHINE_H_
#define TESTS_SUPPORT_POWER_CUT_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/base/entropy.h"
#include "sync/base/mutex.h"
#include "tests/support/power_cut_disk.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep::testing {

class PowerCutVfs::Machine {
 public:
  explicit Machine(uint64_t seed) : entropy_(seed) {}

  struct Handle;

  // Each returns SQLite's result code; a handle from before a power cut gets SQLITE_IOERR.
  int Open(const char* path, int flags, Handle** out);  // path null: a temporary file
  int Delete(const std::string& path, bool sync_names);
  bool Exists(const std::string& path);
  void Randomness(absl::Span<uint8_t> out) { entropy_.Fill(out); }

  void Close(Handle* handle);  // and destroys it
  int Read(Handle& handle, size_t offset, absl::Span<char> out);
  int Write(Handle& handle, size_t offset, absl::string_view bytes);
  int Truncate(Handle& handle, size_t size);
  int Sync(Handle& handle);
  int Size(Handle& handle, int64_t* size);
  int Lock(Handle& handle, int level);
  int Unlock(Handle& handle, int level);
  int IsReserved(Handle& handle, bool* reserved);
  int MapShared(Handle& handle, size_t region, size_t bytes, bool extend, volatile void** out);
  int LockShared(Handle& handle, int first, int count, int flags);
  void UnmapShared(Handle& handle);
  void Barrier();

  // As PowerCutVfs.
  void PowerCut(Survivors survivors);
  int64_t power_cuts();
  int64_t io_count();
  int64_t change_count();
  void FailIo(int64_t nth, int64_t count);
  void CutPowerAtChange(int64_t nth, Survivors survivors);
  void SetFreeBytes(int64_t bytes);
  std::vector<std::string> Names();
  std::string Content(absl::string_view path);
  void SetContent(absl::string_view path, std::string content);

 private:
  using Regions = std::vector<std::unique_ptr<char[]>>;

  // All of a node and of a handle is guarded by mu_.
  struct Node {
    ForgetfulFile file;
    std::set<Handle*> handles;
    std::shared_ptr<Regions> shared;  // while somebody has it mapped
    bool names_unsynced = false;      // a new journal: its first sync syncs the directory
  };
  using Directory = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  enum class Verdict { kGo, kFail, kCut };
  Verdict NextIo(const Handle* handle, bool change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CutLocked(Survivors survivors) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t UsedBytes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  SeededEntropy entropy_;
  Mutex mu_;
  uint64_t boot_ ABSL_GUARDED_BY(mu_) = 0;
  Directory names_ ABSL_GUARDED_BY(mu_);
  Directory durable_names_ ABSL_GUARDED_BY(mu_);
  int64_t io_count_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t change_count_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t fail_from_ ABSL_GUARDED_BY(mu_) = 0;  // by io_count_; up to, not including, the next
  int64_t fail_until_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t cut_at_ ABSL_GUARDED_BY(mu_) = 0;  // by change_count_; 0: never
  Survivors cut_survivors_ ABSL_GUARDED_BY(mu_) = Survivors::kNone;
  int64_t capacity_ ABSL_GUARDED_BY(mu_) = -1;
};

struct PowerCutVfs::Machine::Handle {
  Machine* machine;
  std::shared_ptr<Node> node;
  std::string path;  // empty: a temporary file
  bool delete_on_close;
  uint64_t boot;
  int level;                        // SQLITE_LOCK_NONE …
  std::shared_ptr<Regions> shared;  // keeps the memory for as long as SQLite may look at it
  unsigned shared_locks = 0;        // bit i: slot i held shared
  unsigned exclusive_locks = 0;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_POWER_CUT_MACHINE_H_
