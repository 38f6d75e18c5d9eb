// outbox: what became of each change; and parked ones fixed, exported, withdrawn.
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

// Bytes of values read from standard input: those of one unit.
constexpr size_t kMaxValuesBytes = 4 << 20;

void PrintChange(const Replica& replica, const OwnChange& change) {
  std::cout << WhenText(change.device_time_ms) << "  " << change.author << "  "
            << replica.Label(change.kind) << " " << change.record;
  if (change.withdraws) {
    std::cout << " (withdraws " << change.resolves << ")";
  } else {
    std::cout << " ("
              << absl::StrJoin(change.fields, ", ",
                               [&](std::string* out, const std::string& field) {
                                 out->append(replica.Label(change.kind, field));
                               })
              << ")";
  }
  std::cout << ": " << (change.sent_again ? "refused, and sent again" : StateOnScreen(change.state))
            << "\n";
  if (change.receipt != 0 || change.sequence != 0) {
    std::cout << "    receipt " << (change.receipt != 0 ? change.receipt : change.sequence);
    if (change.admitted_time_ms != 0) std::cout << ", " << WhenText(change.admitted_time_ms);
    std::cout << "\n";
  }
  if (change.needs_you && change.unit_changes > 1) {
    std::cout << "    one of " << change.unit_changes
              << " that were saved together, and are fixed or withdrawn together\n";
  }
  if (!change.reason.empty()) std::cout << "    why: " << change.reason << "\n";
  if (!change.what_to_do.empty()) std::cout << "    do:  " << change.what_to_do << "\n";
  if (!change.withdrawn_because.empty()) {
    std::cout << "    withdrawn, because: " << change.withdrawn_because << "\n";
  }
  if (change.needs_you) {
    std::cout << "    then: doorstep outbox fix | export | withdraw " << change.change << "\n";
  }
}

int PrintOutbox(const Globals& globals, bool all) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto changes = all ? (*replica)->Outcomes() : (*replica)->Outbox();
  if (!changes.ok()) return Fail(globals, changes.status());
  if (globals.json) {
    json list = json::array();
    for (const OwnChange& change : *changes) list.push_back(ToJson(change));
    PrintJson({{"changes", list}});
    return kOk;
  }
  if (changes->empty()) {
    std::cout << "Nothing is waiting to send, and nothing needs you.\n";
    return kOk;
  }
  for (const OwnChange& change : *changes) PrintChange(**replica, change);
  return kOk;
}

// Without values: shows what the parked change asked for.
int ShowValues(const Globals& globals, const std::string& change) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto values = (*replica)->ParkedValues(change);
  if (!values.ok()) return Fail(globals, values.status());
  std::cout << Parsed(*values).dump(2) << "\n";
  return kOk;
}

int Fix(const Globals& globals, const std::string& change, std::string values,
        const AddOptions& place) {
  if (values == "-") {
    values.assign(std::istreambuf_iterator<char>(std::cin), {});
    if (values.empty() || values.size() > kMaxValuesBytes) {
      return Fail(globals, absl::InvalidArgumentError(absl::StrCat(
                               "standard input: got ", values.size(),
                               " bytes, wanted a JSON object of 1 to ", kMaxValuesBytes)));
    }
  }
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto now = (*replica)->FixParked(change, values, place, {.author = globals.user});
  if (!now.ok()) return Fail(globals, now.status());
  if (globals.json) {
    PrintJson({{"change", *now}, {"resolves", change}});
  } else {
    std::cout << "Recorded again as " << *now << ". It goes with the next sync.\n";
  }
  return kOk;
}

int Withdraw(const Globals& globals, const std::string& change, const std::string& reason) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto others = (*replica)->WithdrawParked(change, reason, {.author = globals.user});
  if (!others.ok()) return Fail(globals, others.status());
  if (globals.json) {
    json with_it = json::array();
    for (const OwnChange& other : *others) with_it.push_back(ToJson(other));
    PrintJson({{"withdrawn", change}, {"reason", reason}, {"with_it", with_it}});
    return kOk;
  }
  std::cout << "Withdrawn here. What was refused stays in the history, with your reason.\n";
  if (!others->empty()) std::cout << "With it, because they were saved together:\n";
  for (const OwnChange& other : *others) {
    std::cout << "  " << other.change << "  " << other.kind << " " << other.record << " ("
              << absl::StrJoin(other.fields, ", ") << ")\n";
  }
  return kOk;
}

int Export(const Globals& globals, const std::string& change) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto lines = (*replica)->ExportParked(change);
  if (!lines.ok()) return Fail(globals, lines.status());
  for (const std::string& line : *lines) std::cout << line << "\n";
  return kOk;
}

}  // namespace

void AddOutboxCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* outbox = app.add_subcommand("outbox", "What waits to be sent, and what needs you");
  outbox->require_subcommand(0, 1);
  auto all = std::make_shared<bool>(false);
  outbox->add_flag("--all", *all, "Also changes that were received, with their outcomes");
  outbox->footer("Example: doorstep outbox --json");
  outbox->callback([=, &globals] {
    if (outbox->get_subcommands().empty()) *exit_code = PrintOutbox(globals, *all);
  });

  auto* fix = outbox->add_subcommand("fix", "Send what was refused again, with mended values");
  auto fixed = std::make_shared<std::string>();
  auto values = std::make_shared<std::string>();
  auto as_it_was = std::make_shared<bool>(false);
  auto place = std::make_shared<AddOptions>();
  fix->add_option("CHANGE", *fixed, "Its id, how it begins, or its number")->required();
  auto* given = fix->add_option("VALUES", *values, "JSON, or - for standard input");
  fix->add_flag("--as-it-was", *as_it_was, "With the values that it had")->excludes(given);
  fix->add_option("--file", place->file, "Put a new record into this file")->type_name("FILE");
  fix->footer(
      "Example: doorstep outbox fix 7 > values.json; edit it; doorstep outbox fix 7 - < "
      "values.json\n"
      "Without VALUES it prints them as they were.");
  fix->callback([=, &globals] {
    *exit_code = given->count() == 0 && !*as_it_was ? ShowValues(globals, *fixed)
                                                    : Fix(globals, *fixed, *values, *place);
  });

  auto* withdraw = outbox->add_subcommand("withdraw", "Take back what was refused or is held");
  auto withdrawn = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  withdraw->add_option("CHANGE", *withdrawn, "Its id, how it begins, or its number")->required();
  withdraw->add_option("--reason", *reason, "Why; it stays in the history")->required();
  withdraw->footer(
      "Takes with it what was saved together with it, and says what that was.\n"
      "Example: doorstep outbox withdraw 7 --reason 'written on the wrong file'");
  withdraw->callback([=, &globals] { *exit_code = Withdraw(globals, *withdrawn, *reason); });

  auto* exported =
      outbox->add_subcommand("export", "All that is held of what was refused, a line of JSON each");
  auto which = std::make_shared<std::string>();
  exported->add_option("CHANGE", *which, "One of them; without it all");
  exported->footer("Example: doorstep outbox export > refused.jsonl");
  exported->callback([=, &globals] { *exit_code = Export(globals, *which); });
}

}  // namespace doorstep::cli
