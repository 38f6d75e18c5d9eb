// The commands `device list`, `device invite`, `device revoke` and `device reinstate`.
#ifndef SERVER_DEVICE_COMMANDS_H_
#define SERVER_DEVICE_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddDeviceCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_DEVICE_COMMANDS_H_
