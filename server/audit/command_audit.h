// That an operator's command is in the audit of its tenant before it does anything.
#ifndef SERVER_AUDIT_COMMAND_AUDIT_H_
#define SERVER_AUDIT_COMMAND_AUDIT_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/commands.h"

namespace doorstep::server {

// A parsed command line, as the audit tells it.
struct CommandLine {
  std::string verb;   // "device revoke"
  std::string about;  // "--site=rose-court --name=Tablet 2"
  // The tenant that it makes by name; empty: it is about the one that --tenant names.
  std::string makes;
  // It is about all tenants of the directory, whatever --tenant names.
  bool everywhere = false;
  // It puts other database files in place: those that were there may open no more, and those that
  // are there afterwards may have the key of these (see GlobalOptions).
  bool replaces = false;
  std::string new_key_file;
  std::string new_key_command;
};

// Of `app` after parsing. Options that stand before any command (--data, --json) are left out.
CommandLine CommandLineOf(const CLI::App& app);

// Runs it. An entry stands in the audit of the tenant before, and another one after it if it
// failed; of a command that is about all tenants, in the audit of each. A command that makes the
// tenant is noted after it, and so is one that replaces databases.
// What else cannot be noted is not done.
// Commands that only show settings or counts of work, and `serve`, are not noted.
absl::StatusOr<int> RunAudited(const GlobalOptions& options, const CommandLine& line,
                               const Command& command);

}  // namespace doorstep::server

#endif  // SERVER_AUDIT_COMMAND_AUDIT_H_
