// conflicts, settle, history: versions of one field, and who decides.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

int PrintConflicts(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto conflicts = (*replica)->Conflicts();
  if (!conflicts.ok()) return Fail(globals, conflicts.status());
  if (globals.json) {
    json list = json::array();
    for (const Conflict& conflict : *conflicts) list.push_back(ToJson(conflict));
    PrintJson({{"conflicts", list}});
    return kOk;
  }
  if (conflicts->empty()) std::cout << "Nothing has two versions.\n";
  for (const Conflict& conflict : *conflicts) PrintConflict(conflict);
  return kOk;
}

int Settle(const Globals& globals, const std::string& case_id, const Decision& decision) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto conflict = (*replica)->FindConflict(case_id);
  if (!conflict.ok()) return Fail(globals, conflict.status());
  const absl::Status done = (*replica)->Transact({.author = globals.user}, [&](Edits& edits) {
    return edits.Settle(conflict->case_id, decision);
  });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"case", conflict->case_id}, {"record", conflict->record}});
  } else {
    std::cout << "Decided on this device. Everybody sees it with the next sync.\n";
  }
  return kOk;
}

void PrintHistoryLine(const HistoryLine& line) {
  const int64_t when = line.admitted_time_ms != 0 ? line.admitted_time_ms : line.device_time_ms;
  std::cout << WhenText(when) << "  " << line.author;
  if (!line.device.empty()) std::cout << " on " << line.device;
  std::cout << "  [" << StateOnScreen(line.state) << "]\n";
  const json fields = Parsed(line.json);
  for (const auto& [name, value] : fields.items()) {
    std::cout << "    " << name << ": " << ShortValue(value) << "\n";
  }
  for (const std::string& name : line.cleared) std::cout << "    " << name << ": (cleared)\n";
  if (!line.settled.empty()) std::cout << "    decided, because: " << line.settled << "\n";
}

int PrintHistory(const Globals& globals, const std::string& id, std::string server, bool offline) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  std::unique_ptr<Transport> transport;
  if (!offline) {
    auto status = (*replica)->Status();
    if (server.empty() && status.ok()) server = status->server;
    if (!server.empty()) {
      GrpcOptions options;
      options.connect_timeout_ms = 3'000;
      transport = MakeGrpcTransport(server, options);
    }
  }
  auto lines = (*replica)->History(id, transport.get());
  bool only_here = transport == nullptr;
  if (!lines.ok() && lines.status().code() == absl::StatusCode::kUnavailable) {
    only_here = true;
    lines = (*replica)->History(id, nullptr);
  }
  if (!lines.ok()) return Fail(globals, lines.status());
  if (globals.json) {
    json list = json::array();
    for (const HistoryLine& line : *lines) list.push_back(ToJson(line));
    PrintJson({{"history", list}, {"complete", !only_here}});
    return kOk;
  }
  for (const HistoryLine& line : *lines) PrintHistoryLine(line);
  if (only_here) {
    std::cout << "(No link: own changes and current versions only. The server has the rest.)\n";
  }
  return kOk;
}

}  // namespace

void AddConflictCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* conflicts =
      app.add_subcommand("conflicts", "What has two versions, and until when to work to what");
  conflicts->footer("Example: doorstep conflicts --json");
  conflicts->callback([=, &globals] { *exit_code = PrintConflicts(globals); });

  auto* settle = app.add_subcommand("settle", "Decide between two versions");
  auto case_id = std::make_shared<std::string>();
  auto decision = std::make_shared<Decision>();
  auto both = std::make_shared<bool>(false);
  settle->add_option("CASE", *case_id, "Its id, or the first digits")->required();
  auto* how = settle->add_option_group("how", "One of");
  auto* keep = how->add_option("--keep", decision->keep, "Version N stands")
                   ->type_name("N")
                   ->check(CLI::PositiveNumber);
  auto* value = how->add_option("--value", decision->json, "Another value")->type_name("JSON");
  how->add_flag("--both", *both, "Both were right, at different times: the later one stands");
  how->require_option(1);
  settle->add_option("--reason", decision->reason, "Why; everybody sees it")->required();
  settle->footer(
      "Example: doorstep settle 3f2a --value '{\"likelihood\":2,\"severity\":3}' "
      "--reason 'seen together on Wednesday'");
  settle->callback([=, &globals] {
    decision->mode = keep->count() > 0    ? Decision::Mode::kKeep
                     : value->count() > 0 ? Decision::Mode::kNewValue
                                          : Decision::Mode::kBoth;
    *exit_code = Settle(globals, *case_id, *decision);
  });

  auto* history = app.add_subcommand("history", "All versions of a record: who, when, what, why");
  auto id = std::make_shared<std::string>();
  auto server = std::make_shared<std::string>();
  auto offline = std::make_shared<bool>(false);
  history->add_option("ID", *id)->required();
  history->add_option("--server", *server, "Instead of the one given to init")
      ->type_name("HOST:PORT");
  history->add_flag("--offline", *offline, "Do not ask the server");
  history->footer("Example: doorstep history ID");
  history->callback([=, &globals] { *exit_code = PrintHistory(globals, *id, *server, *offline); });
}

}  // namespace doorstep::cli
