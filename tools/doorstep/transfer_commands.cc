// import, export: many records at once.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "doorstep/replica.h"
#include "doorstep/transfer.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

int FailImport(const Globals& globals, const std::string& path, const ImportResult& result) {
  if (globals.json) {
    PrintJson(ToJson(result, /*dry_run=*/false));
    return kUsage;
  }
  for (const ImportError& error : result.first_errors) {
    std::cerr << path << ":" << error.line << ": " << error.message << "\n";
  }
  if (result.errors > result.first_errors.size()) {
    std::cerr << "and " << result.errors - result.first_errors.size() << " more\n";
  }
  std::cerr << "doorstep: " << result.errors << " of " << result.records
            << " records cannot be taken; nothing was imported\n";
  return kUsage;
}

void PrintImport(const ImportResult& result, bool dry_run) {
  std::cout << result.added << " records "
            << (dry_run ? "would be saved; nothing was changed.\n" : "saved on this device.\n");
  const auto also = [](uint64_t count, const char* what) {
    if (count > 0) std::cout << count << " " << what << "\n";
  };
  also(result.here, "were here already, just so.");
  also(result.kept, "are here with other values, and were left as they are here.");
  also(result.empty, "had no value, and were passed over.");
  also(result.sign_offs, "signatures were passed over: who signed must sign again.");
  also(result.undecided,
       "were undecided where they come from: what they said there until decided was taken.");
  also(result.attachments_missing,
       "name attachments that are not here: an import brings records, not their attachments.");
}

int RunImport(const Globals& globals, const std::string& path, ImportOptions options) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return Fail(globals, absl::NotFoundError(absl::StrCat(path, ": cannot be read")));
  }
  std::istream& in = path == "-" ? std::cin : file;
  const auto read = [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    in.read(buffer, static_cast<std::streamsize>(size));
    if (in.bad()) return absl::UnknownError(absl::StrCat(path, ": cannot be read further"));
    return static_cast<size_t>(in.gcount());
  };
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  options.author = globals.user;
  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (terminal) {
    options.progress = [](uint64_t records) {
      std::cerr << "\r\x1b[K" << records << " records";
      return true;
    };
  }
  const auto result = Import(**replica, options, read);
  if (terminal) std::cerr << "\r\x1b[K";
  if (!result.ok()) {
    return Fail(globals, absl::Status(result.status().code(),
                                      absl::StrCat(path, ": ", result.status().message(),
                                                   " (nothing was imported)")));
  }
  if (result->errors > 0) return FailImport(globals, path, *result);
  if (globals.json) {
    PrintJson(ToJson(*result, options.dry_run));
  } else {
    PrintImport(*result, options.dry_run);
  }
  return kOk;
}

int RunExport(const Globals& globals, const ExportOptions& options, const std::string& path) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  std::ofstream file;
  // Under another name until it is whole, so that nobody takes a part of it for all.
  const std::string partial = path + ".part";
  if (!path.empty()) {
    file.open(partial, std::ios::binary | std::ios::trunc);
    if (!file) {
      return Fail(globals, absl::PermissionDeniedError(absl::StrCat(path, ": cannot be written")));
    }
  }
  std::ostream& out = path.empty() ? std::cout : file;
  const bool terminal = !path.empty() && isatty(STDERR_FILENO) == 1;
  uint64_t rows = 0;
  const auto sink = [&](absl::string_view text) -> absl::Status {
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!out) return absl::ResourceExhaustedError("export: cannot be written further");
    if (terminal && ++rows % 500 == 0) std::cerr << "\r\x1b[K" << rows << " records";
    return absl::OkStatus();
  };
  auto result = Export(**replica, options, sink);
  if (terminal) std::cerr << "\r\x1b[K";
  out.flush();
  if (result.ok() && !out) result = absl::ResourceExhaustedError("export: cannot be written");
  if (!path.empty()) {
    file.close();
    if (result.ok() && std::rename(partial.c_str(), path.c_str()) != 0) {
      result = absl::PermissionDeniedError(absl::StrCat(path, ": cannot be written"));
    }
    if (!result.ok()) std::remove(partial.c_str());
  }
  if (!result.ok()) return Fail(globals, result.status());
  if (!path.empty() && globals.json) {
    PrintJson({{"exported", result->records}, {"undecided", result->undecided}});
  } else if (!path.empty()) {
    std::cout << result->records << " records in " << path << "\n";
  }
  if (result->undecided > 0) {
    std::cerr << "doorstep: of " << result->undecided
              << " records versions stand that differ: what they say until decided was exported, "
                 "with all versions under \"undecided\"\n";
  }
  return kOk;
}

}  // namespace

void AddTransferCommands(CLI::App& app, Globals& globals, int* exit_code) {
  struct Arguments {
    std::string path;
    bool csv = false;
    ImportOptions import;
    ExportOptions export_;
  };

  auto* import_command = app.add_subcommand("import", "Add records from JSON lines or CSV");
  auto i = std::make_shared<Arguments>();
  import_command->add_option("FILE", i->path, "As export writes it; - reads standard input")
      ->required();
  import_command->add_flag("--csv", i->csv, "CSV (also when FILE ends in .csv)");
  import_command->add_option("--kind", i->import.kind, "Of a CSV file without a column _kind");
  import_command->add_flag("--dry-run", i->import.dry_run, "Check everything, change nothing");
  import_command->add_flag("--keep-existing", i->import.keep_existing,
                           "Leave records that are here with other values as they are here");
  import_command->footer(
      "Examples: doorstep import people.jsonl\n"
      "          doorstep import visits.csv --kind Visit --dry-run\n"
      "All records, or none: what is wrong is told line by line (exit code 2). A record that is\n"
      "here already is not added again, also when the file gives no ids.\n"
      "A JSON line: {\"kind\":\"Person\",\"record\":{\"name\":\"Peter\"}} with optional \"id\", "
      "\"file\",\n\"tier\", \"hidden\". CSV: the first row names columns: fields, parts as\n"
      "residual_rating.likelihood, and _kind, _id, _file, _tier, _hidden; an empty cell is no\n"
      "value; a list is JSON, as [\"STAFFING\"]; a text that would be a formula has ' before it.");
  import_command->callback([=, &globals] {
    ImportOptions options = i->import;
    if (i->csv || absl::EndsWithIgnoreCase(i->path, ".csv")) options.format = TransferFormat::kCsv;
    *exit_code = RunImport(globals, i->path, options);
  });

  auto* export_command = app.add_subcommand("export", "Print records as JSON lines or CSV");
  auto x = std::make_shared<Arguments>();
  export_command->add_option("--kind", x->export_.kind, "Only this kind");
  export_command->add_flag("--csv", x->csv, "CSV of one kind, for spreadsheets");
  export_command->add_option("--to", x->path, "A file, which appears when it is whole")
      ->type_name("FILE");
  export_command->footer(
      "Examples: doorstep export > all.jsonl\n"
      "          doorstep export --kind Person --csv --to people.csv\n"
      "What records say now, hidden ones too, without their history and their attachments.");
  export_command->callback([=, &globals] {
    ExportOptions options = x->export_;
    if (x->csv) options.format = TransferFormat::kCsv;
    *exit_code = RunExport(globals, options, x->path);
  });
}

}  // namespace doorstep::cli
