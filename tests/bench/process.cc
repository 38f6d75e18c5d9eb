#include "tests/bench/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace doorstep::bench {
namespace {

constexpr int kStartTries = 2000;  // of 10 ms

// A line of /proc/<who>/status, in KiB.
int64_t StatusKib(const std::string& who, absl::string_view name) {
  std::ifstream file(absl::StrCat("/proc/", who, "/status"));
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view text = line;
    if (!absl::StartsWith(text, name)) continue;
    text.remove_prefix(name.size());
    int64_t kib = 0;
    const std::vector<absl::string_view> words =
        absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (!words.empty() && absl::SimpleAtoi(words[0], &kib)) return kib;
  }
  return 0;
}

// Starts it with standard output on `out` (and errors on `err`, unless -1).
pid_t Spawn(const std::vector<std::string>& command, int out, int err) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(out, STDOUT_FILENO);
  if (err >= 0) dup2(err, STDERR_FILENO);
  execv(words[0], words.data());
  _exit(127);
}

}  // namespace

std::string ProgramDirectory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ResourceExhaustedError("pipe");
  const pid_t pid = Spawn(command, ends[1], -1);
  close(ends[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) output.append(buffer, n);
  close(ends[0]);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
      WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat("failed: ", absl::StrJoin(command, " ")));
  }
  return output;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    std::vector<std::string> command, const std::string& port_file, const std::string& log) {
  std::error_code error;
  std::filesystem::remove(port_file, error);
  command.insert(command.end(), {"--port-file", port_file});
  const int out = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const pid_t pid = Spawn(command, out, out);
  close(out);
  if (pid < 0) return absl::ResourceExhaustedError("fork");
  auto server = std::unique_ptr<ServerProcess>(new ServerProcess(pid, ""));
  for (int i = 0; i < kStartTries; ++i) {
    std::string port;
    int number = 0;
    if (std::getline(std::ifstream(port_file), port) && absl::SimpleAtoi(port, &number)) {
      server->address_ = absl::StrCat("127.0.0.1:", number);
      return server;
    }
    if (waitpid(pid, nullptr, WNOHANG) == pid) {
      server->pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return absl::UnavailableError(
      absl::StrCat(absl::StrJoin(command, " "), ": got no port, see ", log));
}

ServerProcess::~ServerProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < kStartTries / 2; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int64_t ServerProcess::ResidentKib() const { return StatusKib(absl::StrCat(pid_), "VmRSS:"); }
int64_t ServerProcess::PeakKib() const { return StatusKib(absl::StrCat(pid_), "VmHWM:"); }
double ServerProcess::CpuSeconds() const {
  std::string line;
  std::getline(std::ifstream(absl::StrCat("/proc/", pid_, "/stat")), line);
  // After the name, which ends with the last bracket: fields 14 and 15 of the line are ticks in
  // the program and in the kernel.
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(line).substr(line.rfind(')') + 1), ' ', absl::SkipEmpty());
  int64_t user = 0;
  int64_t system = 0;
  if (words.size() < 13 || !absl::SimpleAtoi(words[11], &user) ||
      !absl::SimpleAtoi(words[12], &system)) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ProcessCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int64_t PeakKib() { return StatusKib("self", "VmHWM:"); }

WireBytes WireBytesTo(const std::string& address) {
  WireBytes bytes;
  int port = 0;
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  if (!absl::SimpleAtoi(parts.back(), &port)) return bytes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    int fd = -1;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &fd)) continue;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    uint16_t peer_port = 0;
    if (peer.ss_family == AF_INET) peer_port = reinterpret_cast<sockaddr_in*>(&peer)->sin_port;
    if (peer.ss_family == AF_INET6) peer_port = reinterpret_cast<sockaddr_in6*>(&peer)->sin6_port;
    if (ntohs(peer_port) != port) continue;
    tcp_info info{};
    socklen_t length = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        length < offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received)) {
      continue;
    }
    // The kernel counts the SYN as one byte acknowledged.
    bytes.sent += static_cast<int64_t>(info.tcpi_bytes_acked) - 1;
    bytes.received += static_cast<int64_t>(info.tcpi_bytes_received);
    ++bytes.connections;
  }
  return bytes;
}

}  // namespace doorstep::bench
