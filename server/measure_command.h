// The command `measure`.
#ifndef SERVER_MEASURE_COMMAND_H_
#define SERVER_MEASURE_COMMAND_H_

#include "server/commands.h"

namespace doorstep::server {

// Adds the command to `app`. Parsing sets *chosen. Borrows all three.
void AddMeasureCommand(CLI::App* app, const GlobalOptions* options, Command* chosen);

}  // namespace doorstep::server

#endif  // SERVER_MEASURE_COMMAND_H_
