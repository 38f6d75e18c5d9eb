// What every command of `doorstep` shares: the global options, the exit codes, opening the replica.
#ifndef TOOLS_DOORSTEP_COMMAND_H_
#define TOOLS_DOORSTEP_COMMAND_H_

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/replica.h"

namespace doorstep::cli {

// Part of the contract with scripts; README.md lists them.
enum ExitCode : int {
  kOk = 0,
  kError = 1,          // anything without a code of its own
  kUsage = 2,          // the command line or the input is wrong
  kMissing = 3,        // no such replica, record, kind or case
  kNeedsDecision = 4,  // two versions stand: somebody must decide first
  kNoLink = 5,         // the server cannot be reached; what was captured is safe
  kBusy = 6,           // another process is at it: try again
  kDamaged = 7,        // the replica is damaged and was set aside
  kForbidden = 8,      // the file system, or the server, refuses
};
int ExitCodeOf(const absl::Status& status);

struct Globals {
  std::string replica;  // --replica, else DOORSTEP_REPLICA
  bool json = false;
  std::string user;      // --user; empty = the replica's, or the only one who opens it
  std::string pin_file;  // --pin-file, else DOORSTEP_PIN_FILE

  // kInvalidArgument when no directory is named.
  absl::Status CheckReplica() const;
  // Whether people open the replica, as far as its keyring can be read.
  bool WantsPin() const;
  // Who opens the replica; asks for a PIN where one is needed and no file is named, once.
  absl::StatusOr<Environment> Opening() const;
  absl::StatusOr<std::unique_ptr<Replica>> Open() const;

  mutable std::string pin;  // once it is known
};

// Registers a group of commands; each, when chosen, stores its result in *exit_code.
void AddReplicaCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddOutboxCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddPeopleCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddRecordCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddConflictCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddDueCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddDuplicateCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddRescuedCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddSearchCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddTransferCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddAttachmentCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddWhyCommands(CLI::App& app, Globals& globals, int* exit_code);
void AddSchemaCommands(CLI::App& app, Globals& globals, int* exit_code);

// The bytes of a schema file. kInvalidArgument when it cannot be read.
absl::StatusOr<std::string> ReadSchemaFile(const std::string& file);

// Whether --json stands on a command line, also on one that does not parse.
bool AskedForJson(int argc, char** argv);
// What is wrong with the command line, and for which command: kInvalidArgument.
absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error);

// Prints an error (as JSON with --json) to standard error and returns its exit code.
int Fail(const Globals& globals, const absl::Status& error_status);
// The same over conflicts that stand in the way: shows them, with the commands that work. None of
// them: as Fail.
int FailOver(const Globals& globals, const absl::Status& error_status,
             const std::vector<Conflict>& conflicts);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_COMMAND_H_
