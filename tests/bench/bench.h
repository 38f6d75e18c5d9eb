// What every workload works with: scale, fresh directories, processes, the report.
//
// A workload is a function that starts processes and compares what they say; the work itself is
// done in roles (roles.h), so that product and limit each have a process, and a memory, of their
// own. A new workload is a new function in a file of its own and a line in kWorkloads (main.cc).
#ifndef TESTS_BENCH_BENCH_H_
#define TESTS_BENCH_BENCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {

struct Options {
  int repetitions = 3;
  double scale = 1;
  uint64_t seed = 1;
  std::string directory;  // where databases are made; on the disk that is to be measured
  bool quiet = false;     // no progress on standard error
};

// Removed with all that is in it when it goes.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(std::string path);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string Path(absl::string_view name) const;

 private:
  std::string path_;
};

// A server's data with records in it, loaded once for all workloads that only read it.
struct Town {
  std::string data;
  int64_t records = 0;
  uint64_t seed = 0;
  std::string digest;
  double load_seconds = 0;  // local writes, push and outcomes
};

class Bench {
 public:
  explicit Bench(Options options);

  const Options& options() const { return options_; }
  Report& report() { return report_; }

  // `full` at the scale that was asked for, at least `least`.
  int64_t Scaled(int64_t full, int64_t least = 20) const;
  // New values in each repetition.
  uint64_t Seed(int repetition) const { return options_.seed * 1000 + repetition + 1; }

  std::unique_ptr<ScratchDirectory> Scratch(absl::string_view label);
  // Runs a role in a process of its own; what it answered.
  absl::StatusOr<Json> Role(absl::string_view name, const Json& arguments);

  // A server process over `data`, which is made, with its site, when it is not there.
  absl::StatusOr<std::unique_ptr<ServerProcess>> StartServer(const std::string& data);
  absl::StatusOr<std::unique_ptr<ServerProcess>> StartEchoServer(const ScratchDirectory& scratch);
  absl::StatusOr<const Town*> TownOf(int64_t records);

  // The bare loops, once per repetition of a workload.
  absl::Status MeasureBare();

  // A check of correctness: the program fails, and goes on.
  void Check(bool ok, std::string what);
  void Say(absl::string_view what) const;

 private:
  Options options_;
  Report report_;
  ScratchDirectory root_;
  int scratches_ = 0;
  std::map<int64_t, Town> towns_;
};

// The workloads of this program. kInternal and the like: they could not be run.
absl::Status LocalWrite(Bench& bench);
absl::Status FirstSync(Bench& bench);
absl::Status Push(Bench& bench);
absl::Status NothingToDo(Bench& bench);
absl::Status FileSize(Bench& bench);
absl::Status Growth(Bench& bench);

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_BENCH_H_
