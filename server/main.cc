// doorstep-server: serves devices, and the operator's commands.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "server/audit/command_audit.h"
#include "server/audit_commands.h"
#include "server/backup_commands.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/device_commands.h"
#include "server/key_commands.h"
#include "server/measure_command.h"
#include "server/quarantine_commands.h"
#include "server/record_commands.h"
#include "server/schema_commands.h"
#include "server/serve.h"

namespace doorstep::server {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 exists already, 5 faults found,\n"
    "6 a schema that breaks a rule.\n"
    "serve, site add and user add make DIR and the tenant \"default\" if they are not there.\n"
    "Example: doorstep-server site add --id rose-court --name \"Rose Court\" --data /srv/doorstep";

// Also of a command line that does not parse.
bool AskedForJson(int argc, char** argv) {
  const absl::Span<char* const> words(argv, static_cast<size_t>(argc));
  return std::any_of(words.begin(), words.end(),
                     [](absl::string_view word) { return word == "--json"; });
}

// Tells of an error, to programs as `doorstep` does, and returns its exit code.
int Fail(const absl::Status& status, bool json) {
  const int code = ExitCodeOf(status);
  const std::string message(status.message());
  if (json) {
    const nlohmann::json error = {{"error",
                                   {{"code", absl::StatusCodeToString(status.code())},
                                    {"message", message},
                                    {"exit", code}}}};
    const std::string line = error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::fprintf(stderr, "%s\n", line.c_str());
  } else {
    std::fprintf(stderr, "doorstep-server: %s\n", message.c_str());
  }
  return code;
}

void AddEverything(CLI::App* app, GlobalOptions* options, Command* chosen) {
  app->require_subcommand(1);
  app->fallthrough();
  app->add_option("--data", options->data_dir, "The data directory")->envname("DOORSTEP_DATA");
  app->add_option("--tenant", options->tenant, "The tenant")->capture_default_str();
  app->add_flag("--json", options->json, "Print results as JSON");
  app->add_option("--key-file", options->key_file,
                  "The databases' key: 32 bytes or 64 hexadecimal digits, mode 0600")
      ->envname("DOORSTEP_KEY_FILE");
  app->add_option("--key-command", options->key_command, "A shell command that prints it instead")
      ->envname("DOORSTEP_KEY_COMMAND");
  AddServe(app, options, chosen);
  AddCommands(app, options, chosen);
  AddDeviceCommands(app, options, chosen);
  AddKeyCommands(app, options, chosen);
  AddSchemaCommands(app, options, chosen);
  AddMeasureCommand(app, options, chosen);
  AddQuarantineCommands(app, options, chosen);
  AddRecordCommands(app, options, chosen);
  AddAuditCommands(app, options, chosen);
  AddBackupCommands(app, options, chosen);
}

// Another set of the same, for what is only tried.
void AddForTrial(CLI::App* app) {
  static auto& options = *new GlobalOptions;
  static auto& chosen = *new Command;
  AddEverything(app, &options, &chosen);
}

int Main(int argc, char** argv) {
  // No core dump: it would have keys and records in it.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // Standard output belongs to results.
  spdlog::set_default_logger(spdlog::stderr_logger_mt("doorstep-server"));
  CLI::App app("Doorstep's server: offline-first records, one truth", "doorstep-server");
  app.footer(kFooter);
  GlobalOptions options;
  Command chosen;
  AddEverything(&app, &options, &chosen);
  AddConfig(&app, &options, &chosen, AddForTrial);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    if (AskedForJson(argc, argv)) {
      return Fail(absl::InvalidArgumentError(absl::StrCat(error.what(), " (see --help)")), true);
    }
    app.exit(error);
    return kExitUsage;
  }
  const absl::StatusOr<int> result = RunAudited(options, CommandLineOf(app), chosen);
  return result.ok() ? *result : Fail(result.status(), options.json);
}

}  // namespace
}  // namespace doorstep::server

int main(int argc, char** argv) { return doorstep::server::Main(argc, argv); }
