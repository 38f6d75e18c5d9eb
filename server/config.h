// The operator's configuration file: TOML, with a section for each command that takes something
// from it. A flag of the command line wins over the file, the file over the environment.
#ifndef SERVER_CONFIG_H_
#define SERVER_CONFIG_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "server/commands.h"

namespace doorstep::server {

// Adds all options and commands to an app that is nothing but that.
using AppBuilder = std::function<void(CLI::App*)>;

// Adds --config, and the commands `config check` and `config example`. What a file may say are the
// options that `build` adds, and their own rules are what its values are held against. Parsing sets
// *chosen. Borrows the first three.
void AddConfig(CLI::App* app, const GlobalOptions* options, Command* chosen,
               const AppBuilder& build);

// The number of settings in it. kInvalidArgument names file, key, what was got and wanted.
absl::StatusOr<int> CheckConfigFile(const std::string& file, const AppBuilder& build);

// A file with every option, its meaning and its default, all commented out.
std::string ExampleConfig(const AppBuilder& build);

}  // namespace doorstep::server

#endif  // SERVER_CONFIG_H_
