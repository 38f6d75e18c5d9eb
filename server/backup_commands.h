// The commands about backups.
#ifndef SERVER_BACKUP_COMMANDS_H_
#define SERVER_BACKUP_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the commands to `app`. Parsing sets *chosen. Borrows all three.
void AddBackupCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_COMMANDS_H_
