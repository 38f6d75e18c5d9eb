// A file system for SQLite, in memory, that can lose power, fail, and fill up.
//
// A killed process loses nothing that it wrote, so kill -9 cannot show a missing fsync. This file
// system keeps what was written apart from what was synced, and PowerCut() forgets the difference.
//
//   PowerCutVfs vfs(seed);
//   DatabaseOptions options;
//   options.create = true;
//   options.vfs = vfs.name();
//   ... Database::Open("a.db", options), commit, commit ...
//   vfs.PowerCut(Survivors::kTorn);
//   ... close, open again, look ...
//
// What is durable when:
//   content     what was written before the latest xSync of that file
//   a new name  once its file was synced; or any of the next
//   all names   (creations and removals) once a new journal or WAL was synced for the first time,
//   or a
//               file was deleted with syncDir, as SQLite's unix file system does
// Locks and the shared memory of WAL are of this process and end with the power.
//
// Threads: any number of connections on any threads. Deterministic for one thread and one seed,
// except for the time of day and the salts that SQLite takes from its own generator.
#ifndef TESTS_SUPPORT_POWER_CUT_VFS_H_
#define TESTS_SUPPORT_POWER_CUT_VFS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace doorstep::testing {

// What a power cut leaves of everything that was not synced.
enum class Survivors {
  kNone,  // nothing
  kTorn,  // some sectors, truncations, creations and removals, by the seed
  kAll,   // everything: the programs were killed, the machine runs on
};

class PowerCutVfs {
 public:
  // Registers itself with SQLite, under a name of its own.
  explicit PowerCutVfs(uint64_t seed = 1);
  // All its connections must be closed.
  ~PowerCutVfs();
  PowerCutVfs(const PowerCutVfs&) = delete;
  PowerCutVfs& operator=(const PowerCutVfs&) = delete;

  // For DatabaseOptions::vfs, with or without a key.
  const std::string& name() const;

  // From now on every handle that was open fails with SQLITE_IOERR, until it is closed; files
  // opened from now on hold what survived, durably.
  void PowerCut(Survivors survivors);
  // Power cuts so far.
  int64_t power_cuts() const;

  // Operations so far: all reads, writes, truncations, syncs and removals; and these less the
  // reads.
  int64_t io_count() const;
  int64_t change_count() const;

  // The nth operation from now (1: the next), and the `count` - 1 after it, fail, without effect.
  // Replaces what was asked for before; 0: no more.
  void FailIo(int64_t nth, int64_t count = 1);

  // The power goes in the middle of the nth change from now: a write may yet be torn, a sync has
  // synced nothing.
  void CutPowerAtChange(int64_t nth, Survivors survivors);

  // Writes that would grow the files together by more than this, from now on, fail with
  // SQLITE_FULL. Negative: no limit.
  void SetFreeBytes(int64_t bytes);

  // What programs see: names, content ("" for no such file), and whether any file holds `bytes`.
  std::vector<std::string> Names() const;
  std::string Content(absl::string_view path) const;
  bool AnyFileContains(absl::string_view bytes) const;
  // Replaces or makes a file, durably. It must not be open.
  void SetContent(absl::string_view path, std::string content);

  // To and from real files, so that real programs find what a power cut left, and go on from it.
  // ReadIn: a database with its journals, durably; it must not be open. WriteOut: everything; a
  // journal that is not here goes there too. False: a file could not be read or written.
  [[nodiscard]] bool ReadIn(const std::string& database);
  [[nodiscard]] bool WriteOut() const;

  // SQLite's side of it; in the .cc file.
  class Machine;

 private:
  struct Registration;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Registration> registration_;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_POWER_CUT_VFS_H_
