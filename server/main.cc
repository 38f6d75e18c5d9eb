// doorstep-server: serves devices, and the operator's commands.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "server/commands.h"
#include "server/serve.h"

namespace doorstep::server {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 exists already, 5 history faults.\n"
    "serve, site add and user add make DIR and the tenant \"default\" if they are not there.\n"
    "Example: doorstep-server site add --id rose-court --name \"Rose Court\" --data /srv/doorstep";

int Main(int argc, char** argv) {
  // Standard output belongs to results.
  spdlog::set_default_logger(spdlog::stderr_logger_mt("doorstep-server"));
  CLI::App app("Doorstep's server: offline-first records, one truth", "doorstep-server");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  GlobalOptions options;
  app.add_option("--data", options.data_dir, "The data directory")->envname("DOORSTEP_DATA");
  app.add_option("--tenant", options.tenant, "The tenant")->capture_default_str();
  app.add_flag("--json", options.json, "Print results as JSON");
  Command chosen;
  AddServe(&app, &options, &chosen);
  AddCommands(&app, &options, &chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const absl::StatusOr<int> result = chosen();
  if (result.ok()) return *result;
  std::fprintf(stderr, "doorstep-server: %s\n", std::string(result.status().message()).c_str());
  return ExitCodeOf(result.status());
}

}  // namespace
}  // namespace doorstep::server

int main(int argc, char** argv) { return doorstep::server::Main(argc, argv); }
