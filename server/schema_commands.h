// The commands `schema check`, `schema push`, `schema list` and `schema save`.
#ifndef SERVER_SCHEMA_COMMANDS_H_
#define SERVER_SCHEMA_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddSchemaCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_SCHEMA_COMMANDS_H_
