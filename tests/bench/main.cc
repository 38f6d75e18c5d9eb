// doorstep-bench: measures Doorstep beside plain programs that do the same work, in one run.
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/bench/bench.h"
#include "tests/bench/plain.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {
namespace {

struct Workload {
  absl::string_view name;
  absl::string_view what;
  absl::Status (*run)(Bench&);
};

constexpr Workload kWorkloads[] = {
    {"local-write", "10,000 records and 10,000 edits through the library; one edit at a time",
     LocalWrite},
    {"first-sync", "100,000 records to an empty replica on disk", FirstSync},
    {"push", "10,000 offline edits to durable outcomes on the device", Push},
    {"nothing-to-do", "a sync on an open connection when nothing has changed", NothingToDo},
    {"file-size", "a replica of 100,000 records", FileSize},
    {"growth", "the same with 10,000, 20,000 and 40,000 records", Growth},
};

struct Role {
  absl::string_view name;
  absl::StatusOr<Json> (*run)(const Json&);
};

constexpr Role kRoles[] = {
    {"load", LoadRole},
    {"first-sync", FirstSyncRole},
    {"push", PushRole},
    {"nothing-to-do", NothingToDoRole},
    {"local-write", LocalWriteRole},
    {"plain-insert", PlainInsertRole},
    {"plain-update", PlainUpdateRole},
    {"plain-write", PlainWriteRole},
    {"size", SizeRole},
    {"bare", BareRole},
    {"echo", EchoRole},
};

// `--role NAME JSON`, or `--role echo-server {} --port-file FILE`.
int RunAsRole(int argc, char** argv) {
  absl::StatusOr<Json> answer = absl::InvalidArgumentError("usage: --role NAME JSON");
  const absl::string_view name = argc > 2 ? argv[2] : "";
  if (argc == 6 && name == "echo-server") {
    if (const absl::Status status = ServeEcho(argv[5]); !status.ok()) answer = status;
  } else if (argc == 4) {
    try {
      answer = RunRole(name, Json::parse(argv[3]));
    } catch (const std::exception& error) {
      answer = absl::InvalidArgumentError(error.what());
    }
  }
  if (!answer.ok()) {
    std::cerr << "doorstep-bench: role " << name << ": " << answer.status() << "\n";
    return 1;
  }
  std::cout << *answer << "\n";
  return 0;
}

std::string FirstLineWith(const std::string& path, absl::string_view name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(parts.first) == name) {
      return std::string(absl::StripAsciiWhitespace(parts.second));
    }
  }
  return "";
}

Json MachineFacts() {
  utsname system{};
  uname(&system);
  return {{"cores", std::thread::hardware_concurrency()},
          {"cpu", FirstLineWith("/proc/cpuinfo", "model name")},
          {"memory", FirstLineWith("/proc/meminfo", "MemTotal")},
          {"system", absl::StrCat(system.sysname, " ", system.release)},
          {"sqlite", SqliteVersion()},
          {"compiler", __VERSION__}};
}

int Run(int argc, char** argv) {
  CLI::App app(
      "Measures Doorstep beside plain programs that do the same work (\"limits\"): fresh "
      "databases\n"
      "and new values in each repetition, product and limit in turns. Fails only when a result is\n"
      "wrong, never when it is slow.",
      "doorstep-bench");
  app.footer(
      "example: doorstep-bench first-sync push --reps 5\n"
      "         doorstep-bench --scale 0.1 --json");
  Options options;
  bool json = false;
  bool list = false;
  std::vector<std::string> names;
  const char* temporary = std::getenv("TMPDIR");
  options.directory = temporary != nullptr ? temporary : "/tmp";
  app.add_option("WORKLOAD", names, "Which to run (see --list); all when none is named");
  app.add_option("--reps", options.repetitions, "Repetitions; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--scale", options.scale, "Of the numbers of records and edits")
      ->check(CLI::Range(0.0001, 100.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of all values")->capture_default_str();
  app.add_option("--dir", options.directory, "Where databases are made: a directory on the disk")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  bool plain = false;
  app.add_flag("--plain", plain,
               "Replicas and server without encryption, for comparison; users always have it");
  app.add_flag("--json", json, "One JSON object instead of the table");
  app.add_flag("--quiet", options.quiet, "No progress on standard error");
  app.add_flag("--list", list, "Name the workloads");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    for (const Workload& workload : kWorkloads) {
      std::cout << workload.name << std::string(16 - workload.name.size(), ' ') << workload.what
                << "\n";
    }
    return 0;
  }
  for (const std::string& name : names) {
    if (std::none_of(std::begin(kWorkloads), std::end(kWorkloads),
                     [&name](const Workload& w) { return w.name == name; })) {
      std::cerr << "doorstep-bench: got workload '" << name << "', wanted one of --list\n";
      return 2;
    }
  }
  // Inherited by every role and server.
  if (plain) setenv(kPlainVariable, "1", 1);
  Bench bench(options);
  for (const Workload& workload : kWorkloads) {
    if (!names.empty() && std::find(names.begin(), names.end(), workload.name) == names.end()) {
      continue;
    }
    bench.Say(absl::StrCat("== ", workload.name, ": ", workload.what));
    if (const absl::Status status = workload.run(bench); !status.ok()) {
      bench.report().Fail(absl::StrCat(workload.name, ": ", status.ToString()));
    }
  }
  // Small runs are all noise and start-up.
  if (options.scale >= 0.5) bench.report().CompareLimits();
  const Json facts = MachineFacts();
  if (json) {
    Json out = bench.report().ToJson();
    out["machine"] = facts;
    out["scale"] = options.scale;
    out["encrypted"] = !plain;
    out["repetitions"] = options.repetitions;
    std::cout << out.dump(2) << "\n";
  } else {
    std::cout << bench.report().Table() << "machine: " << facts.dump() << "\n";
  }
  return bench.report().failures().empty() ? 0 : 1;
}

}  // namespace

absl::StatusOr<Json> RunRole(absl::string_view name, const Json& arguments) {
  for (const Role& role : kRoles) {
    if (role.name == name) return role.run(arguments);
  }
  return absl::NotFoundError(absl::StrCat("no role '", name, "'"));
}

}  // namespace doorstep::bench

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--role") return doorstep::bench::RunAsRole(argc, argv);
  return doorstep::bench::Run(argc, argv);
}
