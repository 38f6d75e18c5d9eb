// What a process of this program can be asked to do: `doorstep-bench --role NAME JSON`. Each role
// prints one JSON object.
#ifndef TESTS_BENCH_ROLES_H_
#define TESTS_BENCH_ROLES_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tests/bench/process.h"

namespace doorstep::bench {

// In the environment of a role: files are plain.
inline constexpr char kPlainVariable[] = "DOORSTEP_BENCH_PLAIN";

using Json = nlohmann::json;

// The site of all replicas here.
inline constexpr absl::string_view kSite = "bench";

// kNotFound: there is no such role.
absl::StatusOr<Json> RunRole(absl::string_view name, const Json& arguments);

// The product (product_roles.cc).
absl::StatusOr<Json> LoadRole(const Json& arguments);
absl::StatusOr<Json> FirstSyncRole(const Json& arguments);
absl::StatusOr<Json> PushRole(const Json& arguments);
absl::StatusOr<Json> NothingToDoRole(const Json& arguments);
absl::StatusOr<Json> LocalWriteRole(const Json& arguments);

// The limits (plain_roles.cc).
absl::StatusOr<Json> PlainInsertRole(const Json& arguments);
absl::StatusOr<Json> PlainUpdateRole(const Json& arguments);
absl::StatusOr<Json> PlainWriteRole(const Json& arguments);
absl::StatusOr<Json> SizeRole(const Json& arguments);
absl::StatusOr<Json> BareRole(const Json& arguments);

// A server and a client that do nothing but answer (echo_roles.cc). The server runs until it is
// told to stop.
absl::StatusOr<Json> EchoRole(const Json& arguments);
absl::Status ServeEcho(const std::string& port_file);

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  // Of the processor, all threads of this process: what a busy machine does not disturb much.
  double CpuSeconds() const { return ProcessCpuSeconds() - cpu_start_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double cpu_start_ = ProcessCpuSeconds();
};

// Several watches together; Put names them NAME_s and NAME_cpu.
class Spent {
 public:
  void Add(const Stopwatch& watch) {
    seconds_ += watch.Seconds();
    cpu_ += watch.CpuSeconds();
  }
  void Put(const std::string& name, Json* answer) const {
    (*answer)[name + "_s"] = seconds_;
    (*answer)[name + "_cpu"] = cpu_;
  }

 private:
  double seconds_ = 0;
  double cpu_ = 0;
};

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_ROLES_H_
