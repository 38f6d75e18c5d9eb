// The commands `rekey` and `recovery`.
#ifndef SERVER_KEY_COMMANDS_H_
#define SERVER_KEY_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddKeyCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_KEY_COMMANDS_H_
