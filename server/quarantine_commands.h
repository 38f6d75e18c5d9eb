// The commands `quarantine list`, `quarantine show` and `quarantine close`.
#ifndef SERVER_QUARANTINE_COMMANDS_H_
#define SERVER_QUARANTINE_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddQuarantineCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_QUARANTINE_COMMANDS_H_
