// The commands `record seen`, `record withdraw`, `record restore` and `record list`.
#ifndef SERVER_RECORD_COMMANDS_H_
#define SERVER_RECORD_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddRecordCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_RECORD_COMMANDS_H_
