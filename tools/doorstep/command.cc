#include "tools/doorstep/command.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "doorstep/json.h"
#include "doorstep/people.h"
#include "nlohmann/json.hpp"
#include "tools/doorstep/output.h"
#include "tools/doorstep/pin.h"

namespace doorstep::cli {

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kAlreadyExists:
      return kUsage;
    case absl::StatusCode::kNotFound:
      return kMissing;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kNoLink;
    case absl::StatusCode::kAborted:
      return kBusy;
    case absl::StatusCode::kDataLoss:
      return kDamaged;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kForbidden;
    default:
      return kError;
  }
}

absl::Status Globals::CheckReplica() const {
  if (!replica.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "no replica named: give --replica DIR or set DOORSTEP_REPLICA (doorstep init makes one)");
}

bool Globals::WantsPin() const {
  const absl::StatusOr<Openers> openers = WhoOpens(replica);
  return openers.ok() && !openers->people.empty();
}

absl::StatusOr<Environment> Globals::Opening() const {
  if (absl::Status named = CheckReplica(); !named.ok()) return named;
  Environment environment;
  environment.unlock.person = user;
  const absl::StatusOr<Openers> openers = WhoOpens(replica);
  // What is wrong with the keyring is said when the replica is opened.
  if (!openers.ok() || openers->people.empty()) return environment;
  if (environment.unlock.person.empty() && openers->people.size() == 1) {
    environment.unlock.person = openers->people[0].person;
  }
  if (pin.empty()) {
    absl::StatusOr<std::string> given =
        pin_file.empty()
            ? AskPin(absl::StrCat("PIN or passphrase of ", environment.unlock.person), false)
            : ReadPin(pin_file);
    if (!given.ok()) return given.status();
    pin = *std::move(given);
  }
  environment.unlock.secret = pin;
  return environment;
}

absl::StatusOr<std::unique_ptr<Replica>> Globals::Open() const {
  OpenOptions options;
  absl::StatusOr<Environment> environment = Opening();
  if (!environment.ok()) return environment.status();
  options.environment = *std::move(environment);
  return Replica::Open(replica, options);
}

namespace {

// Damage that showed while a record was read: open the replica again with a check, which sets it
// aside and says what to do next.
absl::Status SetAsideIfDamaged(const Globals& globals, const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss || globals.replica.empty()) return status;
  OpenOptions options;
  options.check = true;
  absl::StatusOr<Environment> environment = globals.Opening();
  if (!environment.ok()) return status;
  options.environment = *std::move(environment);
  const auto checked = Replica::Open(globals.replica, options);
  return absl::IsDataLoss(checked.status()) ? checked.status() : status;
}

int PrintError(const Globals& globals, const absl::Status& status, int code) {
  const std::string message(status.message());
  if (globals.json) {
    nlohmann::json error = {{"error",
                             {{"code", absl::StatusCodeToString(status.code())},
                              {"message", message},
                              {"exit", code}}}};
    std::cerr << error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    std::cerr << "doorstep: " << message << "\n";
  }
  return code;
}

}  // namespace

bool AskedForJson(int argc, char** argv) {
  const absl::Span<char* const> words(argv, static_cast<size_t>(argc));
  for (const absl::string_view word : words.subspan(1)) {
    if (word == "--json") return true;
    if (word == "--") return false;
  }
  return false;
}

absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error) {
  std::string command;
  const CLI::App* deepest = &app;
  while (!deepest->get_subcommands().empty()) {
    deepest = deepest->get_subcommands().back();
    absl::StrAppend(&command, command.empty() ? "" : " ", deepest->get_name());
  }
  return absl::InvalidArgumentError(
      absl::StrCat(command, command.empty() ? "" : ": ", error.what(), " (see --help)"));
}

int Fail(const Globals& globals, const absl::Status& error_status) {
  const absl::Status status = SetAsideIfDamaged(globals, error_status);
  return PrintError(globals, status, ExitCodeOf(status));
}

int FailOver(const Globals& globals, const absl::Status& error_status,
             const std::vector<Conflict>& conflicts) {
  if (conflicts.empty()) return Fail(globals, error_status);
  PrintError(globals, error_status, kNeedsDecision);
  if (globals.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const Conflict& conflict : conflicts) list.push_back(ToJson(conflict));
    PrintJson({{"conflicts", list}});
  } else {
    for (const Conflict& conflict : conflicts) PrintConflict(conflict);
  }
  return kNeedsDecision;
}

}  // namespace doorstep::cli
