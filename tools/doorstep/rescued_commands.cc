// rescued: what a restored server has lost and only this device still holds.
#include <iostream>
#include <memory>
#include <string>

#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

int PrintRescued(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto found = (*replica)->RescuedChanges();
  if (!found.ok()) return Fail(globals, found.status());
  if (globals.json) {
    json list = json::array();
    for (const Rescued& each : *found) list.push_back(ToJson(each));
    PrintJson({{"rescued", list}});
    return kOk;
  }
  if (found->empty()) std::cout << "The server has everything that this device holds.\n";
  for (const Rescued& each : *found) {
    std::cout << WhenText(each.time_ms) << "  " << each.author << "  "
              << (*replica)->Label(each.kind) << " " << each.record << "\n";
    PrintWords(each.words);
    std::cout << "    Ask " << each.author << " to sync. If that device is gone and this still "
              << "counts, record it again; then:\n"
              << "    doorstep rescued --dismiss " << each.change << "\n";
  }
  return kOk;
}

int Dismiss(const Globals& globals, const std::string& change) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const absl::Status done = (*replica)->DismissRescued(change);
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) PrintJson({{"dismissed", change}});
  return kOk;
}

}  // namespace

void AddRescuedCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* rescued = app.add_subcommand(
      "rescued", "What the server lost when it was restored, and only this device still holds");
  auto dismiss = std::make_shared<std::string>();
  rescued->add_option("--dismiss", *dismiss, "Somebody has looked at it")->type_name("CHANGE");
  rescued->footer("Example: doorstep rescued --json");
  rescued->callback([=, &globals] {
    *exit_code = dismiss->empty() ? PrintRescued(globals) : Dismiss(globals, *dismiss);
  });
}

}  // namespace doorstep::cli
