// why: what this device knows of a record, and of its being here or not.
#include <iostream>
#include <memory>
#include <string>

#include "doorstep/replica.h"
#include "doorstep/why.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

int RunWhy(const Globals& globals, const std::string& id) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto why = Why(**replica, id);
  if (!why.ok()) return Fail(globals, why.status());
  const int code = why->here ? kOk : kMissing;
  if (globals.json) {
    PrintJson(ToJson(*why));
    return code;
  }
  if (why->here) {
    std::cout << Heading((*replica)->Label(why->kind)) << " " << why->id
              << (why->title.empty() ? "" : "  " + why->title) << TierOnScreen(why->tier) << "\n";
  } else {
    std::cout << why->id << " is not here.\n";
  }
  for (const WhyReason& reason : why->reasons) {
    std::cout << "  " << reason.text
              << (reason.time_ms == 0 ? "" : " (" + WhenText(reason.time_ms) + ")") << "\n";
    if (!reason.todo.empty()) std::cout << "      to do: " << reason.todo << "\n";
  }
  return code;
}

}  // namespace

void AddWhyCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* why = app.add_subcommand("why", "Why a record is here, or missing, or not up to date");
  auto id = std::make_shared<std::string>();
  why->add_option("ID", *id)->required();
  why->footer(
      "Example: doorstep why 0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f\n"
      "Answered from what this device knows, without the network. Exit code 3: it is not here (and "
      "why is told all the same).");
  why->callback([=, &globals] { *exit_code = RunWhy(globals, *id); });
}

}  // namespace doorstep::cli
