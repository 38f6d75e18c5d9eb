#include "tests/bench/bench.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {
namespace {

std::string RootOf(const Options& options) {
  return absl::StrCat(options.directory, "/doorstep-bench-", getpid());
}

}  // namespace

ScratchDirectory::ScratchDirectory(std::string path) : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string ScratchDirectory::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

Bench::Bench(Options options) : options_(std::move(options)), root_(RootOf(options_)) {}

int64_t Bench::Scaled(int64_t full, int64_t least) const {
  return std::max<int64_t>(least, std::llround(static_cast<double>(full) * options_.scale));
}

std::unique_ptr<ScratchDirectory> Bench::Scratch(absl::string_view label) {
  return std::make_unique<ScratchDirectory>(root_.Path(absl::StrCat(label, "-", ++scratches_)));
}

absl::StatusOr<Json> Bench::Role(absl::string_view name, const Json& arguments) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string output,
                            RunProgram({absl::StrCat(ProgramDirectory(), "/doorstep-bench"),
                                        "--role", std::string(name), arguments.dump()}));
  Json answer = Json::parse(output, nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded()) {
    return absl::InternalError(absl::StrCat("role ", name, ": got '", output, "', wanted JSON"));
  }
  return answer;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> Bench::StartServer(const std::string& data) {
  const std::string program = absl::StrCat(ProgramDirectory(), "/doorstep-server");
  // As operators run it: the key is read by both programs.
  const std::string key = root_.Path("server.key");
  if (std::getenv(kPlainVariable) == nullptr && !std::filesystem::exists(key)) {
    DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(key, std::string(32, 'b'), 0600));
    setenv("DOORSTEP_KEY_FILE", key.c_str(), 1);
  }
  if (!std::filesystem::exists(data)) {
    DOORSTEP_RETURN_IF_ERROR(RunProgram({program, "site", "add", "--data", data, "--id",
                                         std::string(kSite), "--name", "Bench"})
                                 .status());
  }
  return ServerProcess::Start(
      {program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--dev-loopback"},
      absl::StrCat(data, ".port"), absl::StrCat(data, ".log"));
}

absl::StatusOr<std::unique_ptr<ServerProcess>> Bench::StartEchoServer(
    const ScratchDirectory& scratch) {
  return ServerProcess::Start(
      {absl::StrCat(ProgramDirectory(), "/doorstep-bench"), "--role", "echo-server", "{}"},
      scratch.Path("echo.port"), scratch.Path("echo.log"));
}

absl::StatusOr<const Town*> Bench::TownOf(int64_t records) {
  if (const auto it = towns_.find(records); it != towns_.end()) return &it->second;
  Say(absl::StrCat("loading a server with ", records, " records"));
  Town town;
  town.data = root_.Path(absl::StrCat("town-", records));
  town.records = records;
  town.seed = Seed(0) + static_cast<uint64_t>(records);
  DOORSTEP_ASSIGN_OR_RETURN(const auto server, StartServer(town.data));
  const auto scratch = Scratch("loader");
  DOORSTEP_ASSIGN_OR_RETURN(const Json loaded, Role("load", {{"replica", scratch->Path("replica")},
                                                             {"server", server->address()},
                                                             {"records", records},
                                                             {"seed", town.seed}}));
  town.digest = loaded["digest"];
  town.load_seconds = loaded["insert_s"].get<double>() + loaded["sync_s"].get<double>();
  Check(loaded["records"] == records,
        absl::StrCat("load: got ", loaded["records"].dump(), " records, wanted ", records));
  Check(loaded["applied"] == records,
        absl::StrCat("load: got ", loaded["applied"].dump(), " outcomes, wanted ", records));
  Say(absl::StrCat("  written in ", loaded["insert_s"].dump(), " s, sent in ",
                   loaded["sync_s"].dump(), " s; server's peak ", server->PeakKib() / 1024,
                   " MiB"));
  return &towns_.emplace(records, std::move(town)).first->second;
}

absl::Status Bench::MeasureBare() {
  const auto scratch = Scratch("bare");
  DOORSTEP_ASSIGN_OR_RETURN(const Json bare, Role("bare", {{"directory", scratch->Path("")},
                                                           {"inserts", Scaled(50'000, 2000)},
                                                           {"syncs", Scaled(200, 10)}}));
  report_.AddBare(bare["insert_s"], bare["insert_cpu"], bare["sync_s"]);
  return absl::OkStatus();
}

void Bench::Check(bool ok, std::string what) {
  if (!ok) report_.Fail(std::move(what));
}

void Bench::Say(absl::string_view what) const {
  if (!options_.quiet) std::cerr << what << "\n";
}

}  // namespace doorstep::bench
