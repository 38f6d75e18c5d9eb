#include "server/backup/contents.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "server/tenants.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

bool IsDatabaseName(absl::string_view name) {
  return absl::ConsumeSuffix(&name, ".db") && CheckName("tenant", name).ok();
}

bool IsSmallName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

nlohmann::json ToJson(const TenantMark& mark) {
  return {{"tenant", mark.name},
          {"head", mark.head},
          {"epoch", mark.epoch},
          {"history_end", mark.history_end}};
}

TenantMark TenantMarkFrom(const nlohmann::json& json) {
  TenantMark mark;
  if (!json.is_object()) return mark;
  if (json.contains("tenant") && json["tenant"].is_string()) mark.name = json["tenant"];
  if (json.contains("history_end") && json["history_end"].is_string()) {
    mark.history_end = json["history_end"];
  }
  const auto number = [&json](const char* key) {
    return json.contains(key) && json[key].is_number_unsigned() ? json[key].get<uint64_t>() : 0;
  };
  mark.head = number("head");
  mark.epoch = number("epoch");
  return mark;
}

absl::StatusOr<TenantMark> ReadMark(const std::string& name, Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * row, db.Prepared("SELECT s.head, (SELECT epoch FROM _epoch ORDER BY ref DESC "
                                   "LIMIT 1), s.history_sequence, s.history_chain "
                                   "FROM _server AS s"));
  const ScopedReset done(row);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, row->Step());
  if (!found) return absl::DataLossError(absl::StrCat(db.path(), ": _server is empty"));
  TenantMark mark;
  mark.name = name;
  mark.head = static_cast<uint64_t>(row->Int(0));
  mark.epoch = static_cast<uint64_t>(row->Int(1));
  mark.history_end = absl::StrCat(row->Int(2), ":", ToHex(row->Blob(3)));
  return mark;
}

absl::StatusOr<KeyedDatabase> OpenForBackup(const std::string& path, bool create,
                                            const SqliteStoreOptions& options) {
  DatabaseOptions database;
  database.create = create;
  database.read_only = !create;
  database.vfs = options.vfs;
  database.key = options.key;
  if (create) {
    database.wal = false;  // a file, and nothing beside it
    database.sync = DatabaseOptions::Sync::kOff;
  }
  return OpenKeyed(path, database);
}

std::string BackupLock(const std::string& data_dir) { return data_dir + "/backup.lock"; }

std::string HalfDoneMark(const std::string& data_dir) { return data_dir + "/restore.half-done"; }

absl::Status CheckNoRestoreHalfDone(const std::string& data_dir) {
  std::error_code error;
  if (!std::filesystem::exists(HalfDoneMark(data_dir), error) && !error) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      data_dir,
      ": got a restore that was interrupted, wanted one that is done (backup restore --replace)"));
}

absl::Status CheckBackupName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() == 2) {
    if ((parts[0] == kTenantsFolder || parts[0] == kAttachmentsFolder) &&
        IsDatabaseName(parts[1])) {
      return absl::OkStatus();
    }
    for (const absl::string_view folder : kSmallFolders) {
      const bool fits = folder != kRecoveryFolder || absl::EndsWith(parts[1], ".pub");
      if (parts[0] == folder && IsSmallName(parts[1]) && fits) return absl::OkStatus();
    }
  }
  return absl::DataLossError(
      absl::StrCat("file: got ", Quoted(name), ", wanted one that a server has"));
}

std::string TenantOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "tenants/") || !absl::ConsumeSuffix(&name, ".db")) return "";
  return std::string(name);
}

}  // namespace doorstep::server
