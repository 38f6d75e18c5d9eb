#include "server/record_commands.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "server/output.h"
#include "server/record_seen.h"
#include "server/withdrawal.h"
#include "server/work.h"
#include "sync/base/clock.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

struct RecordArguments {
  std::string record;
  std::string by;
  std::string reason;
  bool all = false;  // list: also what was given back
};

absl::StatusOr<Uuid> RecordId(const RecordArguments& asked) {
  absl::StatusOr<Uuid> id = Uuid::Parse(asked.record);
  if (!id.ok()) return Annotate(id.status(), "ID");
  return id;
}

absl::StatusOr<int> Seen(const GlobalOptions& options, const RecordArguments& asked) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, RecordId(asked));
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const RecordSeen seen, ReadRecordSeen(record, tenant->schema(), *view));
  Print(options.json ? seen.ToJson() : seen.ToText());
  return kExitOk;
}

absl::StatusOr<int> Move(const GlobalOptions& options, const RecordArguments& asked,
                         bool withdraw) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, RecordId(asked));
  for (const auto& [path, text] : {std::pair("--by", &asked.by), {"--reason", &asked.reason}}) {
    if (!text->empty() && text->size() <= kMaxTitleBytes && IsValidUtf8(*text)) continue;
    return InvalidField(path, *text, absl::StrCat("1 to ", kMaxTitleBytes, " bytes of text"));
  }
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, tenant->store().Write());
  const Deed deed{work.tenants().clock().Read().wall_ms, asked.by, asked.reason};
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, withdraw
                                                         ? WithdrawRecord(record, deed, *write)
                                                         : GiveBackRecord(record, deed, *write));
  DOORSTEP_RETURN_IF_ERROR(write->Commit());
  if (options.json) {
    PrintJson({{"record", record.ToString()}, {"sequence", sequence}, {"withdrawn", withdraw}});
  } else {
    Print(withdraw ? "withdrawn: each device gives it up at its next sync (record seen tells which "
                     "has)"
                   : "given back: each device that holds its file receives it again");
  }
  return kExitOk;
}

Json ToJson(const Deed& deed) {
  return {{"at", FormatUtc(deed.time_ms)}, {"by", deed.by}, {"reason", deed.reason}};
}

absl::StatusOr<int> List(const GlobalOptions& options, const RecordArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<WithdrawalRow> rows, view->WithdrawalsOf(Uuid()));
  Json list = Json::array();
  for (const WithdrawalRow& row : rows) {
    const bool restored = row.restored_sequence != 0;
    if (restored && !asked.all) continue;
    list.push_back({{"record", row.record.ToString()},
                    {"file", row.compartment.file.ToString()},
                    {"withdrawn", ToJson(row.withdrawn)},
                    {"restored", restored ? ToJson(row.restored) : Json()}});
    if (options.json) continue;
    Print(absl::StrCat(row.record.ToString(), "  withdrawn ", FormatUtc(row.withdrawn.time_ms),
                       " by ", row.withdrawn.by, ": ", row.withdrawn.reason,
                       restored ? absl::StrCat("\n    given back ", FormatUtc(row.restored.time_ms),
                                               " by ", row.restored.by, ": ", row.restored.reason)
                                : ""));
  }
  if (options.json) PrintJson({{"withdrawals", std::move(list)}});
  return kExitOk;
}

}  // namespace

void AddRecordCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* record = app->add_subcommand(
      "record", "A record that is not where it belongs: who has seen it, taking it off replicas");
  record->require_subcommand(1);
  const auto asked = std::make_shared<RecordArguments>();
  const std::string example = " 01997f30-0000-7000-8000-000000000001";
  CLI::App* seen = record->add_subcommand(
      "seen", "Which devices were sent it, in which version, when, and which have given it up");
  seen->add_option("ID", asked->record, "The record's id")->required();
  seen->footer(absl::StrCat("Example: doorstep-server record seen", example,
                            " --json\nA device counts once a batch with it was made for it, "
                            "whether it arrived or not."));
  seen->callback([=] { *chosen = [=] { return Seen(*options, *asked); }; });
  for (const bool withdraw : {true, false}) {
    CLI::App* command =
        withdraw
            ? record->add_subcommand("withdraw",
                                     "Take a record that was hidden as wrong off all devices; its "
                                     "content and history stay here")
            : record->add_subcommand("restore", "Give back what was withdrawn");
    command->add_option("ID", asked->record, "The record's id")->required();
    command->add_option("--by", asked->by, "Who does it")->required();
    command->add_option("--reason", asked->reason, "Why")->required();
    command->footer(absl::StrCat("Example: doorstep-server record ",
                                 withdraw ? "withdraw" : "restore", example,
                                 " --by \"L Ward\" --reason \"about another person\""));
    command->callback([=] { *chosen = [=] { return Move(*options, *asked, withdraw); }; });
  }
  CLI::App* list = record->add_subcommand("list", "What is withdrawn");
  list->add_flag("--all", asked->all, "Also what was given back");
  list->footer("Example: doorstep-server record list --all");
  list->callback([=] { *chosen = [=] { return List(*options, *asked); }; });
}

}  // namespace doorstep::server
