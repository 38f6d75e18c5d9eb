#include "server/schema_commands.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/output.h"
#include "server/sqlite_schemas.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

// How often `push` looks whether a running server has taken the schema.
constexpr std::chrono::milliseconds kLook(100);

constexpr char kHowToMake[] =
    "a file as protoc --include_imports --descriptor_set_out writes (see Evolution in "
    "proto/README.md)";

absl::StatusOr<std::shared_ptr<const Schema>> ReadSchemaFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return InvalidField("NEW", path, absl::StrCat("no folder, but ", kHowToMake));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<std::shared_ptr<const Schema>> schema = Schema::FromDescriptorSet(bytes);
  if (schema.ok()) return schema;
  return Annotate(schema.status(), path);
}

// A tenant for one command: its database, and the schema in use.
struct Opened {
  std::unique_ptr<Tenants> tenants;
  std::unique_ptr<Database> db;
  std::shared_ptr<const Schema> schema;
};

absl::StatusOr<Opened> OpenTenant(const GlobalOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options));
  Opened opened;
  opened.tenants = std::make_unique<Tenants>(all);
  // Also brings the database to this program's layout.
  const absl::StatusOr<Tenant*> tenant = opened.tenants->Find(options.tenant);
  if (absl::IsNotFound(tenant.status())) {
    return absl::NotFoundError(absl::StrCat("tenant: got ", Quoted(options.tenant),
                                            ", wanted one in ", options.data_dir,
                                            " (tenant add makes one)"));
  }
  DOORSTEP_RETURN_IF_ERROR(tenant.status());
  opened.schema = (*tenant)->store().schema();
  DOORSTEP_ASSIGN_OR_RETURN(opened.db,
                            opened.tenants->OpenDatabase(options.tenant, /*read_only=*/false));
  return opened;
}

Json ToJson(const std::vector<SchemaChange>& changes) {
  Json list = Json::array();
  for (const SchemaChange& change : changes) {
    Json each = {{"where", change.where},       {"kind", change.kind},
                 {"field", change.field},       {"breaks", change.Breaks()},
                 {"rule", NameOf(change.rule)}, {"what", change.what}};
    if (change.Breaks()) {
      each["because"] = TextOf(change.rule);
      each["instead"] = InsteadOf(change.rule);
    }
    list.push_back(std::move(each));
  }
  return list;
}

int CountBreaks(const std::vector<SchemaChange>& changes) {
  return static_cast<int>(std::count_if(changes.begin(), changes.end(),
                                        [](const SchemaChange& c) { return c.Breaks(); }));
}

void Print(const std::vector<SchemaChange>& changes) {
  for (const SchemaChange& change : changes) {
    const std::string number = change.field == 0 ? absl::StrCat(change.kind)
                                                 : absl::StrCat(change.kind, ".", change.field);
    absl::PrintF("%-9s %s (%s): %s\n", change.Breaks() ? "BREAKS" : "additive", change.where,
                 number, change.what);
    if (!change.Breaks()) continue;
    absl::PrintF("          rule %s: %s\n          instead: %s\n", NameOf(change.rule),
                 TextOf(change.rule), InsteadOf(change.rule));
  }
  const int breaks = CountBreaks(changes);
  absl::PrintF("%d %s, %d of them break%s a rule\n", changes.size(),
               changes.size() == 1 ? "difference" : "differences", breaks, breaks == 1 ? "s" : "");
}

absl::StatusOr<int> Check(const GlobalOptions& options, const std::string& file) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> schema, ReadSchemaFile(file));
  std::shared_ptr<const Schema> in_use = Schema::BuiltIn();
  if (!options.data_dir.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Opened opened, OpenTenant(options));
    in_use = opened.schema;
  }
  const std::vector<SchemaChange> changes = CompareSchemas(*in_use, *schema);
  const int breaks = CountBreaks(changes);
  if (options.json) {
    PrintJson({{"in_use", ToHex(in_use->hash())},
               {"new", ToHex(schema->hash())},
               {"additive", breaks == 0},
               {"changes", ToJson(changes)}});
  } else {
    Print(changes);
  }
  return breaks == 0 ? kExitOk : kExitBreaks;
}

struct PushOptions {
  std::string file;
  std::string by;
  int wait_seconds = 10;
};

// Who is logged in: what an operator who gives no name is called.
std::string LoginName() {
  const passwd* entry = getpwuid(geteuid());
  return entry == nullptr ? absl::StrCat("uid ", geteuid()) : entry->pw_name;
}

absl::Status CheckBy(const std::string& by) {
  if (!by.empty() && by.size() <= kMaxAuthorBytes && IsValidUtf8(by) &&
      by.find('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return InvalidField("--by", by, absl::StrCat("1 to ", kMaxAuthorBytes, " bytes of UTF-8"));
}

// Whether a server runs on the data directory. A server that starts in this very moment tries
// again (serve.cc).
bool ServerRuns(const std::string& data_dir) {
  return absl::IsAborted(FileLock::TryAcquire(absl::StrCat(data_dir, "/serve.lock")).status());
}

// Waits until a running server serves with the schema that was pushed last; when it does.
absl::StatusOr<int64_t> WaitUntilServed(Database& db, Clock& clock, int seconds) {
  const int64_t end_ms = clock.Read().mono_ms + int64_t{seconds} * 1000;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<SchemaRow> rows, ReadSchemas(db));
    const int64_t served_ms = rows.back().served_ms;
    if (served_ms != 0 || clock.Read().mono_ms >= end_ms) return served_ms;
    std::this_thread::sleep_for(kLook);
  }
}

absl::StatusOr<int> DoPush(const GlobalOptions& options, PushOptions push) {
  if (push.by.empty()) push.by = LoginName();
  DOORSTEP_RETURN_IF_ERROR(CheckBy(push.by));
  DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> schema, ReadSchemaFile(push.file));
  DOORSTEP_ASSIGN_OR_RETURN(const Opened opened, OpenTenant(options));
  DOORSTEP_ASSIGN_OR_RETURN(
      const SchemaPush result,
      PushSchema(*opened.db, schema, push.by, opened.tenants->clock().Read().wall_ms));
  const int breaks = CountBreaks(result.changes);
  const bool runs = result.done && ServerRuns(options.data_dir);
  int64_t served_ms = 0;
  if (runs) {
    DOORSTEP_ASSIGN_OR_RETURN(
        served_ms, WaitUntilServed(*opened.db, opened.tenants->clock(), push.wait_seconds));
  }
  if (options.json) {
    PrintJson({{"schema", ToHex(schema->hash())},
               {"pushed", result.done},
               {"server_runs", runs},
               {"served", served_ms != 0},
               {"changes", ToJson(result.changes)}});
    return breaks == 0 ? kExitOk : kExitBreaks;
  }
  Print(result.changes);
  if (breaks != 0) {
    std::puts("refused: nothing was changed");
    return kExitBreaks;
  }
  if (!result.done) {
    std::puts("this schema is in use already");
  } else if (!runs) {
    std::puts("pushed: the server serves with it when it is started");
  } else if (served_ms != 0) {
    std::puts("pushed: the running server serves with it");
  } else {
    std::puts(
        "pushed, and not yet taken over by the running server: it does as soon as it can (see its "
        "log), for a tenant that no device has called yet when one calls");
  }
  return kExitOk;
}

absl::StatusOr<int> List(const GlobalOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const Opened opened, OpenTenant(options));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<SchemaRow> rows, ReadSchemas(*opened.db));
  Json list = Json::array();
  for (const SchemaRow& row : rows) {
    const bool in_use = row.number == rows.back().number;
    list.push_back({{"number", row.number},
                    {"schema", ToHex(row.hash)},
                    {"since", TimeText(row.since_ms)},
                    {"by", row.by},
                    {"pushed", row.sequence != 0},
                    {"served_since", TimeText(row.served_ms)},
                    {"in_use", in_use}});
    if (options.json) continue;
    absl::PrintF("%3d  %s  since %s  %s %s%s\n", row.number, ToHex(row.hash),
                 TimeText(row.since_ms), row.sequence == 0 ? "came with" : "pushed by", row.by,
                 in_use ? "  (in use)" : "");
  }
  if (options.json) PrintJson({{"schemas", std::move(list)}});
  return kExitOk;
}

absl::StatusOr<int> Save(const GlobalOptions& options, const std::string& file) {
  std::shared_ptr<const Schema> schema = Schema::BuiltIn();
  if (!options.data_dir.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Opened opened, OpenTenant(options));
    schema = opened.schema;
  }
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(file, schema->descriptor_set(), 0644));
  if (options.json) PrintJson({{"schema", ToHex(schema->hash())}, {"file", file}});
  return kExitOk;
}

}  // namespace

void AddSchemaCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* schema = app->add_subcommand("schema", "What kinds of records there are, and changes");
  schema->require_subcommand(1);

  CLI::App* check = schema->add_subcommand(
      "check", "What NEW changes in the schema in use (without --data: in the built-in one)");
  auto file = std::make_shared<std::string>();
  check->add_option("NEW", *file, absl::StrCat("The new schema: ", kHowToMake))->required();
  check->footer(
      "Example: protoc -I proto --include_imports --descriptor_set_out=new.pb \\\n"
      "           $(cd proto && find . -path ./doorstep/v1 -prune -o -name '*.proto' -print) \\\n"
      "           doorstep/v1/sign_off.proto\n"
      "         doorstep-server schema check new.pb; echo $?   (6: it breaks a rule)");
  check->callback([=] { *chosen = [=] { return Check(*options, *file); }; });

  CLI::App* push = schema->add_subcommand(
      "push", "Check NEW, and serve with it from now on, also while a server runs");
  auto to_push = std::make_shared<PushOptions>();
  push->add_option("NEW", to_push->file, absl::StrCat("The new schema: ", kHowToMake))->required();
  push->add_option("--by", to_push->by, "Who pushes it; default: who is logged in");
  push->add_option("--wait", to_push->wait_seconds,
                   "How many seconds to wait until a running server serves with it")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  push->footer("Example: doorstep-server schema push new.pb --by \"A Khan\" --data /srv/doorstep");
  push->callback([=] { *chosen = [=] { return DoPush(*options, *to_push); }; });

  CLI::App* list = schema->add_subcommand("list", "The schemas there were: since when, by whom");
  list->footer("Example: doorstep-server schema list --json");
  list->callback([=] { *chosen = [=] { return List(*options); }; });

  CLI::App* save = schema->add_subcommand("save", "Write the schema in use to a file");
  auto target = std::make_shared<std::string>();
  save->add_option("FILE", *target, "Replaced when it is there")->required();
  save->footer(
      "Example: doorstep-server schema save north.pb   (for doorstep schema use, on a device)");
  save->callback([=] { *chosen = [=] { return Save(*options, *target); }; });
}

}  // namespace doorstep::server
