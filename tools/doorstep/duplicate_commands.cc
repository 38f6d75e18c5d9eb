// duplicates, link, unlink: people who may have been registered twice.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;
using Verdict = Duplicate::Verdict;

int PrintDuplicates(const Globals& globals, const std::string& id, bool all) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto found = (*replica)->Duplicates(id);
  if (!found.ok()) return Fail(globals, found.status());
  if (!all) {
    std::erase_if(*found, [](const Duplicate& d) { return d.verdict == Verdict::kDifferent; });
  }
  if (globals.json) {
    json list = json::array();
    for (const Duplicate& each : *found) list.push_back(ToJson(each));
    PrintJson({{"duplicates", list}});
    return kOk;
  }
  if (found->empty()) std::cout << "Nobody seems to be registered twice.\n";
  for (const Duplicate& each : *found) {
    const std::string pair = each.first + " " + each.second;
    const std::string kind = Heading((*replica)->Label(each.kind));
    if (each.verdict == Verdict::kSuggested) {
      std::cout << kind << " " << each.first << " and " << each.second << " may be the same: equal "
                << absl::StrJoin(each.equal, ", ",
                                 [&](std::string* out, const std::string& field) {
                                   out->append((*replica)->Label(each.kind, field));
                                 })
                << ". If you know:\n"
                << "    doorstep link " << pair << " --reason WHY\n"
                << "    doorstep unlink " << pair << " --reason WHY    (they are two)\n";
    } else {
      std::cout << kind << " " << each.first << " and " << each.second
                << (each.verdict == Verdict::kSame ? " are the same" : " are two")
                << (each.reason.empty() ? "" : ": " + each.reason) << "\n";
    }
  }
  return kOk;
}

int Say(const Globals& globals, const std::string& first, const std::string& second, bool same,
        const std::string& reason) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const absl::Status done = (*replica)->Transact({.author = globals.user}, [&](Edits& edits) {
    return edits.SayWhetherSame(first, second, same, reason);
  });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"first", first}, {"second", second}, {"verdict", same ? "SAME" : "DIFFERENT"}});
  } else {
    std::cout << (same
                      ? "Linked: both keep their records and histories, and unlink takes it back.\n"
                      : "They are two; nothing of either was changed.\n");
  }
  return kOk;
}

void AddSay(CLI::App& app, Globals& globals, int* exit_code, bool same) {
  auto* command = app.add_subcommand(
      same ? "link" : "unlink",
      same ? "Say that two registrations are one person; nothing is merged or changed"
           : "Say that two registrations are two people; takes a link back");
  auto first = std::make_shared<std::string>();
  auto second = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  command->add_option("FIRST", *first, "The id of one")->required();
  command->add_option("SECOND", *second, "The id of the other")->required();
  command->add_option("--reason", *reason, "How you know; everybody sees it")->required();
  command->footer(same ? "Example: doorstep link ID ID --reason 'same address, telephoned'"
                       : "Example: doorstep unlink ID ID --reason 'father and son'");
  command->callback([=, &globals] { *exit_code = Say(globals, *first, *second, same, *reason); });
}

}  // namespace

void AddDuplicateCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* duplicates =
      app.add_subcommand("duplicates", "Who may have been registered twice, and who was linked");
  auto id = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  duplicates->add_option("ID", *id, "Only pairs with this record");
  duplicates->add_flag("--all", *all, "Also those of whom somebody said that they are two");
  duplicates->footer("Example: doorstep duplicates --json");
  duplicates->callback([=, &globals] { *exit_code = PrintDuplicates(globals, *id, *all); });
  AddSay(app, globals, exit_code, /*same=*/true);
  AddSay(app, globals, exit_code, /*same=*/false);
}

}  // namespace doorstep::cli
