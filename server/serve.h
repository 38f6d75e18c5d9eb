// The command `serve`.
#ifndef SERVER_SERVE_H_
#define SERVER_SERVE_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the command to `app`. Parsing sets *chosen. Borrows all three.
void AddServe(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_SERVE_H_
