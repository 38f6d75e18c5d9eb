// enrol, identity: for main, and for init, which may enrol too.
#ifndef TOOLS_DOORSTEP_ENROL_COMMANDS_H_
#define TOOLS_DOORSTEP_ENROL_COMMANDS_H_

#include <string>

#include "tools/doorstep/command.h"

namespace doorstep::cli {

void AddEnrolCommands(CLI::App& app, Globals& globals, int* exit_code);

// An enrolment code as given, or for "-" from standard input.
std::string ReadCode(const std::string& code);
// Enrols the replica, and says so.
int EnrolReplica(const Globals& globals, const std::string& code);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_ENROL_COMMANDS_H_
