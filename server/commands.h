// The operator's commands, all but `serve`.
#ifndef SERVER_COMMANDS_H_
#define SERVER_COMMANDS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/tenants.h"

namespace CLI {
class App;
}

namespace doorstep::server {

// Exit codes of every command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitExists = 4;
inline constexpr int kExitFaults = 5;  // history, audit or backup verify: something was found
inline constexpr int kExitBreaks = 6;  // schema check, schema push: a rule is broken

int ExitCodeOf(const absl::Status& status);

// What stands before or after any command.
struct GlobalOptions {
  std::string data_dir;
  std::string tenant = std::string(kDefaultTenant);
  bool json = false;
  // How the operator gives the key of the databases; both empty: they have none.
  std::string key_file;
  std::string key_command;
};

// What the parsed command line asks for. Returns the exit code; an error becomes one.
using Command = std::function<absl::StatusOr<int>()>;

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

// The tenant that the options name. kNotFound, saying what would make it.
absl::StatusOr<Tenant*> FindTenant(Tenants& tenants, const GlobalOptions& options);

// Refuses to do anything without a data directory.
absl::Status CheckDataDir(const GlobalOptions& options);

// For opening tenants: the data directory, and the key, which is read here.
absl::StatusOr<TenantsOptions> TenantsOptionsOf(const GlobalOptions& options);

// ReadDatabaseKey, but that it asks once in the life of the program: a pipe can be read once, and a
// command may ask somebody. From the main thread only.
absl::StatusOr<std::string> KeyOnce(const std::string& file, const std::string& command);

}  // namespace doorstep::server

#endif  // SERVER_COMMANDS_H_
