#include "server/key_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "server/backup/contents.h"
#include "server/keyed_database.h"
#include "server/output.h"
#include "server/recovery.h"
#include "server/work.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

struct NewKey {
  std::string file;
  std::string command;
};

// The records and the attachments of a tenant; each goes on where a crash has left it. Whether any
// had another key.
absl::StatusOr<bool> RekeyTenant(const Tenants& tenants, const std::string& name,
                                 const std::string& old_key, const std::string& new_key) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool records,
                            RekeyDatabase(tenants.PathOf(name), old_key, new_key));
  const absl::StatusOr<bool> attachments =
      RekeyDatabase(tenants.AttachmentsPathOf(name), old_key, new_key);
  if (absl::IsNotFound(attachments.status())) return records;  // it has none yet
  DOORSTEP_RETURN_IF_ERROR(attachments.status());
  return records || *attachments;
}

absl::StatusOr<int> DoRekey(const GlobalOptions& options, const NewKey& wanted) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string key, KeyOnce(wanted.file, wanted.command));
  if (key.empty()) {
    return absl::InvalidArgumentError(
        "rekey: got no new key, wanted --new-key-file or --new-key-command");
  }
  const absl::StatusOr<FileLock> lock = FileLock::TryAcquire(options.data_dir + "/serve.lock");
  if (absl::IsAborted(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.data_dir, ": a server runs on it, wanted none: stop it first"));
  }
  DOORSTEP_RETURN_IF_ERROR(lock.status());
  DOORSTEP_RETURN_IF_ERROR(CheckNoRestoreHalfDone(options.data_dir));
  Tenants tenants(all);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> names, tenants.List());
  Json list = Json::array();
  for (const std::string& name : names) {
    // One after the other: after a crash, the same command goes on where it was.
    absl::StatusOr<bool> changed = RekeyTenant(tenants, name, all.sqlite.key, key);
    if (!changed.ok()) return Annotate(changed.status(), absl::StrCat("tenant ", name));
    list.push_back({{"tenant", name}, {"changed", *changed}});
    if (!options.json) {
      std::printf("%s: %s\n", name.c_str(),
                  *changed ? "encrypted with the new key" : "had the new key already");
    }
  }
  if (options.json) PrintJson({{"tenants", std::move(list)}});
  return kExitOk;
}

absl::StatusOr<int> Make(const GlobalOptions& options, const std::string& file) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  Tenants tenants(all);
  DOORSTEP_RETURN_IF_ERROR(tenants.Find(options.tenant).status());
  const std::string path =
      file.empty() ? RecoveryPrivatePath(options.data_dir, options.tenant) : file;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string key, MakeRecoveryKey(options.data_dir, options.tenant,
                                                                   path, tenants.entropy()));
  if (options.json) {
    PrintJson({{"public", ToHex(key)}, {"private_file", path}});
  } else {
    std::printf("%s\nThe private key is in %s: keep it away from this machine.\n",
                ToHex(key).c_str(), path.c_str());
  }
  return kExitOk;
}

absl::StatusOr<int> Show(const GlobalOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckDataDir(options));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string key,
                            ReadRecoveryKey(options.data_dir, options.tenant));
  if (key.empty()) {
    return absl::NotFoundError(
        absl::StrCat("tenant ", options.tenant, ": no recovery key (recovery make makes one)"));
  }
  if (options.json) {
    PrintJson({{"public", ToHex(key)}});
  } else {
    std::printf("%s\n", ToHex(key).c_str());
  }
  return kExitOk;
}

absl::StatusOr<int> Open(const GlobalOptions& options, const std::string& request_file,
                         const std::string& file) {
  if (file.empty()) DOORSTEP_RETURN_IF_ERROR(CheckDataDir(options));
  if (!options.data_dir.empty()) {
    // In whose audit it stands.
    DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
    DOORSTEP_RETURN_IF_ERROR(Tenants(all).Find(options.tenant).status());
  }
  std::string text;
  if (request_file == "-") {
    std::getline(std::cin, text);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(text, ReadFile(request_file));
  }
  absl::StatusOr<RecoveryRequest> request = ParseRecoveryRequest(text);
  if (!request.ok()) return Annotate(request.status(), "request");
  DOORSTEP_ASSIGN_OR_RETURN(
      const RecoveryAnswer answer,
      OpenSealed(*request,
                 file.empty() ? RecoveryPrivatePath(options.data_dir, options.tenant) : file));
  if (options.json) {
    PrintJson({{"answer", FormatRecoveryAnswer(answer)}, {"replica", ToHex(request->keyring)}});
  } else {
    std::printf("%s\n", FormatRecoveryAnswer(answer).c_str());
  }
  return kExitOk;
}

void AddRecovery(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* recovery = app->add_subcommand(
      "recovery", "For replicas that nobody can open any more: PINs forgotten, or too often wrong");
  recovery->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  constexpr char kPrivate[] = "The file of the private key (default: DATA/recovery/TENANT.key)";

  CLI::App* make = recovery->add_subcommand(
      "make", "Make the tenant's key pair: devices learn the public key at their next sync");
  make->add_option("--private", *file, kPrivate);
  make->footer(
      "Example: doorstep-server recovery make --private /media/safe/north.key\n"
      "Who has the private key and a device can read what is on the device.");
  make->callback([=] { *chosen = [=] { return Make(*options, *file); }; });

  CLI::App* show = recovery->add_subcommand("show", "The public key, for doorstep init");
  show->footer("Example: doorstep-server recovery show");
  show->callback([=] { *chosen = [=] { return Show(*options); }; });

  CLI::App* open = recovery->add_subcommand(
      "open", "Answer a request (doorstep keys sealed): make sure first of who is asking");
  auto request = std::make_shared<std::string>();
  open->add_option("REQUEST", *request, "The file with the request; - for standard input")
      ->required();
  open->add_option("--private", *file, kPrivate);
  open->footer("Example: doorstep-server recovery open request.txt > answer.txt");
  open->callback([=] { *chosen = [=] { return Open(*options, *request, *file); }; });
}

}  // namespace

void AddKeyCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* rekey = app->add_subcommand(
      "rekey", "Encrypt every tenant's database with another key, plain ones too; no server runs");
  auto wanted = std::make_shared<NewKey>();
  rekey->add_option("--new-key-file", wanted->file, "32 bytes or 64 hexadecimal digits, mode 0600");
  rekey->add_option("--new-key-command", wanted->command, "Prints the new key");
  rekey->footer(
      "Example: doorstep-server rekey --key-file old.key --new-key-file new.key --data "
      "/srv/doorstep\n"
      "A key: (umask 077; openssl rand -hex 32 > new.key). Interrupted, it is simply run again.");
  rekey->callback([=] { *chosen = [=] { return DoRekey(*options, *wanted); }; });
  AddRecovery(app, options, chosen);
}

}  // namespace doorstep::server
