// The operator's commands about the audit.
#ifndef SERVER_AUDIT_COMMANDS_H_
#define SERVER_AUDIT_COMMANDS_H_

#include "server/commands.h"

namespace doorstep::server {

// As AddCommands (commands.h).
void AddAuditCommands(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_AUDIT_COMMANDS_H_
