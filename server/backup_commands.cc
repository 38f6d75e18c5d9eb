#include "server/backup_commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "server/backup/create.h"
#include "server/backup/keys.h"
#include "server/backup/limits.h"
#include "server/backup/restore.h"
#include "server/output.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

// Between two lines about how far it is; quick work says nothing.
constexpr int64_t kProgressMs = 1'000;

struct BackupArguments {
  std::string file;
  std::string public_key;
  std::string secret_key;
  std::string temporary;
  bool without_identity = false;
  bool replace = false;
  int64_t mib_per_second = kBackupMibPerSecond;
};

std::string Mib(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / kMiB);
}

// On standard error, where results are not.
BackupProgress ProgressLines() {
  auto last_ms = std::make_shared<int64_t>(SystemClock()->Read().mono_ms);
  return [last_ms](absl::string_view what, uint64_t done, uint64_t of) {
    const int64_t now = SystemClock()->Read().mono_ms;
    if (now - *last_ms < kProgressMs) return;
    *last_ms = now;
    std::string line = absl::StrCat("backup: ", what);
    if (of > 0) absl::StrAppend(&line, " ", 100 * done / of, " %");
    std::fprintf(stderr, "%s\n", line.c_str());
  };
}

std::string MarkText(const TenantMark& mark) {
  return absl::StrCat("tenant ", mark.name, ": sequence ", mark.head, ", epoch ", mark.epoch,
                      ", history ends at ", mark.history_end);
}

absl::StatusOr<int> KeyGen(const GlobalOptions& options, const BackupArguments& asked) {
  const std::string public_file =
      asked.public_key.empty() ? asked.secret_key + ".pub" : asked.public_key;
  DOORSTEP_ASSIGN_OR_RETURN(const BackupKeys keys, NewBackupKeys(*SystemEntropy()));
  DOORSTEP_RETURN_IF_ERROR(WriteBackupKeys(keys, asked.secret_key, public_file));
  const std::string name = BackupKeyName(keys.public_key);
  if (options.json) {
    PrintJson({{"key", name}, {"secret_key", asked.secret_key}, {"public_key", public_file}});
  } else {
    Print(absl::StrCat("key ", name, "\n", public_file, ": for the server, to make backups with\n",
                       asked.secret_key,
                       ": opens them. Keep it in two places that are not the server; without it "
                       "every backup is lost."));
  }
  return kExitOk;
}

// FILE, or a new name in the directory FILE.
std::string FileFor(const std::string& file, int64_t now_ms) {
  std::error_code error;
  if (!std::filesystem::is_directory(file, error)) return file;
  return absl::StrCat(file, "/doorstep-",
                      absl::StrReplaceAll(FormatUtc(now_ms).substr(0, 19), {{"-", ""}, {":", ""}}),
                      "Z.backup");
}

absl::StatusOr<int> Create(const GlobalOptions& options, const BackupArguments& asked) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  const Tenants tenants(all);
  BackupOptions backup;
  backup.file = FileFor(asked.file, tenants.clock().Read().wall_ms);
  DOORSTEP_ASSIGN_OR_RETURN(backup.public_key, ReadBackupPublicKey(asked.public_key));
  backup.identity = !asked.without_identity;
  backup.bytes_per_second = asked.mib_per_second * static_cast<int64_t>(kMiB);
  backup.sqlite = all.sqlite;
  backup.progress = ProgressLines();
  DOORSTEP_ASSIGN_OR_RETURN(const BackupReport made,
                            CreateBackup(options.data_dir, tenants, backup));
  const std::string key = BackupKeyName(backup.public_key);
  if (options.json) {
    Json marks = Json::array();
    for (const TenantMark& mark : made.tenants) marks.push_back(ToJson(mark));
    PrintJson({{"file", made.file},
               {"made", FormatUtc(made.made_ms)},
               {"bytes", made.bytes},
               {"key", key},
               {"tenants", std::move(marks)},
               {"attachments", made.attachments},
               {"files", made.small_files}});
    return kExitOk;
  }
  Print(absl::StrCat(made.file, ": ", Mib(made.bytes), ", opened by the key ", key));
  for (const TenantMark& mark : made.tenants) Print(MarkText(mark));
  if (!made.attachments.empty()) {
    Print(absl::StrCat("with attachments of ", absl::StrJoin(made.attachments, ", ")));
  }
  if (!made.small_files.empty())
    Print(absl::StrCat("with ", absl::StrJoin(made.small_files, ", ")));
  return kExitOk;
}

Json ToJson(const CheckedTenant& tenant) {
  Json json = ToJson(tenant.mark);
  json["history_entries"] = tenant.history_entries;
  json["erased"] = tenant.erased;
  json["compartments"] = tenant.compartments;
  json["records"] = tenant.records;
  json["devices"] = tenant.devices;
  json["attachments"] = tenant.attachments;
  json["faults"] = tenant.faults;
  return json;
}

Json ToJson(const std::string& file, const VerifyReport& report) {
  Json tenants = Json::array();
  for (const CheckedTenant& tenant : report.tenants) tenants.push_back(ToJson(tenant));
  return {{"file", file},
          {"made", FormatUtc(report.unpacked.made_ms)},
          {"bytes", report.unpacked.bytes},
          {"whole", report.Whole()},
          {"tenants", std::move(tenants)},
          {"files", report.unpacked.small_files}};
}

void PrintReport(const std::string& file, const VerifyReport& report) {
  Print(absl::StrCat(file, ": made ", FormatUtc(report.unpacked.made_ms), ", ",
                     Mib(report.unpacked.bytes)));
  for (const CheckedTenant& tenant : report.tenants) {
    Print(MarkText(tenant.mark));
    Print(absl::StrCat("  ", tenant.history_entries, " history entries (", tenant.erased,
                       " erased), ", tenant.compartments, " compartments, ", tenant.records,
                       " records, ", tenant.devices, " devices, ",
                       tenant.attachments ? "attachments" : "no attachments"));
    for (const std::string& fault : tenant.faults) Print("  " + fault);
    Print(tenant.faults.empty() ? "  whole" : absl::StrCat("  ", tenant.faults.size(), " faults"));
  }
  if (!report.unpacked.small_files.empty()) {
    Print(absl::StrCat("with ", absl::StrJoin(report.unpacked.small_files, ", ")));
  }
}

absl::StatusOr<int> Verify(const GlobalOptions& options, const BackupArguments& asked) {
  DOORSTEP_ASSIGN_OR_RETURN(const BackupKeys keys, ReadBackupSecretKey(asked.secret_key));
  std::string temporary = asked.temporary;
  if (temporary.empty()) {
    const char* set = std::getenv("TMPDIR");
    temporary = set == nullptr || *set == '\0' ? "/var/tmp" : set;
  }
  GlobalOptions there = options;
  there.data_dir = temporary;
  DOORSTEP_ASSIGN_OR_RETURN(TenantsOptions all, TenantsOptionsOf(there));
  DOORSTEP_ASSIGN_OR_RETURN(
      const VerifyReport report,
      VerifyBackup(asked.file, keys, temporary, std::move(all), ProgressLines()));
  if (options.json) {
    PrintJson(ToJson(asked.file, report));
  } else {
    PrintReport(asked.file, report);
  }
  return report.Whole() ? kExitOk : kExitFaults;
}

absl::StatusOr<int> Restore(const GlobalOptions& options, const BackupArguments& asked) {
  DOORSTEP_ASSIGN_OR_RETURN(TenantsOptions all, TenantsOptionsOf(options));
  DOORSTEP_ASSIGN_OR_RETURN(const BackupKeys keys, ReadBackupSecretKey(asked.secret_key));
  DOORSTEP_ASSIGN_OR_RETURN(
      const RestoreReport report,
      RestoreBackup(asked.file, keys, asked.replace, std::move(all), ProgressLines()));
  if (options.json) {
    Json json = ToJson(asked.file, report.verified);
    for (size_t i = 0; i < report.epochs.size(); ++i) {
      json["tenants"][i]["epoch"] = report.epochs[i];
    }
    json["set_aside"] = report.set_aside;
    json["revoked_again"] = report.revoked_again;
    json["unreadable"] = report.unreadable;
    PrintJson(json);
    return kExitOk;
  }
  PrintReport(asked.file, report.verified);
  if (!report.set_aside.empty()) {
    Print(absl::StrCat("what was here is in ", report.set_aside));
  }
  for (const std::string& name : report.unreadable) {
    Print(absl::StrCat("tenant ", name,
                       " as it was here cannot be read: devices that were revoked "
                       "since then must be revoked again"));
  }
  if (report.revoked_again > 0) {
    Print(absl::StrCat(report.revoked_again, " devices that were revoked since are revoked again"));
  }
  Print(
      absl::StrCat("A new epoch has begun: every device hands over again at its next sync what the "
                   "backup lacks, "
                   "and\nshows what only it still holds of others' work (doorstep rescued). Do "
                   "again what was done "
                   "here since\n",
                   FormatUtc(report.verified.unpacked.made_ms),
                   ": sites, shares, withdrawals, revocations, new devices."));
  return kExitOk;
}

void AddKeyGen(CLI::App* backup, const GlobalOptions* options, Command* chosen) {
  CLI::App* keygen = backup->add_subcommand("keygen", "Make the two keys of backups");
  auto asked = std::make_shared<BackupArguments>();
  keygen->add_option("SECRET", asked->secret_key, "Where the key goes that opens backups")
      ->required();
  keygen->add_option("--public-key", asked->public_key,
                     "Where the key goes that makes them; default: SECRET.pub");
  keygen->footer(
      "Example: doorstep-server backup keygen /media/safe/doorstep.key\n"
      "Make them on another machine than the server, and give it the .pub file only.");
  keygen->callback([=] { *chosen = [=] { return KeyGen(*options, *asked); }; });
}

void AddCreate(CLI::App* backup, const GlobalOptions* options, Command* chosen) {
  CLI::App* create =
      backup->add_subcommand("create", "Back up all tenants, while the server serves or not");
  auto asked = std::make_shared<BackupArguments>();
  create->add_option("FILE", asked->file, "A new file, or a directory for one named by the time")
      ->required();
  create->add_option("--public-key", asked->public_key, "The .pub file that keygen made")
      ->required();
  create->add_option("--rate", asked->mib_per_second, "Megabytes a second that it reads at most")
      ->check(CLI::Range(int64_t{1}, kMaxBackupMibPerSecond))
      ->capture_default_str();
  create->add_flag("--without-identity", asked->without_identity,
                   "Leave out the server's authority and certificates: restored elsewhere, every "
                   "device has to enrol again");
  create->footer(
      "Example: doorstep-server backup create /mnt/backups --public-key /etc/doorstep/backup.pub "
      "--data /srv/doorstep\n"
      "It needs as much free space in the data directory as its largest database.");
  create->callback([=] { *chosen = [=] { return Create(*options, *asked); }; });
}

void AddVerify(CLI::App* backup, const GlobalOptions* options, Command* chosen) {
  CLI::App* verify = backup->add_subcommand(
      "verify", "Restore to a temporary place and check everything that is there");
  auto asked = std::make_shared<BackupArguments>();
  verify->add_option("FILE", asked->file, "The backup")->required();
  verify->add_option("--secret-key", asked->secret_key, "The key that opens it")->required();
  verify->add_option("--temp", asked->temporary,
                     "Where it is unpacked, and removed again; default: $TMPDIR, else /var/tmp");
  verify->footer(
      "Example: doorstep-server backup verify doorstep-20261128T020000Z.backup --secret-key "
      "/media/safe/doorstep.key; echo $?   (5: it has faults)\n"
      "The unpacked databases are people's records: try backups where you would keep those.");
  verify->callback([=] { *chosen = [=] { return Verify(*options, *asked); }; });
}

void AddRestore(CLI::App* backup, const GlobalOptions* options, Command* chosen) {
  CLI::App* restore = backup->add_subcommand(
      "restore", "Check a backup and put it in place; the server is stopped");
  auto asked = std::make_shared<BackupArguments>();
  restore->add_option("FILE", asked->file, "The backup")->required();
  restore->add_option("--secret-key", asked->secret_key, "The key that opens it")->required();
  restore->add_flag("--replace", asked->replace,
                    "Set aside what is in the data directory (DIR/replaced-TIME)");
  restore->footer(
      "Example: doorstep-server backup restore doorstep-20261128T020000Z.backup --secret-key "
      "/media/safe/doorstep.key --data /srv/doorstep\n"
      "It begins the new epoch itself: `restored` is not needed.");
  restore->callback([=] { *chosen = [=] { return Restore(*options, *asked); }; });
}

}  // namespace

void AddBackupCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* backup = app->add_subcommand("backup", "Encrypted backups of a server that runs");
  backup->require_subcommand(1);
  AddKeyGen(backup, options, chosen);
  AddCreate(backup, options, chosen);
  AddVerify(backup, options, chosen);
  AddRestore(backup, options, chosen);
}

}  // namespace doorstep::server
