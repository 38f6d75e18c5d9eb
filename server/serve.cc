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
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/backup/contents.h"
#include "server/grpc_enrolment.h"
#include "server/grpc_server.h"
#include "server/identity/authority.h"
#include "server/identity/enrolment.h"
#include "server/identity/public_face.h"
#include "server/log_format.h"
#include "sync/base/bytes.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "sync/identity/tls_policy.h"

namespace doorstep::server {
namespace {

// How long calls may go on after a signal: longer than any call should take.
constexpr int64_t kDrainMs = 10'000;

// Another server holds its lock for long; who looks whether there is one, for a moment.
constexpr int kLockTries = 5;
constexpr std::chrono::milliseconds kLockPause(20);

// A device's certificate: short enough that one that was forgotten goes by itself, long enough for
// a tablet that lies in a drawer over the summer. It may be renewed after it has expired.
constexpr int64_t kCertificateDays = 90;
constexpr int64_t kMaxCertificateDays = 825;
constexpr int64_t kMsPerDay = 24LL * 60 * 60 * 1000;

struct ServeOptions {
  std::string listen = "127.0.0.1:7400";
  std::string enrol_listen = "127.0.0.1:7401";
  std::string address, enrol_address;  // as devices call them; empty = by name or listen
  std::string port_file;
  int64_t certificate_days = kCertificateDays;
  AuthorityOptions authority;
  bool dev_loopback = false;
  std::string log_format = "text";
};

struct HostAndPort {
  std::string host;
  int port = 0;
};

// "HOST:PORT", "[::1]:PORT".
absl::StatusOr<HostAndPort> ParseListen(const char* option, const std::string& listen) {
  HostAndPort options;
  const size_t colon = listen.rfind(':');
  absl::string_view host = absl::string_view(listen).substr(0, colon);
  uint32_t port = 0;
  if (colon == std::string::npos || host.empty() ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port) || port > 65535) {
    return InvalidField(option, listen, "HOST:PORT, PORT 0 for any free one");
  }
  options.host = std::string(absl::StripPrefix(absl::StripSuffix(host, "]"), "["));
  options.port = static_cast<int>(port);
  return options;
}

// Empty is what was not said.
const CLI::Validator& HostPort() {
  static const auto& validator = *new CLI::Validator(
      [](const std::string& value) {
        if (value.empty()) return std::string();
        return std::string(absl::StripPrefix(ParseListen("", value).status().message(), ": "));
      },
      "HOST:PORT");
  return validator;
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

absl::StatusOr<HostAndPort> CheckListen(const ServeOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(HostAndPort listen, ParseListen("--listen", options.listen));
  if (!options.dev_loopback) return listen;
  if (listen.host == "localhost") listen.host = "127.0.0.1";
  if (!IsLoopback(listen.host)) {
    return InvalidField("--listen", options.listen,
                        "an address of this machine alone (127.0.0.1, [::1]): with "
                        "--dev-loopback it speaks plain text, which must not leave it");
  }
  return listen;
}

// How devices reach a listener: as the operator says, else by the server's name, else where it
// listens, if that is one address.
absl::StatusOr<std::string> AddressFor(const char* option, const std::string& said,
                                       const ServeOptions& options, const HostAndPort& listen,
                                       int port) {
  if (!said.empty()) {
    DOORSTEP_RETURN_IF_ERROR(ParseListen(option, said).status());
    return said;
  }
  if (!options.authority.names.empty()) return ListenAddress(options.authority.names[0], port);
  if (listen.host == "0.0.0.0" || listen.host == "::") {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": got none, wanted the HOST:PORT by which devices reach ",
                     listen.host, " (or --name HOST)"));
  }
  return ListenAddress(listen.host, port);
}

// What goes with TLS: the authority, and the listener where devices enrol.
struct Secured {
  std::unique_ptr<Authority> authority;
  std::unique_ptr<EnrolmentListener> listener;
  std::unique_ptr<EnrolmentCore> core;

  ~Secured() {
    if (listener != nullptr) listener->Stop(0);  // before what it calls
  }
};

absl::StatusOr<std::unique_ptr<Authority>> OpenAuthority(const GlobalOptions& global,
                                                         const ServeOptions& options,
                                                         Tenants& tenants) {
  DOORSTEP_RETURN_IF_ERROR(SpeakOnlyTls13());
  AuthorityOptions authority = options.authority;
  authority.directory = IdentityDirectory(global.data_dir);
  return Authority::Open(authority, tenants.clock().Read().wall_ms, tenants.entropy());
}

// After the main listener has its port, which every certificate goes with.
absl::Status StartEnrolment(const GlobalOptions& global, const ServeOptions& options,
                            const HostAndPort& main, int main_port, Tenants& tenants,
                            Secured* secured) {
  const Authority& authority = *secured->authority;
  DOORSTEP_ASSIGN_OR_RETURN(const HostAndPort listen,
                            ParseListen("--enrol-listen", options.enrol_listen));
  DOORSTEP_ASSIGN_OR_RETURN(
      secured->listener,
      EnrolmentListener::Start(
          {listen.host, listen.port, {authority.server_chain(), authority.server_key(), ""}}));
  const int port = secured->listener->port();
  PublicFace face;
  face.server_name = authority.server_name();
  face.fingerprint = authority.fingerprint();
  DOORSTEP_ASSIGN_OR_RETURN(face.address,
                            AddressFor("--address", options.address, options, main, main_port));
  DOORSTEP_ASSIGN_OR_RETURN(
      face.enrolment_address,
      AddressFor("--enrol-address", options.enrol_address, options, listen, port));
  secured->core = std::make_unique<EnrolmentCore>(
      &tenants, &authority,
      EnrolmentOptions{face.address, face.enrolment_address, options.certificate_days * kMsPerDay});
  secured->listener->Serve(secured->core.get());
  spdlog::info("enrolment on {}:{}, authority SHA-256 {}", listen.host, port,
               ToHex(face.fingerprint));
  return WritePublicFace(global.data_dir, face);
}

absl::Status CheckKey(const TenantsOptions& tenants, const ServeOptions& options) {
  if (!tenants.sqlite.key.empty() || options.dev_loopback) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "serve: got no key for the databases, wanted --key-file or --key-command, or --dev-loopback");
}

// While somebody looks: a device is told no key rather than that.
absl::Status CheckRecoveryKeys(const Tenants& tenants) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, tenants.List());
  for (const std::string& name : names) {
    DOORSTEP_RETURN_IF_ERROR(tenants.RecoveryKey(name).status());
  }
  return absl::OkStatus();
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::StatusOr<int> Serve(const GlobalOptions& global, const ServeOptions& options) {
  SetLogFormat(options.log_format);
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(global));
  DOORSTEP_ASSIGN_OR_RETURN(const HostAndPort listen, CheckListen(options));
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions tenants, TenantsOptionsOf(global));
  DOORSTEP_RETURN_IF_ERROR(CheckKey(tenants, options));
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
  DOORSTEP_RETURN_IF_ERROR(CheckNoRestoreHalfDone(global.data_dir));
  // Before any thread starts, so that all of them inherit it and only sigwait below hears.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  SyncCore core(tenants, options.dev_loopback ? Callers::kAnyone : Callers::kEnrolled);
  DOORSTEP_RETURN_IF_ERROR(core.tenants().Ensure(kDefaultTenant).status());
  DOORSTEP_RETURN_IF_ERROR(CheckRecoveryKeys(core.tenants()));
  GrpcServerOptions main;
  main.host = listen.host;
  main.port = listen.port;
  Secured secured;
  if (!options.dev_loopback) {
    DOORSTEP_ASSIGN_OR_RETURN(secured.authority, OpenAuthority(global, options, core.tenants()));
    main.tls = TlsOptions{secured.authority->server_chain(), secured.authority->server_key(),
                          secured.authority->certificate()};
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> server,
                            GrpcServer::Start(&core, main));
  if (!options.dev_loopback) {
    DOORSTEP_RETURN_IF_ERROR(
        StartEnrolment(global, options, listen, server->port(), core.tenants(), &secured));
  }
  if (!options.port_file.empty()) {
    DOORSTEP_RETURN_IF_ERROR(
        WriteFileAtomically(options.port_file, absl::StrCat(server->port(), "\n"), 0644));
  }
  if (tenants.sqlite.key.empty()) spdlog::warn("the databases are not encrypted: no --key-file");
  spdlog::info("listening on {}:{}, {}", listen.host, server->port(),
               options.dev_loopback ? "plain text, this machine only"
                                    : "TLS 1.3, devices by their certificates");
  int signal = 0;
  while (sigwait(&signals, &signal) == EINTR) {
  }
  spdlog::info("{}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  if (secured.listener != nullptr) secured.listener->Stop(kDrainMs);
  server->Stop(kDrainMs);
  spdlog::info("stopped");
  return kExitOk;
}

}  // namespace

void AddServe(CLI::App* app, const GlobalOptions* global, Command* chosen) {
  CLI::App* serve = app->add_subcommand("serve", "Serve devices until SIGTERM or SIGINT");
  auto options = std::make_shared<ServeOptions>();
  serve->add_option("--listen", options->listen, "HOST:PORT; port 0 takes any free one")
      ->check(HostPort())
      ->capture_default_str();
  serve
      ->add_option("--enrol-listen", options->enrol_listen,
                   "HOST:PORT where devices enrol and renew their certificates")
      ->check(HostPort())
      ->capture_default_str();
  serve
      ->add_option("--name", options->authority.names,
                   "A host name or address of this server, for its certificate; repeat for more")
      ->expected(1)
      ->take_all();
  serve
      ->add_option("--address", options->address,
                   "HOST:PORT by which devices reach --listen; default: by --name, else as it is")
      ->check(HostPort());
  serve->add_option("--enrol-address", options->enrol_address, "The same of --enrol-listen")
      ->check(HostPort());
  serve->add_option("--ca-cert", options->authority.ca_cert,
                    "A certificate authority of yours (PEM), instead of the server's own");
  serve->add_option("--ca-key", options->authority.ca_key, "Its key (PEM, no passphrase)");
  serve->add_option(
      "--server-cert", options->authority.server_cert,
      "A certificate for this server from that authority (PEM, with what is between)");
  serve->add_option("--server-key", options->authority.server_key, "Its key (PEM)");
  serve
      ->add_option("--certificate-days", options->certificate_days,
                   "How long a device's certificate is valid; devices renew it themselves")
      ->check(CLI::Range(int64_t{1}, kMaxCertificateDays))
      ->capture_default_str();
  serve->add_option("--port-file", options->port_file,
                    "Written with the port once the server listens");
  serve->add_flag("--dev-loopback", options->dev_loopback,
                  "Plain text and no certificates, for programs on this machine only");
  serve->add_option("--log-format", options->log_format, "text, or json: an object on each line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  serve->footer(
      "Example: doorstep-server serve --data /srv/doorstep --listen 0.0.0.0:7400 --enrol-listen "
      "0.0.0.0:7401 --name records.example.org");
  serve->callback([=] { *chosen = [=] { return Serve(*global, *options); }; });
}

}  // namespace doorstep::server
