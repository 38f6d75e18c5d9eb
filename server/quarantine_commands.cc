#include "server/quarantine_commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "server/history.h"
#include "server/output.h"
#include "server/record_seen.h"
#include "server/work.h"
#include "sync/base/clock.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/record_json.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

// Rows that are read at a time.
constexpr size_t kChunk = 256;

// Which rows, or what is done to one.
struct QuarantineArguments {
  std::string site;  // list: of files that it holds
  bool all = false;  // list: also what was closed
  uint64_t sequence = 0;
  std::string by;
  std::string reason;
};

absl::StatusOr<UnitRow> UnitAt(uint64_t sequence, ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> entry, view.History(sequence));
  if (!entry) return absl::DataLossError(absl::StrCat("history entry ", sequence, ": missing"));
  DOORSTEP_ASSIGN_OR_RETURN(HistoryHeader header, ParseHeader(entry->header));
  return std::move(header.unit);
}

absl::StatusOr<std::vector<std::string>> HeldNowBy(const Uuid& file, ReadView& view) {
  std::vector<std::string> sites;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> tiers, view.CompartmentsOf(file));
  for (const MembershipRow& tier : tiers) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> some, view.SitesOf(tier.ref));
    sites.insert(sites.end(), some.begin(), some.end());
  }
  std::sort(sites.begin(), sites.end());
  sites.erase(std::unique(sites.begin(), sites.end()), sites.end());
  return sites;
}

// Who and when; no values.
absl::StatusOr<Json> Summary(const QuarantineRow& row, ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(const UnitRow unit, UnitAt(row.sequence, view));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> device, view.FindDevice(unit.device));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> holders,
                            HeldNowBy(row.compartment.file, view));
  Json json = {{"sequence", row.sequence},
               {"author", unit.author},
               {"device", device ? device->name : unit.device.ToString()},
               {"site", row.site},
               {"file", row.compartment.file.ToString()},
               {"held_by", holders},
               {"changes", unit.changes},
               {"made", FormatUtc(unit.TimeOf(0))},
               {"access_ended", FormatUtc(row.ended.time_ms)},
               {"received", FormatUtc(unit.received_ms)},
               {"reason", unit.reason},
               {"closed", nullptr}};
  if (row.closed_ms != 0) {
    json["closed"] = {
        {"at", FormatUtc(row.closed_ms)}, {"by", row.closed_by}, {"reason", row.closed_reason}};
  }
  return json;
}

// The changes, with what they say.
absl::StatusOr<Json> Content(const QuarantineRow& row, const Schema& schema, ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(const UnitRow unit, UnitAt(row.sequence, view));
  size_t bytes = 0;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Unit> read, ReadUnit(schema, unit, view, &bytes));
  if (!read) {
    return absl::NotFoundError(absl::StrCat("history entry ", row.sequence,
                                            ": its content was erased, or cannot be read "
                                            "with this schema"));
  }
  Json changes = Json::array();
  for (const ChangeData& change : read->changes) {
    const KindSpec* kind = schema.Find(change.kind);
    std::string values;
    Json removed = Json::array();
    for (const FieldEdit& edit : change.edits) {
      values += edit.value;
      for (const std::string& element : edit.adds) values += element;
      if (edit.removals.empty() || kind == nullptr) continue;
      const FieldSpec* field = kind->FindWithMarks(edit.field);
      removed.push_back(field == nullptr ? absl::StrCat(edit.field) : field->scalar.name);
    }
    Json fields = Json::object();
    if (kind != nullptr) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::string text,
                                ValuesToJson(schema, *kind, values, /*pretty=*/false));
      fields = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    }
    changes.push_back({{"change", change.id.ToString()},
                       {"record", change.record.ToString()},
                       {"kind", KindName(schema, change.kind)},
                       {"create", change.create},
                       {"fields", std::move(fields)},
                       {"elements_removed_from", std::move(removed)}});
  }
  return changes;
}

absl::StatusOr<QuarantineRow> Find(uint64_t sequence, ReadView& view) {
  if (sequence > 0) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<QuarantineRow> rows,
                              view.Quarantine(sequence - 1, 1));
    if (!rows.empty() && rows.front().sequence == sequence) return rows.front();
  }
  return absl::NotFoundError(
      absl::StrCat("SEQUENCE: got ", sequence, ", wanted one that quarantine list names"));
}

std::string AsText(const Json& row) {
  std::string text = absl::StrCat(
      row["sequence"].get<uint64_t>(), "  ", row["author"].get<std::string>(), " (",
      row["site"].get<std::string>(), ", ", row["device"].get<std::string>(), ") made ",
      row["changes"].get<uint64_t>(), " changes at ", row["made"].get<std::string>(),
      "; access ended at ", row["access_ended"].get<std::string>(), "; file ",
      row["file"].get<std::string>(), ", held now by ",
      row["held_by"].empty() ? "nobody"
                             : absl::StrJoin(row["held_by"].get<std::vector<std::string>>(), ", "));
  if (!row["closed"].is_null()) {
    absl::StrAppend(&text, "\n    closed by ", row["closed"]["by"].get<std::string>(), " at ",
                    row["closed"]["at"].get<std::string>(), ": ",
                    row["closed"]["reason"].get<std::string>());
  }
  return text;
}

absl::StatusOr<int> List(const GlobalOptions& options, const QuarantineArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  Json list = Json::array();
  uint64_t after = 0;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<QuarantineRow> rows,
                              view->Quarantine(after, kChunk));
    if (rows.empty()) break;
    after = rows.back().sequence;
    for (const QuarantineRow& row : rows) {
      if (row.closed_ms != 0 && !asked.all) continue;
      DOORSTEP_ASSIGN_OR_RETURN(Json summary, Summary(row, *view));
      const Json& holders = summary["held_by"];
      if (!asked.site.empty() &&
          std::find(holders.begin(), holders.end(), Json(asked.site)) == holders.end()) {
        continue;
      }
      if (!options.json) Print(AsText(summary));
      list.push_back(std::move(summary));
    }
  }
  if (options.json) PrintJson({{"quarantine", std::move(list)}});
  return kExitOk;
}

absl::StatusOr<int> Show(const GlobalOptions& options, const QuarantineArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const QuarantineRow row, Find(asked.sequence, *view));
  DOORSTEP_ASSIGN_OR_RETURN(Json json, Summary(row, *view));
  DOORSTEP_ASSIGN_OR_RETURN(Json content, Content(row, tenant->schema(), *view));
  if (!options.json) {
    Print(AsText(json));
    for (const Json& change : content) {
      Print(absl::StrCat("  ", change["kind"].get<std::string>(), " ",
                         change["record"].get<std::string>(), change["create"] ? " (new)" : "",
                         ": ",
                         change["fields"].dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    return kExitOk;
  }
  json["content"] = std::move(content);
  PrintJson(json);
  return kExitOk;
}

absl::StatusOr<int> Close(const GlobalOptions& options, const QuarantineArguments& asked) {
  for (const auto& [path, text] : {std::pair("--by", &asked.by), {"--reason", &asked.reason}}) {
    if (!text->empty() && text->size() <= kMaxTitleBytes && IsValidUtf8(*text)) continue;
    return InvalidField(path, *text, absl::StrCat("1 to ", kMaxTitleBytes, " bytes of text"));
  }
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, tenant->store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(QuarantineRow row, Find(asked.sequence, *write));
  if (row.closed_ms != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("SEQUENCE: got ", row.sequence, ", which ", row.closed_by, " has closed"));
  }
  row.closed_ms = work.tenants().clock().Read().wall_ms;
  row.closed_by = asked.by;
  row.closed_reason = asked.reason;
  DOORSTEP_RETURN_IF_ERROR(write->PutQuarantine(row));
  DOORSTEP_RETURN_IF_ERROR(write->Commit());
  if (options.json) {
    PrintJson({{"sequence", row.sequence}, {"closed", true}});
  } else {
    Print(absl::StrCat(row.sequence, ": closed"));
  }
  return kExitOk;
}

}  // namespace

void AddQuarantineCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* quarantine = app->add_subcommand(
      "quarantine",
      "What was recorded after its author's access had ended: to the file, or to a record that "
      "was withdrawn");
  quarantine->require_subcommand(1);
  const auto asked = std::make_shared<QuarantineArguments>();
  CLI::App* list = quarantine->add_subcommand("list", "What nobody has dealt with yet; no values");
  list->add_option("--site", asked->site, "Of files that this site holds now");
  list->add_flag("--all", asked->all, "Also what was closed");
  list->footer("Example: doorstep-server quarantine list --site rose-court");
  list->callback([=] { *chosen = [=] { return List(*options, *asked); }; });
  CLI::App* show = quarantine->add_subcommand("show", "One of them, with what it says");
  show->add_option("SEQUENCE", asked->sequence, "As quarantine list names it")->required();
  show->footer("Example: doorstep-server quarantine show 17 --json");
  show->callback([=] { *chosen = [=] { return Show(*options, *asked); }; });
  CLI::App* close = quarantine->add_subcommand("close", "It was dealt with: take it off the list");
  close->add_option("SEQUENCE", asked->sequence, "As quarantine list names it")->required();
  close->add_option("--by", asked->by, "Who has dealt with it")->required();
  close->add_option("--reason", asked->reason, "What was done")->required();
  close->footer(
      "Example: doorstep-server quarantine close 17 --by \"L Ward\" --reason \"asked "
      "J Price; recorded again\"\nNothing is deleted: history and list --all keep it.");
  close->callback([=] { *chosen = [=] { return Close(*options, *asked); }; });
}

}  // namespace doorstep::server
