#include "server/serve.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/grpc_server.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// How long calls may go on after a signal: longer than any call should take.
constexpr int64_t kDrainMs = 10'000;

// Another server holds its lock for long; who looks whether there is one, for a moment.
constexpr int kLockTries = 5;
constexpr std::chrono::milliseconds kLockPause(20);

struct ServeOptions {
  std::string listen = "127.0.0.1:7400";
  std::string port_file;
  bool dev_loopback = false;
};

// "HOST:PORT", "[::1]:PORT".
absl::StatusOr<GrpcServerOptions> ParseListen(const std::string& listen) {
  GrpcServerOptions options;
  const size_t colon = listen.rfind(':');
  absl::string_view host = absl::string_view(listen).substr(0, colon);
  uint32_t port = 0;
  if (colon == std::string::npos || host.empty() ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port) || port > 65535) {
    return InvalidField("--listen", listen, "HOST:PORT, PORT 0 for any free one");
  }
  options.host = std::string(absl::StripPrefix(absl::StripSuffix(host, "]"), "["));
  options.port = static_cast<int>(port);
  return options;
}

// Four decimal numbers, the first of them 127; ::1; or the name for them.
bool IsLoopback(absl::string_view host) {
  if (host == "::1") return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const absl::string_view part : parts) {
    uint32_t number = 0;
    if (part.size() > 3 || !absl::SimpleAtoi(part, &number) || number > 255) return false;
  }
  return true;
}

absl::StatusOr<GrpcServerOptions> CheckListen(const ServeOptions& options) {
  if (!options.dev_loopback) {
    return absl::InvalidArgumentError(
        "serve: got no --dev-loopback, wanted it: transport security arrives in a later release, "
        "and until then this server speaks plain text to programs on the same machine only");
  }
  DOORSTEP_ASSIGN_OR_RETURN(GrpcServerOptions listen, ParseListen(options.listen));
  if (listen.host == "localhost") listen.host = "127.0.0.1";
  if (!IsLoopback(listen.host)) {
    return InvalidField("--listen", options.listen,
                        "an address of this machine alone (127.0.0.1, [::1]): plain text must not "
                        "leave it");
  }
  return listen;
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::StatusOr<int> Serve(const GlobalOptions& global, const ServeOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(global));
  DOORSTEP_ASSIGN_OR_RETURN(const GrpcServerOptions listen, CheckListen(options));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(global.data_dir));
  const std::string lock_file = global.data_dir + "/serve.lock";
  absl::StatusOr<FileLock> lock = FileLock::TryAcquire(lock_file);
  // `schema push` takes it for a moment, to see whether a server runs.
  for (int i = 0; i < kLockTries && absl::IsAborted(lock.status()); ++i) {
    std::this_thread::sleep_for(kLockPause);
    lock = FileLock::TryAcquire(lock_file);
  }
  if (absl::IsAborted(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(global.data_dir, ": another server runs on it"));
  }
  DOORSTEP_RETURN_IF_ERROR(lock.status());
  // Before any thread starts, so that all of them inherit it and only sigwait below hears.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  SyncCore core({.data_dir = global.data_dir});
  DOORSTEP_RETURN_IF_ERROR(core.tenants().Ensure(kDefaultTenant).status());
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                            GrpcServer::Start(&core, listen));
  if (!options.port_file.empty()) {
    DOORSTEP_RETURN_IF_ERROR(
        WriteFileAtomically(options.port_file, absl::StrCat(server->port(), "\n"), 0644));
  }
  spdlog::info("listening on {}:{}, plain text, this machine only", listen.host, server->port());
  int signal = 0;
  while (sigwait(&signals, &signal) == EINTR) {
  }
  spdlog::info("{}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  server->Stop(kDrainMs);
  spdlog::info("stopped");
  return kExitOk;
}

}  // namespace

void AddServe(CLI::App* app, const GlobalOptions* global, Command* chosen) {
  CLI::App* serve = app->add_subcommand("serve", "Serve devices until SIGTERM or SIGINT");
  auto options = std::make_shared<ServeOptions>();
  serve->add_option("--listen", options->listen, "HOST:PORT; port 0 takes any free one")
      ->capture_default_str();
  serve->add_option("--port-file", options->port_file,
                    "Written with the port once the server listens");
  serve->add_flag("--dev-loopback", options->dev_loopback,
                  "Plain text, for programs on this machine only");
  serve->footer(
      "Example: doorstep-server serve --data /srv/doorstep --listen 127.0.0.1:0 "
      "--port-file /run/doorstep.port --dev-loopback");
  serve->callback([=] { *chosen = [=] { return Serve(*global, *options); }; });
}

}  // namespace doorstep::server
