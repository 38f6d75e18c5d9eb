// schema: what kinds of records this replica knows.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

int Show(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto status = (*replica)->Status();
  if (!status.ok()) return Fail(globals, status.status());
  const std::vector<std::string> kinds = (*replica)->Kinds();
  if (globals.json) {
    PrintJson({{"schema", status->schema_hash}, {"kinds", kinds}});
    return kOk;
  }
  std::cout << status->schema_hash << ", " << kinds.size() << " kinds\n";
  for (const std::string& kind : kinds) std::cout << "  " << kind << "\n";
  return kOk;
}

int Use(const Globals& globals, const std::string& file) {
  OpenOptions options;
  auto environment = globals.Opening();
  if (!environment.ok()) return Fail(globals, environment.status());
  options.environment = *std::move(environment);
  auto bytes = ReadSchemaFile(file);
  if (!bytes.ok()) return Fail(globals, bytes.status());
  const absl::Status used = Replica::UseSchema(globals.replica, *bytes, options);
  return used.ok() ? Show(globals) : Fail(globals, used);
}

}  // namespace

absl::StatusOr<std::string> ReadSchemaFile(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.is_open() && !bytes.empty()) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(
      file, ": got no file that can be read, wanted a schema (doorstep-server schema save)"));
}

void AddSchemaCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* schema = app.add_subcommand("schema", "What kinds of records this replica knows");
  schema->require_subcommand(1);

  auto* show = schema->add_subcommand("show", "The schema in use and its kinds");
  show->footer("Example: doorstep schema show --json");
  show->callback([=, &globals] { *exit_code = Show(globals); });

  auto* use = schema->add_subcommand(
      "use", "Take over a newer schema; nothing is received again, what was kept unread is read");
  auto file = std::make_shared<std::string>();
  use->add_option("FILE", *file, "As doorstep-server schema save, or protoc, writes it")
      ->required();
  use->footer(
      "Example: doorstep schema use north.pb   (exit code 2: it breaks a rule; nothing changed)");
  use->callback([=, &globals] { *exit_code = Use(globals, *file); });
}

}  // namespace doorstep::cli
