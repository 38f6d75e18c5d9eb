// conflicts, conflict, beside, settle, restore, notices, history: versions of one field, and who
// decides.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

// A link to ask the server by, with little patience; null when no server is known.
std::unique_ptr<Transport> ShortLink(Replica& replica, std::string server) {
  auto status = replica.Status();
  if (server.empty() && status.ok()) server = status->server;
  if (server.empty()) return nullptr;
  GrpcOptions options;
  options.connect_timeout_ms = 3'000;
  return MakeGrpcTransport(server, options);
}

int PrintOneConflict(const Globals& globals, const std::string& case_id, bool online) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const std::unique_ptr<Transport> transport = online ? ShortLink(**replica, "") : nullptr;
  auto conflict = (*replica)->FindConflict(case_id, transport.get());
  if (!conflict.ok()) return Fail(globals, conflict.status());
  if (globals.json) {
    PrintJson(ToJson(*conflict));
  } else {
    PrintConflict(*conflict);
  }
  return kOk;
}

int PrintNotices(const Globals& globals, bool all) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto notices = (*replica)->Notices(all);
  if (!notices.ok()) return Fail(globals, notices.status());
  if (globals.json) {
    json list = json::array();
    for (const AuthorNotice& notice : *notices) list.push_back(ToJson(notice));
    PrintJson({{"notices", list}});
    return kOk;
  }
  if (notices->empty()) std::cout << "No news of your versions.\n";
  for (const AuthorNotice& notice : *notices) PrintNotice(**replica, notice);
  if (!all && !notices->empty()) std::cout << "Mark as read: doorstep notices --read-all\n";
  return kOk;
}

int MarkRead(const Globals& globals, const std::vector<int64_t>& notices) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const absl::Status marked = (*replica)->MarkNoticesRead(notices);
  if (!marked.ok()) return Fail(globals, marked);
  if (globals.json) {
    PrintJson({{"read", notices}});
  } else {
    std::cout << "Marked as read.\n";
  }
  return kOk;
}

int Settle(const Globals& globals, const std::string& case_id, Decision decision) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto conflict = (*replica)->FindConflict(case_id);
  if (!conflict.ok()) return Fail(globals, conflict.status());
  if (decision.seen.empty()) decision.seen = conflict->seen;
  const absl::Status done = (*replica)->Transact({.author = globals.user}, [&](Edits& edits) {
    return edits.Settle(conflict->case_id, decision);
  });
  if (done.GetPayload("doorstep/case").has_value()) return FailOver(globals, done, {*conflict});
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"case", conflict->case_id}, {"record", conflict->record}});
  } else {
    std::cout << "Decided on this device. Everybody sees it with the next sync.\n";
  }
  return kOk;
}

int AddVersion(const Globals& globals, const std::string& case_id, const std::string& value) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto conflict = (*replica)->FindConflict(case_id);
  if (!conflict.ok()) return Fail(globals, conflict.status());
  const absl::Status done = (*replica)->Transact({.author = globals.user}, [&](Edits& edits) {
    return edits.AddVersion(conflict->case_id, value);
  });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"case", conflict->case_id}, {"record", conflict->record}});
  } else {
    std::cout << "Stands beside the others on this device. Nothing is decided by it.\n";
  }
  return kOk;
}

int Restore(const Globals& globals, const std::string& id, const std::string& field,
            const std::string& version, bool offline) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const std::unique_ptr<Transport> transport = offline ? nullptr : ShortLink(**replica, "");
  const TransactOptions options{.author = globals.user};
  auto reason = (*replica)->Restore(id, field, version, options, transport.get());
  if (!reason.ok() && reason.status().code() == absl::StatusCode::kUnavailable) {
    reason = (*replica)->Restore(id, field, version, options);
  }
  if (!reason.ok()) return Fail(globals, reason.status());
  if (globals.json) {
    PrintJson({{"record", id}, {"field", field}, {"reason", *reason}});
  } else {
    std::cout << "Done on this device: " << *reason << ".\n";
  }
  return kOk;
}

void PrintHistoryLine(const HistoryLine& line) {
  const int64_t when = line.admitted_time_ms != 0 ? line.admitted_time_ms : line.device_time_ms;
  std::cout << WhenText(when) << "  " << line.author;
  if (!line.device.empty()) std::cout << " on " << line.device;
  std::cout << "  [" << StateOnScreen(line.state) << "]\n";
  PrintWords(line.words);
  if (!line.settled.empty()) std::cout << "    decided, because: " << line.settled << "\n";
  if (!line.withdrawn_because.empty()) {
    std::cout << "    withdraws " << line.resolves << ", because: " << line.withdrawn_because
              << "\n";
  } else if (!line.resolves.empty()) {
    std::cout << "    in place of " << line.resolves << "\n";
  }
}

int PrintHistory(const Globals& globals, const std::string& id, std::string server, bool offline) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  std::unique_ptr<Transport> transport;
  if (!offline) {
    transport = ShortLink(**replica, std::move(server));
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

  auto* conflict = app.add_subcommand("conflict", "One of them, with who decides and until when");
  auto which = std::make_shared<std::string>();
  auto online = std::make_shared<bool>(false);
  conflict->add_option("CASE", *which, "Its id, or the first digits")->required();
  conflict->add_flag("--online", *online, "Ask the server when each version was written");
  conflict->footer("Example: doorstep conflict 3f2a");
  conflict->callback([=, &globals] { *exit_code = PrintOneConflict(globals, *which, *online); });

  auto* notices =
      app.add_subcommand("notices", "What others did to versions that were written here");
  auto all_notices = std::make_shared<bool>(false);
  auto read_all = std::make_shared<bool>(false);
  auto read = std::make_shared<std::vector<int64_t>>();
  notices->add_flag("--all", *all_notices, "Also those that were read");
  notices->add_option("--read", *read, "Mark as read, by number")->type_name("N");
  notices->add_flag("--read-all", *read_all, "Mark all as read");
  notices->footer("Example: doorstep notices --read 3");
  notices->callback([=, &globals] {
    *exit_code = *read_all || !read->empty()
                     ? MarkRead(globals, *read_all ? std::vector<int64_t>() : *read)
                     : PrintNotices(globals, *all_notices);
  });

  auto* beside = app.add_subcommand(
      "beside", "Put one more version beside those that stand, and decide nothing");
  auto beside_case = std::make_shared<std::string>();
  auto beside_value = std::make_shared<std::string>();
  beside->add_option("CASE", *beside_case, "Its id, or the first digits")->required();
  beside->add_option("--value", *beside_value, "The version, as JSON")->required();
  beside->footer("Example: doorstep beside 3f2a --value '{\"likelihood\":3,\"severity\":3}'");
  beside->callback(
      [=, &globals] { *exit_code = AddVersion(globals, *beside_case, *beside_value); });

  auto* settle = app.add_subcommand("settle", "Decide between two versions");
  auto case_id = std::make_shared<std::string>();
  auto decision = std::make_shared<Decision>();
  settle->add_option("CASE", *case_id, "Its id, or the first digits")->required();
  auto* how = settle->add_option_group("how", "One of");
  auto* keep = how->add_option("--keep", decision->keep, "Version N stands")
                   ->type_name("N")
                   ->check(CLI::PositiveNumber);
  auto* value = how->add_option("--value", decision->json, "Another value")->type_name("JSON");
  how->add_flag("--both")->description("Both were right, at different times: the later one stands");
  how->require_option(1);
  settle
      ->add_option("--seen", decision->seen,
                   "The versions that you decide between, as `conflicts` names them: refused when "
                   "another has come in since")
      ->type_name("TEXT");
  settle->add_option("--reason", decision->reason, "Why; everybody sees it")->required();
  settle->footer(
      "Example: doorstep settle 3f2a --seen 9c04e1b7 --value '{\"likelihood\":2,\"severity\":3}' "
      "--reason 'seen together on Wednesday'");
  settle->callback([=, &globals] {
    decision->mode = keep->count() > 0    ? Decision::Mode::kKeep
                     : value->count() > 0 ? Decision::Mode::kNewValue
                                          : Decision::Mode::kBoth;
    *exit_code = Settle(globals, *case_id, *decision);
  });

  auto* restore = app.add_subcommand("restore", "An earlier value of a field, again");
  auto restored = std::make_shared<std::string>();
  auto restored_field = std::make_shared<std::string>();
  auto version = std::make_shared<std::string>();
  auto only_here = std::make_shared<bool>(false);
  restore->add_option("ID", *restored, "The record")->required();
  restore->add_option("FIELD", *restored_field)->required();
  restore
      ->add_option("--version", *version,
                   "The change that set it, as history --json shows; or how it begins")
      ->type_name("CHANGE")
      ->required();
  restore->add_flag("--offline", *only_here, "Do not ask the server");
  restore->footer("Example: doorstep restore ID residual_rating --version 0f3c2a9b-1d2e");
  restore->callback([=, &globals] {
    *exit_code = Restore(globals, *restored, *restored_field, *version, *only_here);
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
