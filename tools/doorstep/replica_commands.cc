// init, status, digest, sync: the replica as a whole.
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "doorstep/enrolment.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/news.h"
#include "doorstep/replica.h"
#include "doorstep/sync_loop.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/enrol_commands.h"
#include "tools/doorstep/output.h"
#include "tools/doorstep/pin.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

constexpr int64_t kMsPerSecond = 1'000;
constexpr size_t kRecoveryKeyDigits = 64;

volatile std::sig_atomic_t interrupted = 0;

// Ctrl-C ends a sync between two batches, so that the last one is kept.
void StopOnInterrupt() {
  std::signal(SIGINT, [](int) {
    if (interrupted != 0) _exit(130);
    interrupted = 1;
  });
}

// With a code, what is said is said of the enrolment.
int Init(const Globals& globals, InitOptions options, const std::string& code) {
  if (globals.replica.empty()) {
    return Fail(globals, absl::InvalidArgumentError(
                             "no directory named: give --replica DIR or set DOORSTEP_REPLICA"));
  }
  if (!globals.pin_file.empty()) {
    if (globals.pin.empty()) {
      auto pin = ReadPin(globals.pin_file);
      if (!pin.ok()) return Fail(globals, pin.status());
      globals.pin = *std::move(pin);
    }
    options.environment.unlock = {globals.user, globals.pin};
  }
  const absl::Status made = Replica::Init(globals.replica, options);
  if (!made.ok()) return Fail(globals, made);
  if (!code.empty()) return EnrolReplica(globals, code);
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto status = (*replica)->Status();
  if (!status.ok()) return Fail(globals, status.status());
  if (globals.json) {
    PrintJson({{"replica", globals.replica},
               {"device", status->device},
               {"site", status->site},
               {"site_file", status->site_file}});
  } else {
    std::cout << "Ready: " << globals.replica << " for " << options.user << " at " << options.site
              << ". Record at once; sync when there is a link.\n";
  }
  return kOk;
}

// What the code says, where the command line does not.
absl::Status TakeOffer(const std::string& code, InitOptions* options) {
  const absl::StatusOr<EnrolmentOffer> offer = ReadEnrolmentCode(code);
  if (!offer.ok()) return offer.status();
  options->tenant = offer->tenant;
  options->site = offer->site;
  if (options->device_name.empty()) options->device_name = offer->device_name;
  return absl::OkStatus();
}

int PrintStatus(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto status = (*replica)->Status();
  if (!status.ok()) return Fail(globals, status.status());
  const auto news = ListNews(**replica);
  if (!news.ok()) return Fail(globals, news.status());
  if (globals.json) {
    nlohmann::json out = ToJson(*status);
    out["news"] = news->size();
    PrintJson(out);
    return kOk;
  }
  std::cout << status->device_name << " at " << status->site << ", used by " << status->user << "\n"
            << "  records          " << status->records;
  if (!status->complete && status->up_to_date_at_ms == 0 && status->expected_records > 0) {
    std::cout << " of about " << status->expected_records << " (first sync not finished)";
  }
  std::cout << "\n  opens with       ";
  if (status->people.empty()) std::cout << "this device alone: whoever has it can read everything";
  for (size_t i = 0; i < status->people.size(); ++i) {
    std::cout << (i == 0 ? "the PIN or passphrase of " : ", ") << status->people[i];
  }
  std::cout << "\n  up to date at    " << WhenText(status->up_to_date_at_ms)
            << "\n  waiting to send  " << status->waiting << "\n  needs you        "
            << status->needs_you << "\n  two versions     " << status->conflicts
            << "\n  notices          " << status->notices << "\n  attachments      "
            << status->attachments_waiting << " waiting to send";
  if (status->attachments_waiting > 0) {
    std::cout << " (" << BytesText(status->attachment_bytes_waiting) << ")";
  }
  std::cout << "\n  news             " << news->size() << "\n";
  if (status->waiting > 0) std::cout << "Send with: doorstep sync\n";
  if (status->needs_you > 0) std::cout << "See what needs you: doorstep outbox\n";
  if (status->conflicts > 0) std::cout << "Decide with: doorstep conflicts\n";
  if (!news->empty()) std::cout << "Something that you should know: doorstep news\n";
  if (status->notices > 0) std::cout << "See what became of your versions: doorstep notices\n";
  return kOk;
}

int PrintDigest(const Globals& globals, bool verify) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto digest = (*replica)->Digest(verify);
  if (!digest.ok()) return Fail(globals, digest.status());
  if (globals.json) {
    PrintJson(ToJson(*digest));
    return kOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const CompartmentInfo& c : digest->compartments) {
    rows.push_back({c.file, c.tier, absl::StrCat(c.records), c.digest});
  }
  PrintTable({"record of", "tier", "records", "digest"}, rows);
  std::cout << "all, at checkpoint " << digest->checkpoint << ": " << digest->digest << "\n";
  return kOk;
}

absl::StatusOr<SyncResult> SyncOnce(Replica& replica, Transport& transport,
                                    const AttachmentLimits& attachments) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  SyncOptions options;
  options.attachments = attachments;
  options.progress = [&](const SyncProgress& p) {
    if (terminal) {
      std::cerr << "\r\x1b[Ksent " << p.changes_sent << " of " << p.changes_to_send << ", received "
                << p.records_received;
      if (p.records_to_receive > 0) std::cerr << " of about " << p.records_to_receive;
      if (p.step == SyncProgress::Step::kAttachments) {
        std::cerr << "; attachments: sent " << BytesText(p.attachment_bytes_sent) << " of "
                  << BytesText(p.attachment_bytes_to_send) << ", received "
                  << BytesText(p.attachment_bytes_received) << " of "
                  << BytesText(p.attachment_bytes_to_receive);
      }
    }
    return interrupted == 0;
  };
  auto result = replica.Sync(transport, options);
  if (terminal) std::cerr << "\r\x1b[K";
  return result;
}

void PrintResult(const Globals& globals, Replica& replica, const SyncResult& result) {
  if (globals.json) {
    PrintJson(ToJson(result));
    return;
  }
  std::cout << "Sent " << result.totals.changes_sent << ", received "
            << result.totals.records_received << " records. ";
  if (result.repaired) std::cout << "Every record was received again, to be sure. ";
  if (result.totals.attachment_bytes_sent > 0) {
    std::cout << "Attachments: " << BytesText(result.totals.attachment_bytes_sent) << " sent. ";
  }
  if (result.totals.attachment_bytes_received > 0) {
    std::cout << "Attachments: " << BytesText(result.totals.attachment_bytes_received)
              << " received. ";
  }
  const uint64_t needs = result.held + result.rejected;
  if (needs > 0) std::cout << needs << " need you (doorstep outbox). ";
  if (auto status = replica.Status(); status.ok() && status->conflicts > 0) {
    std::cout << status->conflicts << " with two versions (doorstep conflicts). ";
  }
  if (auto status = replica.Status(); status.ok() && status->notices > 0) {
    std::cout << status->notices << " of your versions met others (doorstep notices). ";
  }
  if (auto news = ListNews(replica); news.ok() && !news->empty()) {
    std::cout << "There is something that you should know (doorstep news). ";
  }
  std::cout << (result.waiting == 0 ? "Nothing is waiting to send.\n"
                                    : absl::StrCat(result.waiting, " still waiting to send.\n"));
}

// Told to somebody who keeps this running: what was done, or what is in the way and until when.
void PrintAttempt(const Globals& globals, Replica& replica, const SyncAttempt& attempt) {
  if (attempt.result.ok()) {
    PrintResult(globals, replica, *attempt.result);
    std::cout.flush();
    return;
  }
  const absl::Status& status = attempt.result.status();
  if (attempt.next_ms == 0) return;  // it ends with that
  if (globals.json) {
    const json line = {{"error",
                        {{"code", absl::StatusCodeToString(status.code())},
                         {"message", std::string(status.message())},
                         {"next_ms", attempt.next_ms}}}};
    std::cerr << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  } else {
    std::cerr << "doorstep: " << status.message()
              << ". What you recorded is safe here; trying again in "
              << (attempt.next_ms + kMsPerSecond - 1) / kMsPerSecond << " s" << std::endl;
  }
}

// Until Ctrl-C, or something that trying again does not mend.
int Watch(const Globals& globals, const std::string& server, const AttachmentLimits& attachments) {
  auto replica = globals.Open();  // for what is printed
  if (!replica.ok()) return Fail(globals, replica.status());
  // Signals come to the thread below, and to no other.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  SyncLoopOptions options;
  options.attachments = attachments;
  auto environment = globals.Opening();
  if (!environment.ok()) return Fail(globals, environment.status());
  options.environment = *std::move(environment);
  options.on_attempt = [&](const SyncAttempt& attempt) {
    PrintAttempt(globals, **replica, attempt);
  };
  auto loop = SyncLoop::Start(
      globals.replica, [&] { return MakeGrpcTransport(server); }, options);
  if (!loop.ok()) return Fail(globals, loop.status());
  std::thread stopper([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    (*loop)->Cancel();
  });
  const absl::Status ended = (*loop)->Wait();
  pthread_kill(stopper.native_handle(), SIGUSR1);
  stopper.join();
  return absl::IsCancelled(ended) ? kOk : Fail(globals, ended);
}

int Sync(const Globals& globals, std::string server, bool watch,
         const AttachmentLimits& attachments) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  if (server.empty()) {
    auto status = (*replica)->Status();
    if (!status.ok()) return Fail(globals, status.status());
    server = status->server;
  }
  if (server.empty()) {
    return Fail(globals, absl::InvalidArgumentError(
                             "no server known: give --server HOST:PORT (here, or to init)"));
  }
  if (watch) return Watch(globals, server, attachments);
  StopOnInterrupt();
  std::unique_ptr<Transport> transport = MakeGrpcTransport(server);
  auto result = SyncOnce(**replica, *transport, attachments);
  if (result.ok()) {
    PrintResult(globals, **replica, *result);
    return kOk;
  }
  const absl::Status& status = result.status();
  if (status.code() != absl::StatusCode::kUnavailable) return Fail(globals, status);
  return Fail(globals,
              absl::UnavailableError(absl::StrCat(
                  status.message(), ". What you recorded is safe here; sync again later")));
}

}  // namespace

void AddReplicaCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* init = app.add_subcommand("init", "Make a replica on this device; needs no network");
  auto init_options = std::make_shared<InitOptions>();
  init->add_option("--server", init_options->server, "Where to sync with later")
      ->type_name("HOST:PORT");
  init->add_option("--site", init_options->site,
                   "The team or home that this device belongs to; required without --enrol");
  init->add_option("--device", init_options->device_name,
                   "The device's name, as a manager sees it; required without --enrol");
  auto code = std::make_shared<std::string>();
  init->add_option("--enrol", *code,
                   "A code of your administrator's, which names site, device and organisation; - "
                   "reads it from standard input. Needs the network");
  init->add_option("--tenant", init_options->tenant, "The organisation")->capture_default_str();
  auto recovery = std::make_shared<std::string>();
  init->add_option(
          "--recovery-key", *recovery,
          "The organisation's (doorstep-server recovery show); else the server may tell it")
      ->type_name("HEX");
  auto schema = std::make_shared<std::string>();
  init->add_option("--schema", *schema, "A schema file of its own, instead of the program's")
      ->type_name("FILE");
  init->footer(
      "Example: doorstep --replica ~/tablet init --server 127.0.0.1:7400 --site rose-court "
      "--device tablet-2 --user 'J Price'\n"
      "     or: doorstep --replica ~/tablet init --enrol DOORSTEP-AHC7… --user 'J Price'\n"
      "With --pin-file only that PIN opens it, from the beginning; else whoever has the device, "
      "until doorstep people add.");
  init->callback([=, &globals] {
    init_options->user = globals.user;
    if (!code->empty()) {
      *code = ReadCode(*code);
      const absl::Status offered = TakeOffer(*code, init_options.get());
      if (!offered.ok()) {
        *exit_code = Fail(globals, offered);
        return;
      }
    } else if (init_options->site.empty() || init_options->device_name.empty()) {
      *exit_code =
          Fail(globals,
               absl::InvalidArgumentError("--site and --device are required (or --enrol CODE)"));
      return;
    }
    if (globals.user.empty()) {
      *exit_code = Fail(globals, absl::InvalidArgumentError("--user is required"));
      return;
    }
    if (!recovery->empty()) {
      if (recovery->size() != kRecoveryKeyDigits ||
          recovery->find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        *exit_code = Fail(globals, absl::InvalidArgumentError(
                                       absl::StrCat("--recovery-key: got ", recovery->size(),
                                                    " characters, wanted 64 hexadecimal digits")));
        return;
      }
      init_options->recovery_key = absl::HexStringToBytes(*recovery);
    }
    if (!schema->empty()) {
      auto bytes = ReadSchemaFile(*schema);
      if (!bytes.ok()) {
        *exit_code = Fail(globals, bytes.status());
        return;
      }
      init_options->descriptor_set = *std::move(bytes);
    }
    *exit_code = Init(globals, *init_options, *code);
  });

  auto* status = app.add_subcommand("status", "What this replica holds and what is outstanding");
  status->footer("Example: doorstep status --json");
  status->callback([=, &globals] { *exit_code = PrintStatus(globals); });

  auto* digest = app.add_subcommand("digest", "Digests: equal on replicas that hold the same");
  auto verify = std::make_shared<bool>(false);
  digest->add_flag("--verify", *verify, "Compute them anew from the rows");
  digest->footer("Example: doorstep digest --json   (names compartments and checkpoint only)");
  digest->callback([=, &globals] { *exit_code = PrintDigest(globals, *verify); });

  auto* sync = app.add_subcommand("sync", "Hand over what waits, receive what is new");
  auto server = std::make_shared<std::string>();
  auto watch = std::make_shared<bool>(false);
  sync->add_option("--server", *server, "Instead of the one given to init")->type_name("HOST:PORT");
  sync->add_flag("--watch", *watch,
                 "Stay, sync whenever something changes here or there, and "
                 "try again when the link is lost");
  auto attachments = std::make_shared<AttachmentLimits>();
  // The library takes -1 for the largest number there is. What is added last looks first.
  const CLI::Validator not_negative(
      [](std::string& text) {
        return text.front() == '-' ? absl::StrCat("got ", text, ", wanted no less than 0")
                                   : std::string();
      },
      "");
  auto* none = sync->add_flag("--no-attachments", attachments->none, "Records only");
  sync->add_flag("--asked-attachments", attachments->only_asked,
                 "Of attachments only those that somebody asked for")
      ->excludes(none);
  sync->add_option("--unasked", attachments->unasked_bytes,
                   "The largest attachment that comes unasked")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->transform(not_negative)
      ->capture_default_str()
      ->excludes(none);
  sync->add_option("--budget", attachments->budget_bytes,
                   "Of attachments, both ways, in one sync; 0 = no limit")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->transform(not_negative)
      ->capture_default_str()
      ->excludes(none);
  sync->footer(
      "Example: doorstep sync   (Ctrl-C stops between batches; nothing received is lost)\n"
      "         doorstep sync --watch --unasked 200kB --budget 5MB   (kB 1000, KiB 1024)");
  sync->callback([=, &globals] { *exit_code = Sync(globals, *server, *watch, *attachments); });
}

}  // namespace doorstep::cli
