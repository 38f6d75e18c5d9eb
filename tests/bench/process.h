// Other processes: the product's server, and this program in a role, so that the memory of each is
// its own.
#ifndef TESTS_BENCH_PROCESS_H_
#define TESTS_BENCH_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep::bench {

// The directory that this program was started from.
std::string ProgramDirectory();

// Runs to the end; its standard output. kInternal, with the command, when it fails. The child is
// stopped when this process ends.
absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& command);

// A program that writes its port into a file and serves until it is told to stop.
class ServerProcess {
 public:
  // `command` is given the words --port-file FILE at its end. Its output goes to `log`.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(std::vector<std::string> command,
                                                              const std::string& port_file,
                                                              const std::string& log);
  ~ServerProcess();

  const std::string& address() const { return address_; }
  // Resident memory now, and the most since the start.
  int64_t ResidentKib() const;
  int64_t PeakKib() const;
  // Of the processor, since the start.
  double CpuSeconds() const;

 private:
  ServerProcess(pid_t pid, std::string address) : pid_(pid), address_(std::move(address)) {}
  pid_t pid_;
  std::string address_;
};

// Of this process.
int64_t PeakKib();
double ProcessCpuSeconds();

// Bytes on the wire of this process's open connections to a port of this machine, as the kernel
// counts them (without TCP headers).
struct WireBytes {
  int64_t sent = 0;
  int64_t received = 0;
  int64_t connections = 0;
};
WireBytes WireBytesTo(const std::string& address);

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_PROCESS_H_
