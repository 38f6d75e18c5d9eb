// `doorstep`: a replica from the command line.
#include <sys/resource.h>

#include <string>

#include "CLI/CLI.hpp"
#include "doorstep/grpc_transport.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/enrol_commands.h"
#include "tools/doorstep/pin.h"

int main(int argc, char** argv) {
  using doorstep::cli::Globals;

  // No core dump: it would have keys and records in it. (PR_SET_DUMPABLE would take /dev/fd/N too.)
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  Globals globals;
  int exit_code = 0;
  // First of all: before anything makes a connection.
  if (const absl::Status only = doorstep::UseOnlyTls13(); !only.ok()) {
    return Fail(globals, only);
  }
  CLI::App app(
      "Doorstep: records captured offline on this device, handed over when there is a link.\n"
      "Every command works without the network, except sync and the server's part of history.");
  app.name("doorstep");
  app.add_option("--replica", globals.replica, "The replica's directory")
      ->envname("DOORSTEP_REPLICA")
      ->type_name("DIR");
  app.add_flag("--json", globals.json, "Print JSON for machines");
  app.add_option("--user", globals.user,
                 "Who is doing this, and opens the replica (default: the user given to init)")
      ->type_name("NAME");
  app.add_option("--pin-file", globals.pin_file,
                 "Your PIN or passphrase: the first line of FILE, - for standard input (default: "
                 "asked for where one is needed)")
      ->envname("DOORSTEP_PIN_FILE")
      ->type_name("FILE");
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(
      "Example, a home visit:\n"
      "  export DOORSTEP_REPLICA=~/peter-tablet\n"
      "  doorstep init --server 127.0.0.1:7400 --site north-team --device tablet-7 --user 'A "
      "Khan'\n"
      "  P=$(echo '{\"name\":\"Peter\"}' | doorstep add Person - --file new)\n"
      "  echo '{\"subjects\":[\"'$P'\"],\"barriers\":[\"STAFFING\"]}' | doorstep add CaseStudy -\n"
      "  doorstep sync && doorstep conflicts\n"
      "Exit codes: 0 done; 1 error; 2 wrong input; 3 not found; 4 two versions stand, decide "
      "first;\n"
      "5 no link (nothing is lost); 6 busy, try again; 7 replica damaged, set aside; 8 refused.");

  doorstep::cli::AddReplicaCommands(app, globals, &exit_code);
  doorstep::cli::AddOutboxCommands(app, globals, &exit_code);
  doorstep::cli::AddPeopleCommands(app, globals, &exit_code);
  doorstep::cli::AddRecordCommands(app, globals, &exit_code);
  doorstep::cli::AddConflictCommands(app, globals, &exit_code);
  doorstep::cli::AddDueCommands(app, globals, &exit_code);
  doorstep::cli::AddDuplicateCommands(app, globals, &exit_code);
  doorstep::cli::AddRescuedCommands(app, globals, &exit_code);
  doorstep::cli::AddSearchCommands(app, globals, &exit_code);
  doorstep::cli::AddTransferCommands(app, globals, &exit_code);
  doorstep::cli::AddAttachmentCommands(app, globals, &exit_code);
  doorstep::cli::AddWhyCommands(app, globals, &exit_code);
  doorstep::cli::AddSchemaCommands(app, globals, &exit_code);
  doorstep::cli::AddEnrolCommands(app, globals, &exit_code);

  // The first line of standard input, before a command reads the rest.
  app.parse_complete_callback([&] {
    if (globals.pin_file != "-" || (!app.got_subcommand("init") && !globals.WantsPin())) return;
    globals.pin = doorstep::cli::ReadPin("-").value_or("");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0 && doorstep::cli::AskedForJson(argc, argv)) {
      globals.json = true;
      return Fail(globals, doorstep::cli::UsageError(app, error));
    }
    return app.exit(error) == 0 ? 0 : doorstep::cli::kUsage;
  }
  return exit_code;
}
