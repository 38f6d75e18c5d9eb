// Loaded into a program before the C library (LD_PRELOAD), so that a test can kill it at a chosen
// input or output, and set it forward in time. Not linked with anything.
//
//   DOORSTEP_TEST_IO=FILE        the test and the program share FILE (shim.h): every write,
//                                sync, truncation, removal and message sent is counted in it; when
//                                the program reaches the one that the test has chosen it dies as
//                                by kill -9, in every second case in the middle of what it writes
//   DOORSTEP_TEST_LATER_MS=N     the wall clock and the clock since boot are so much later
#include "tests/support/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using doorstep::testing::IoCount;

constexpr long kNsPerMs = 1'000'000;
constexpr long kNsPerSecond = 1'000'000'000;

IoCount* io = nullptr;
int64_t later_ms = 0;

__attribute__((constructor)) void Begin() {
  if (const char* later = getenv("DOORSTEP_TEST_LATER_MS")) later_ms = atoll(later);
  const char* path = getenv("DOORSTEP_TEST_IO");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* shared = mmap(nullptr, sizeof(IoCount), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared != MAP_FAILED) io = static_cast<IoCount*>(shared);
}

// Counts; true when it is the one to die at.
bool IsTheOne(int fd) {
  if (io == nullptr || fd <= STDERR_FILENO) return false;
  __atomic_add_fetch(&io->done, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&io->left, __ATOMIC_SEQ_CST) <= 0) return false;
  return __atomic_sub_fetch(&io->left, 1, __ATOMIC_SEQ_CST) == 0;
}

void Die() {
  __atomic_store_n(&io->died, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_kill, getpid(), SIGKILL);
}

// Before a write: dies in the middle of it, or before.
void DieWriting(int fd, const void* data, size_t size, off_t at, bool positioned) {
  if (io->done % 2 != 0 && size > 1) {
    if (positioned) {
      syscall(SYS_pwrite64, fd, data, size / 2, at);
    } else {
      syscall(SYS_write, fd, data, size / 2);
    }
  }
  Die();
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  if (IsTheOne(fd)) DieWriting(fd, data, size, 0, false);
  return syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  if (IsTheOne(fd)) DieWriting(fd, data, size, at, true);
  return syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  if (IsTheOne(fd)) DieWriting(fd, data, size, at, true);
  return syscall(SYS_pwrite64, fd, data, size, at);
}

int fsync(int fd) {
  if (IsTheOne(fd)) Die();
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  if (IsTheOne(fd)) Die();
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t size) noexcept {
  if (IsTheOne(fd)) Die();
  return static_cast<int>(syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off64_t size) noexcept {
  if (IsTheOne(fd)) Die();
  return static_cast<int>(syscall(SYS_ftruncate, fd, size));
}

int unlink(const char* path) noexcept {
  if (IsTheOne(STDERR_FILENO + 1)) Die();
  return static_cast<int>(syscall(SYS_unlink, path));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (IsTheOne(fd)) Die();
  return syscall(SYS_sendmsg, fd, message, flags);
}

int clock_gettime(clockid_t id, timespec* time) noexcept {
  const long done = syscall(SYS_clock_gettime, id, time);
  if (done != 0 || later_ms == 0 || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME)) {
    return static_cast<int>(done);
  }
  time->tv_sec += later_ms / 1'000;
  time->tv_nsec += later_ms % 1'000 * kNsPerMs;
  if (time->tv_nsec >= kNsPerSecond) {
    time->tv_sec += 1;
    time->tv_nsec -= kNsPerSecond;
  }
  return 0;
}

}  // extern "C"
