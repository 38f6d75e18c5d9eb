// Real programs in tests: start, wait, kill, and what they said.
//
//   TempDir dir;
//   ServerProcess server(dir.File("server"));
//   server.AddSite("north-team");
//   server.Start();
//   RunResult result = RunDoorstep(dir.File("tablet"), {"sync", "--server", server.address()});
//
// Every program that a test starts ends with the test, whatever happens to it.
#ifndef TESTS_SUPPORT_PROCESS_H_
#define TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace doorstep::testing {

// A new directory, removed with all that is in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;

 private:
  std::string path_;
};

std::string ReadAll(const std::string& path);  // "" for no such file
void WriteAll(const std::string& path, absl::string_view content);

struct RunResult {
  int exit = 0;  // exit code; 128 + signal when one ended it
  std::string out, err;
  // The memory that it had at most, in KiB; at least what this process had when it started it.
  int64_t peak_kib = 0;
};
std::ostream& operator<<(std::ostream& out, const RunResult& result);

class Process {
 public:
  // Starts `argv` with `in` as its standard input; nullopt: a standard input that stays open and
  // empty until this object goes. Output goes to files, so it never blocks. The kernel ends the
  // program after `limit`, and when this process ends. argv[0] without a slash is looked for in
  // PATH.
  explicit Process(const std::vector<std::string>& argv,
                   std::optional<absl::string_view> in = absl::string_view(),
                   std::chrono::seconds limit = std::chrono::seconds(300));
  // Kills what still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Standard output so far.
  std::string out() const;
  std::string err() const;

  std::string Limits() const;

  void Signal(int signal);
  // Waits until it ends.
  RunResult Wait();
  // Waits until it ends, or for this long: false.
  bool WaitFor(std::chrono::microseconds time);

 private:
  TempDir files_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int open_input_ = -1;  // our end of the pipe
  std::optional<int> exit_;
  int64_t peak_kib_ = 0;
};

// Runs to the end.
RunResult Run(const std::vector<std::string>& argv, absl::string_view in = "");

// A program of this build by name.
std::string ProgramPath(absl::string_view name);

// The command line on one replica.
RunResult RunDoorstep(const std::string& replica, std::vector<std::string> args,
                      absl::string_view in = "");
std::vector<std::string> DoorstepCommand(const std::string& replica, std::vector<std::string> args);

// Waits for a file with something in it, up to half a minute; fails the test without.
bool WaitForFile(const std::string& path, Process& writer);

// Words before a program for which it is so many days later (or earlier). Not the program
// `faketime`, which would stand between it and its signals.
std::vector<std::string> DaysLater(int days);

class ServerProcess {
 public:
  // `data_dir` need not be there.
  explicit ServerProcess(std::string data_dir) : data_dir_(std::move(data_dir)) {}

  // Makes a site (with the server running or not). Fails the test if that fails.
  void AddSite(const std::string& id, const std::string& tenant = "default");
  // An operator's command, as {"measure", "--json"}.
  RunResult Operator(std::vector<std::string> args);

  // From the next start on it serves with TLS and certificates, and an enrolment listener; with
  // these options besides.
  void UseTls(std::vector<std::string> options = {}) {
    tls_ = true;
    tls_options_ = std::move(options);
  }
  // Words before the program's ("env", "NAME=value"), from the next start on.
  void StartWith(std::vector<std::string> before) { before_ = std::move(before); }
  // Starts to serve on a free port and waits until it does. Fails the test if it does not.
  void Start();
  // The same at the address that it had before.
  void StartAgain();
  // Asks it to stop and waits. Fails the test unless the exit code is 0.
  void Stop();
  void Kill();  // kill -9
  bool running() const { return process_.has_value(); }

  // HOST:PORT; after Stop or Kill the last one, where nobody listens.
  const std::string& address() const { return address_; }
  const std::string& data_dir() const { return data_dir_; }
  std::string Log() const { return process_.has_value() ? process_->err() : ""; }
  // What the kernel lets the program have, as /proc tells it.
  std::string Limits() const { return process_.has_value() ? process_->Limits() : ""; }

 private:
  void StartAt(const std::string& listen);

  std::string data_dir_;
  std::string address_ = "127.0.0.1:1";
  TempDir files_;
  std::vector<std::string> before_;
  bool tls_ = false;
  std::vector<std::string> tls_options_;
  int starts_ = 0;
  std::string enrol_listen_ = "127.0.0.1:0";  // from the first start on, the same
  std::optional<Process> process_;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_PROCESS_H_
