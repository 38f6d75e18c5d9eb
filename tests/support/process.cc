#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/support/test_keys.h"

namespace doorstep::testing {
namespace {

constexpr int kCannotStart = 127;
constexpr int kSignalBase = 128;

int ExitCode(int wait_status) {
  return WIFSIGNALED(wait_status) ? kSignalBase + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// In the child: only what is safe between fork and exec.
[[noreturn]] void Become(char* const* argv, int in, const char* out, const char* err,
                         unsigned limit, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotStart);
  const int fds[] = {in, open(out, O_WRONLY | O_APPEND | O_CLOEXEC),
                     open(err, O_WRONLY | O_APPEND | O_CLOEXEC)};
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(fds[fd], fd) < 0) _exit(kCannotStart);
  }
  alarm(limit);  // outlives exec
  execvp(argv[0], argv);
  _exit(kCannotStart);
}

}  // namespace

TempDir::TempDir() {
  UseTestKeys();
  std::string name = (std::filesystem::temp_directory_path() / "doorstep-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << name;
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::File(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteAll(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file) ADD_FAILURE() << "cannot write " << path;
}

std::ostream& operator<<(std::ostream& out, const RunResult& result) {
  return out << "exit " << result.exit << "\nstdout: " << result.out << "\nstderr: " << result.err;
}

Process::Process(const std::vector<std::string>& argv, std::optional<absl::string_view> in,
                 std::chrono::seconds limit) {
  const std::string in_file = files_.File("in");
  const std::string out_file = files_.File("out");
  const std::string err_file = files_.File("err");
  int pipe_ends[2] = {-1, -1};
  if (in.has_value()) {
    WriteAll(in_file, *in);
    pipe_ends[0] = open(in_file.c_str(), O_RDONLY | O_CLOEXEC);
  } else if (pipe2(pipe_ends, O_CLOEXEC) == 0) {
    open_input_ = pipe_ends[1];
  }
  WriteAll(out_file, "");
  WriteAll(err_file, "");
  std::vector<std::string> copies = argv;
  std::vector<char*> pointers;
  for (std::string& word : copies) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    Become(pointers.data(), pipe_ends[0], out_file.c_str(), err_file.c_str(),
           static_cast<unsigned>(limit.count()), parent);
  }
  close(pipe_ends[0]);
  if (pid_ > 0) pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) ADD_FAILURE() << "cannot start " << absl::StrJoin(argv, " ");
}

Process::~Process() {
  if (!exit_.has_value()) {
    Signal(SIGKILL);
    Wait();
  }
  if (pidfd_ >= 0) close(pidfd_);
  if (open_input_ >= 0) close(open_input_);
}

std::string Process::out() const { return ReadAll(files_.File("out")); }
std::string Process::err() const { return ReadAll(files_.File("err")); }

std::string Process::Limits() const { return ReadAll(absl::StrCat("/proc/", pid_, "/limits")); }

void Process::Signal(int signal) {
  if (!exit_.has_value() && pid_ > 0) kill(pid_, signal);
}

RunResult Process::Wait() {
  if (!exit_.has_value()) {
    int status = 0;
    rusage used = {};
    while (wait4(pid_, &status, 0, &used) < 0 && errno == EINTR) {
    }
    exit_ = ExitCode(status);
    peak_kib_ = used.ru_maxrss;
  }
  return {*exit_, out(), err(), peak_kib_};
}

bool Process::WaitFor(std::chrono::microseconds time) {
  if (exit_.has_value()) return true;
  pollfd ended = {pidfd_, POLLIN, 0};
  const timespec wait = {static_cast<time_t>(time.count() / 1'000'000),
                         static_cast<long>(time.count() % 1'000'000) * 1'000};
  if (ppoll(&ended, 1, &wait, nullptr) <= 0) return false;
  Wait();
  return true;
}

RunResult Run(const std::vector<std::string>& argv, absl::string_view in) {
  return Process(argv, in).Wait();
}

std::vector<std::string> DaysLater(int days) {
  std::string library;
  for (const auto& place : std::filesystem::directory_iterator("/usr/lib")) {
    const std::filesystem::path here = place.path() / "faketime/libfaketimeMT.so.1";
    if (std::filesystem::exists(here)) library = here.string();
  }
  EXPECT_NE(library, "");
  return {"env", "FAKETIME_DONT_FAKE_MONOTONIC=1",
          absl::StrCat("FAKETIME=", days < 0 ? "" : "+", days, "d"),
          absl::StrCat("LD_PRELOAD=", library)};
}

std::string ProgramPath(absl::string_view name) { return absl::StrCat(DOORSTEP_BIN_DIR "/", name); }

std::vector<std::string> DoorstepCommand(const std::string& replica,
                                         std::vector<std::string> args) {
  args.insert(args.begin(), {ProgramPath("doorstep"), "--replica", replica});
  return args;
}

RunResult RunDoorstep(const std::string& replica, std::vector<std::string> args,
                      absl::string_view in) {
  return Run(DoorstepCommand(replica, std::move(args)), in);
}

bool WaitForFile(const std::string& path, Process& writer) {
  constexpr int kTries = 3'000;
  for (int i = 0; i < kTries; ++i) {
    if (!absl::StripAsciiWhitespace(ReadAll(path)).empty()) return true;
    if (writer.WaitFor(std::chrono::milliseconds(10))) break;
  }
  ADD_FAILURE() << path << " did not appear: " << writer.out() << writer.err();
  return false;
}

RunResult ServerProcess::Operator(std::vector<std::string> args) {
  args.insert(args.begin(), ProgramPath("doorstep-server"));
  args.insert(args.end(), {"--data", data_dir_});
  return Run(args);
}

void ServerProcess::AddSite(const std::string& id, const std::string& tenant) {
  const RunResult made =
      Operator({"site", "add", "--tenant", tenant, "--id", id, "--name", "Site " + id});
  EXPECT_EQ(made.exit, 0) << made;
}

void ServerProcess::Start() { StartAt("127.0.0.1:0"); }

void ServerProcess::StartAgain() { StartAt(address_); }

void ServerProcess::StartAt(const std::string& listen) {
  const std::string port_file = files_.File(absl::StrCat("port", ++starts_));
  std::vector<std::string> argv = before_;
  argv.insert(argv.end(), {ProgramPath("doorstep-server"), "serve", "--data", data_dir_, "--listen",
                           listen, "--port-file", port_file});
  if (tls_) {
    argv.insert(argv.end(), {"--enrol-listen", enrol_listen_});
    argv.insert(argv.end(), tls_options_.begin(), tls_options_.end());
  } else {
    argv.emplace_back("--dev-loopback");
  }
  process_.emplace(argv, "", std::chrono::seconds(1'800));
  if (!WaitForFile(port_file, *process_)) return;
  address_ = absl::StrCat("127.0.0.1:", absl::StripAsciiWhitespace(ReadAll(port_file)));
  if (!tls_) return;
  // "enrolment_address": "127.0.0.1:PORT",
  const std::string face = ReadAll(data_dir_ + "/identity/public.json");
  const size_t at = face.find("127.0.0.1:", face.find("enrolment_address"));
  enrol_listen_ = face.substr(at, face.find('"', at) - at);
}

void ServerProcess::Stop() {
  if (!process_.has_value()) return;
  process_->Signal(SIGTERM);
  const RunResult result = process_->Wait();
  EXPECT_EQ(result.exit, 0) << result;
  process_.reset();
}

void ServerProcess::Kill() {
  if (!process_.has_value()) return;
  process_->Signal(SIGKILL);
  process_->Wait();
  process_.reset();
}

}  // namespace doorstep::testing
