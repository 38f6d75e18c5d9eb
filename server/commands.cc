#include "server/commands.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "server/attachments.h"
#include "server/chain.h"
#include "server/database_key.h"
#include "server/epoch.h"
#include "server/history.h"
#include "server/output.h"
#include "server/shift.h"
#include "server/work.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

// The options of one command: shared, because its callback outlives this function.
template <typename T>
std::shared_ptr<T> Make() {
  return std::make_shared<T>();
}

absl::StatusOr<int> TenantAdd(const GlobalOptions& options, const std::string& name) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  Tenants tenants(all);
  if (tenants.Find(name).ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("tenant: got ", Quoted(name), ", wanted a new one"));
  }
  DOORSTEP_RETURN_IF_ERROR(tenants.Ensure(name).status());
  if (options.json) PrintJson({{"tenant", name}});
  return kExitOk;
}

absl::StatusOr<int> TenantList(const GlobalOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(options));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            Tenants({.data_dir = options.data_dir}).List());
  if (options.json) PrintJson({{"tenants", names}});
  for (size_t i = 0; !options.json && i < names.size(); ++i) Print(names[i]);
  return kExitOk;
}

absl::StatusOr<int> Restored(const GlobalOptions& options) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch,
                            BeginEpoch(tenant->store(), work.tenants().entropy()));
  if (options.json) {
    PrintJson({{"epoch", epoch}});
  } else {
    Print(
        "A new epoch has begun. Every device hands over again what this backup lacks at its next "
        "sync,\nand shows what only it still holds of others' work (doorstep rescued).");
  }
  return kExitOk;
}

absl::StatusOr<int> SiteAdd(const GlobalOptions& options, const SiteRow& site) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/true));
  DOORSTEP_RETURN_IF_ERROR(AddSite(*tenant, site, work.tenants().entropy()));
  if (options.json) PrintJson({{"site", site.id}});
  return kExitOk;
}

absl::StatusOr<int> SiteList(const GlobalOptions& options) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<SiteRow> sites, view->Sites());
  Json list = Json::array();
  for (const SiteRow& site : sites) {
    list.push_back({{"id", site.id}, {"name", site.name}, {"type", site.type}});
    if (!options.json) Print(absl::StrFormat("%-24s %-32s %s", site.id, site.name, site.type));
  }
  if (options.json) PrintJson({{"sites", std::move(list)}});
  return kExitOk;
}

absl::StatusOr<int> UserAdd(const GlobalOptions& options, const PersonRow& person) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/true));
  DOORSTEP_RETURN_IF_ERROR(AddPerson(*tenant, person));
  if (options.json) PrintJson({{"user", person.id}});
  return kExitOk;
}

absl::StatusOr<int> UserList(const GlobalOptions& options) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<PersonRow> people, view->People());
  Json list = Json::array();
  for (const PersonRow& person : people) {
    list.push_back({{"id", person.id}, {"name", person.name}});
    if (!options.json) Print(absl::StrFormat("%-24s %s", person.id, person.name));
  }
  if (options.json) PrintJson({{"users", std::move(list)}});
  return kExitOk;
}

absl::StatusOr<int> FileShare(const GlobalOptions& options, const std::string& file,
                              const std::string& site, bool share) {
  absl::StatusOr<Uuid> id = Uuid::Parse(file);
  if (!id.ok()) return Annotate(id.status(), "--file");
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(
      const int changed, share
                             ? Share(*tenant, *id, site)
                             : Unshare(*tenant, *id, site, work.tenants().clock().Read().wall_ms));
  if (options.json) {
    PrintJson({{"file", id->ToString()}, {"site", site}, {"changed", changed}});
  } else if (changed == 0) {
    Print(share ? "was shared already" : "was not shared");
  }
  return kExitOk;
}

absl::StatusOr<int> ShowStatus(const GlobalOptions& options) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view->Head());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch, view->Epoch());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<SiteRow> sites, view->Sites());
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<DeviceRow> devices, view->Devices());
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow end, view->HistoryEnd());
  uint64_t pending = 0;
  for (const DeviceRow& device : devices) pending += device.pending;
  if (options.json) {
    PrintJson({{"tenant", options.tenant},
               {"epoch", epoch},
               {"head", head},
               {"sites", sites.size()},
               {"devices", devices.size()},
               {"pending", pending},
               {"history_end", FormatChainEnd(end.sequence, end.chain)}});
    return kExitOk;
  }
  Print(
      absl::StrFormat("tenant %s: %d sites, %d devices, %d changes pending on them\n"
                      "sequence %d, epoch %d\nhistory ends at %d:%s",
                      options.tenant, sites.size(), devices.size(), pending, head, epoch,
                      end.sequence, ToHex(end.chain)));
  return kExitOk;
}

absl::StatusOr<int> ShowShift(const GlobalOptions& options, const std::string& site,
                              int64_t within_minutes) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db,
                            work.tenants().OpenDatabase(options.tenant, /*read_only=*/true));
  DOORSTEP_ASSIGN_OR_RETURN(Shift shift, ReadShift(*db, site, within_minutes * 60'000,
                                                   work.tenants().clock().Read().wall_ms));
  DOORSTEP_ASSIGN_OR_RETURN(const MissingAttachments missing,
                            CountMissingAttachments(*tenant, *db, site));
  shift.attachments_missing = missing.count;
  shift.attachment_bytes_missing = missing.bytes;
  Print(options.json ? shift.ToJson() : shift.ToText());
  return kExitOk;
}

// That the chain passes through an end that was noted before: "SEQUENCE:HASH".
absl::Status CheckExpected(ReadView& view, const std::string& expected, HistoryReport* report) {
  DOORSTEP_ASSIGN_OR_RETURN(const ChainEnd end, ParseChainEnd("--expect", expected));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> row, view.History(end.sequence));
  if (!row || !end.Is(row->chain)) {
    report->faults.push_back(
        absl::StrCat("history entry ", end.sequence, ": it is not the one that was noted"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Verify(const GlobalOptions& options, const std::string& expected) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(HistoryReport report, VerifyHistory(*view));
  if (!expected.empty()) DOORSTEP_RETURN_IF_ERROR(CheckExpected(*view, expected, &report));
  const std::string end = FormatChainEnd(report.last_sequence, report.end);
  if (options.json) {
    PrintJson({{"entries", report.entries},
               {"erased", report.erased},
               {"end", end},
               {"faults", report.faults}});
  } else {
    for (const std::string& fault : report.faults) Print(fault);
    Print(absl::StrFormat("%d entries, %d erased, %d faults\nend %s", report.entries, report.erased,
                          report.faults.size(), end));
  }
  return report.faults.empty() ? kExitOk : kExitFaults;
}

void AddTenantCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* tenant = app->add_subcommand("tenant", "Tenants: one database each");
  tenant->require_subcommand(1);
  CLI::App* add = tenant->add_subcommand("add", "Make a tenant");
  auto name = Make<std::string>();
  add->add_option("name", *name, "a-z, 0-9, '-', '_', '.'")->required();
  add->footer("Example: doorstep-server tenant add north --data /srv/doorstep");
  add->callback([=] { *chosen = [=] { return TenantAdd(*options, *name); }; });
  CLI::App* list = tenant->add_subcommand("list", "Names of all tenants");
  list->footer("Example: doorstep-server tenant list --json");
  list->callback([=] { *chosen = [=] { return TenantList(*options); }; });
}

void AddRestoredCommand(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* restored = app->add_subcommand(
      "restored", "After restoring a tenant's database from a backup, before serving it");
  restored->footer("Example: doorstep-server restored --data /srv/doorstep");
  restored->callback([=] { *chosen = [=] { return Restored(*options); }; });
}

void AddSiteCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* site = app->add_subcommand("site", "Teams and care homes");
  site->require_subcommand(1);
  CLI::App* add = site->add_subcommand("add", "Add a site, with a case file of its own");
  auto row = Make<SiteRow>();
  add->add_option("--id", row->id, "Short name that devices use: a-z, 0-9, '-'")->required();
  add->add_option("--name", row->name, "What people call it")->required();
  add->add_option("--type", row->type, "What kind of place it is");
  add->footer("Example: doorstep-server site add --id rose-court --name \"Rose Court\"");
  add->callback([=] { *chosen = [=] { return SiteAdd(*options, *row); }; });
  CLI::App* list = site->add_subcommand("list", "All sites");
  list->footer("Example: doorstep-server site list --json");
  list->callback([=] { *chosen = [=] { return SiteList(*options); }; });
}

void AddUserCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* user = app->add_subcommand("user", "People who record");
  user->require_subcommand(1);
  CLI::App* add = user->add_subcommand("add", "Add a person");
  auto row = Make<PersonRow>();
  add->add_option("--id", row->id, "The name that devices send as author")->required();
  add->add_option("--name", row->name, "What colleagues call them; default: the id");
  add->footer("Example: doorstep-server user add --id \"A Khan\" --name \"Aisha Khan\"");
  add->callback([=] {
    *chosen = [=] {
      if (row->name.empty()) row->name = row->id;
      return UserAdd(*options, *row);
    };
  });
  CLI::App* list = user->add_subcommand("list", "All people");
  list->footer("Example: doorstep-server user list");
  list->callback([=] { *chosen = [=] { return UserList(*options); }; });
}

void AddFileCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* file = app->add_subcommand("file", "Who holds which case file");
  file->require_subcommand(1);
  for (const bool share : {true, false}) {
    CLI::App* command =
        share ? file->add_subcommand("share", "Give a case file to a site's devices")
              : file->add_subcommand("unshare", "Take a case file from a site's devices");
    auto id = Make<std::string>();
    auto site = Make<std::string>();
    command->add_option("--file", *id, "The file's id")->required();
    command->add_option("--site", *site, "The site's id")->required();
    command->footer(absl::StrCat("Example: doorstep-server file ", share ? "share" : "unshare",
                                 " --file 01997f30-0000-7000-8000-000000000001 --site team-a"));
    command->callback([=] { *chosen = [=] { return FileShare(*options, *id, *site, share); }; });
  }
}

void AddReports(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* status = app->add_subcommand("status", "Where a tenant stands");
  status->footer("Example: doorstep-server status --data /srv/doorstep");
  status->callback([=] { *chosen = [=] { return ShowStatus(*options); }; });

  CLI::App* shift = app->add_subcommand("shift", "End of shift: which of a site's tablets are in");
  auto site = Make<std::string>();
  auto within = std::make_shared<int64_t>(kShiftMinutes);
  shift->add_option("--site", *site, "The site's id")->required();
  shift->add_option("--within", *within, "A tablet is in when it was seen within so many minutes")
      ->check(CLI::Range(int64_t{1}, kMaxShiftMinutes))
      ->capture_default_str();
  shift->footer(
      "Example: doorstep-server shift --site rose-court\nIn: seen within the time, and nothing "
      "that "
      "it had then is still on its way.");
  shift->callback([=] { *chosen = [=] { return ShowShift(*options, *site, *within); }; });

  CLI::App* history = app->add_subcommand("history", "The ledger of all that was ever written");
  history->require_subcommand(1);
  CLI::App* verify = history->add_subcommand("verify", "Find altered, removed or moved entries");
  auto expected = Make<std::string>();
  verify->add_option("--expect", *expected, "SEQUENCE:HASH of an end that was noted before");
  verify->footer("Example: doorstep-server history verify; echo $?   (5: something was found)");
  verify->callback([=] { *chosen = [=] { return Verify(*options, *expected); }; });
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kAlreadyExists:
      return kExitExists;
    default:
      return kExitError;
  }
}

absl::StatusOr<Tenant*> FindTenant(Tenants& tenants, const GlobalOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(options));
  absl::StatusOr<Tenant*> tenant = tenants.Find(options.tenant);
  if (!absl::IsNotFound(tenant.status())) return tenant;
  return absl::NotFoundError(absl::StrCat("tenant: got ", Quoted(options.tenant),
                                          ", wanted one in ", options.data_dir,
                                          " (tenant add makes one)"));
}

absl::Status CheckDataDir(const GlobalOptions& options) {
  if (!options.data_dir.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--data: got none, wanted the data directory");
}

absl::StatusOr<TenantsOptions> TenantsOptionsOf(const GlobalOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(options));
  TenantsOptions all;
  all.data_dir = options.data_dir;
  DOORSTEP_ASSIGN_OR_RETURN(all.sqlite.key, KeyOnce(options.key_file, options.key_command));
  return all;
}

absl::StatusOr<std::string> KeyOnce(const std::string& file, const std::string& command) {
  static auto& read = *new std::map<std::pair<std::string, std::string>, std::string>;
  const auto found = read.find({file, command});
  if (found != read.end()) return found->second;
  DOORSTEP_ASSIGN_OR_RETURN(std::string key, ReadDatabaseKey(file, command));
  read[{file, command}] = key;
  return key;
}

void AddCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  AddTenantCommands(app, options, chosen);
  AddRestoredCommand(app, options, chosen);
  AddSiteCommands(app, options, chosen);
  AddUserCommands(app, options, chosen);
  AddFileCommands(app, options, chosen);
  AddReports(app, options, chosen);
}

}  // namespace doorstep::server
