#include "server/audit/command_audit.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "server/audit/audit.h"
#include "server/tenants.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// They change nothing and show nothing that was recorded about anybody. `serve` runs for months:
// the calls that it answers are noted one by one.
constexpr absl::string_view kNotNoted[] = {
    "serve",          "tenant list",   "site list",     "user list",      "device list",
    "status",         "shift",         "schema check",  "schema list",    "schema save",
    "audit list",     "audit verify",  "audit head",    "history verify", "config check",
    "config example", "backup keygen", "backup verify", "recovery show",
};

// The account that runs the program.
std::string OperatorName() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return absl::StrCat("operator ", found->pw_name);
  }
  return absl::StrCat("operator #", geteuid());
}

// False: there is no such tenant (yet). Nothing stays open: commands may want the database to
// themselves.
absl::StatusOr<bool> NoteCommand(const GlobalOptions& options, const CommandLine& line,
                                 std::string outcome) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  Tenants tenants(all);
  std::vector<std::string> names = {line.makes.empty() ? options.tenant : line.makes};
  if (line.everywhere) {
    DOORSTEP_ASSIGN_OR_RETURN(names, tenants.List());
  }
  AuditEntry entry;
  entry.time_ms = tenants.clock().Read().wall_ms;
  entry.who = OperatorName();
  entry.verb = line.verb;
  entry.about = line.about;
  entry.outcome = std::move(outcome);
  bool noted = false;
  for (const std::string& name : names) {
    const absl::StatusOr<Tenant*> tenant = tenants.Find(name);
    if (absl::IsNotFound(tenant.status())) continue;
    DOORSTEP_RETURN_IF_ERROR(tenant.status());
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write,
                              (*tenant)->store().Write());
    DOORSTEP_RETURN_IF_ERROR(AppendAudit(entry, *write));
    DOORSTEP_RETURN_IF_ERROR(Annotate(write->Commit(), "audit"));
    noted = true;
  }
  return noted;
}

std::string OutcomeOf(const absl::StatusOr<int>& result) {
  if (!result.ok()) return absl::StatusCodeToString(result.status().code());
  return *result == kExitOk ? "" : absl::StrCat("exit ", *result);
}

// Runs what puts other databases in place, and notes it in whichever is there then.
absl::StatusOr<int> RunThenNote(const GlobalOptions& options, const CommandLine& line,
                                const Command& command) {
  absl::StatusOr<int> result = command();
  GlobalOptions after = options;
  if (!line.new_key_file.empty() || !line.new_key_command.empty()) {
    after.key_file = line.new_key_file;
    after.key_command = line.new_key_command;
  }
  const std::string outcome = OutcomeOf(result);
  const absl::Status noted = NoteCommand(after, line, outcome).status();
  if (noted.ok()) return result;
  if (outcome.empty()) return noted;
  // It failed, so the old key may count still; and what is damaged cannot be written to.
  (void)NoteCommand(options, line, outcome);
  return result;
}

}  // namespace

CommandLine CommandLineOf(const CLI::App& app) {
  CommandLine line;
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    absl::StrAppend(&line.verb, line.verb.empty() ? "" : " ", command->get_name());
  }
  if (command == &app) return line;
  for (const CLI::Option* option : command->get_options()) {
    if (option->count() == 0) continue;
    absl::StrAppend(&line.about, line.about.empty() ? "" : " ", option->get_name());
    // A command that prints a key may have what opens a safe in it.
    if (option->get_name() == "--new-key-command") continue;
    absl::StrAppend(&line.about, "=", absl::StrJoin(option->results(), ","));
  }
  if (line.verb == "tenant add") line.makes = command->get_option("name")->as<std::string>();
  line.everywhere =
      line.verb == "backup create" || line.verb == "backup restore" || line.verb == "rekey";
  line.replaces = line.verb == "backup restore" || line.verb == "rekey";
  if (line.verb == "rekey") {
    line.new_key_file = command->get_option("--new-key-file")->as<std::string>();
    line.new_key_command = command->get_option("--new-key-command")->as<std::string>();
  }
  return line;
}

absl::StatusOr<int> RunAudited(const GlobalOptions& options, const CommandLine& line,
                               const Command& command) {
  if (options.data_dir.empty() || absl::c_linear_search(kNotNoted, line.verb)) return command();
  if (line.replaces) return RunThenNote(options, line, command);
  DOORSTEP_ASSIGN_OR_RETURN(const bool noted, NoteCommand(options, line, ""));
  absl::StatusOr<int> result = command();
  const std::string outcome = OutcomeOf(result);
  // The tenant is new, or the command has failed.
  if (noted == !outcome.empty()) {
    DOORSTEP_RETURN_IF_ERROR(NoteCommand(options, line, outcome).status());
  }
  return result;
}

}  // namespace doorstep::server
