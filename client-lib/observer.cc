#include "doorstep/observer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/bell.h"
#include "client-lib/replica_impl.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status SystemError(const char* what) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Takes all events that are there; what they say does not matter.
void Drain(int fd) {
  char buffer[4096];
  while (read(fd, buffer, sizeof buffer) > 0) {
  }
}

absl::StatusOr<Answer> Ask(Replica& replica, const std::string& sql) {
  Answer answer;
  DOORSTEP_RETURN_IF_ERROR(replica.Query(
      sql, [&](const std::vector<std::string>& columns, const std::vector<std::string>& cells) {
        if (answer.columns.empty()) answer.columns = columns;
        if (answer.cells.size() == kMaxObservedRows) {
          return absl::ResourceExhaustedError(
              absl::StrCat("sql: got more than ", kMaxObservedRows, " rows to observe"));
        }
        answer.cells.push_back(cells);
        return absl::OkStatus();
      }));
  return answer;
}

bool Same(const absl::StatusOr<Answer>& a, const absl::StatusOr<Answer>& b) {
  if (!a.ok() || !b.ok()) return a.status() == b.status();
  return a->columns == b->columns && a->cells == b->cells;
}

}  // namespace

class Observer::Impl {
 public:
  Impl(std::unique_ptr<Replica> replica, std::string sql, OnChange on_change, Descriptor watch,
       Descriptor stop)
      : replica_(std::move(replica)),
        sql_(std::move(sql)),
        on_change_(std::move(on_change)),
        watch_(std::move(watch)),
        stop_(std::move(stop)),
        thread_([this] { Run(); }) {}

  ~Impl() {
    const uint64_t one = 1;
    // An eventfd takes eight bytes whenever its counter is not full; it is zero until now.
    if (write(stop_.get(), &one, sizeof one) != sizeof one) std::terminate();
    thread_.join();
  }

 private:
  void Run() {
    std::optional<absl::StatusOr<Answer>> last;
    std::optional<int64_t> version;
    while (true) {
      // Asked first: what is written afterwards shows as an event.
      const absl::StatusOr<int64_t> now =
          replica_->inside().store->db().QueryInt("PRAGMA data_version");
      if (!now.ok() || version != *now) {
        absl::StatusOr<Answer> answer = now.ok() ? Ask(*replica_, sql_) : now.status();
        if (now.ok()) version = *now;
        if (!last.has_value() || !Same(*last, answer)) {
          last = std::move(answer);
          on_change_(*last);
        }
      }
      pollfd ready[] = {{watch_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      while (poll(ready, 2, -1) < 0 && errno == EINTR) {
      }
      if (ready[1].revents != 0) return;
      Drain(watch_.get());
    }
  }

  std::unique_ptr<Replica> replica_;  // used by the thread alone
  const std::string sql_;
  const OnChange on_change_;
  const Descriptor watch_;
  const Descriptor stop_;
  std::thread thread_;  // last: it uses all of the above
};

Observer::Observer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Observer::~Observer() = default;

absl::StatusOr<std::unique_ptr<Observer>> Observer::Start(const std::string& directory,
                                                          const std::string& sql,
                                                          OnChange on_change,
                                                          const Environment& environment) {
  OpenOptions options;
  options.read_only = true;
  options.environment = environment;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Replica> replica, Replica::Open(directory, options));
  Descriptor watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (watch.get() < 0) return SystemError("inotify");
  const std::string bell = client::BellPath(directory);
  client::Bell(directory).Ring();  // so that there is one
  if (inotify_add_watch(watch.get(), bell.c_str(), IN_ACCESS | IN_MODIFY) < 0) {
    return SystemError(bell.c_str());
  }
  Descriptor stop(eventfd(0, EFD_CLOEXEC));
  if (stop.get() < 0) return SystemError("eventfd");
  return std::unique_ptr<Observer>(new Observer(std::make_unique<Impl>(
      std::move(replica), sql, std::move(on_change), std::move(watch), std::move(stop))));
}

}  // namespace doorstep
