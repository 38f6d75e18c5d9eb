// doorstep-sim: the whole system in one process, under virtual time and one seed.
//
// Exit codes: 0 nothing found, 1 a violation, 2 usage.
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "sync/base/file.h"
#include "tests/sim/generator.h"
#include "tests/sim/plants.h"
#include "tests/sim/script.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"

namespace doorstep::sim {
namespace {

struct Arguments {
  uint64_t seeds = 100;
  uint64_t seed = 1;
  std::string script;
  std::string plant;
  std::vector<std::string> without;
  int shrink_runs = 400;
  bool list_plants = false;
  bool print_script = false;
  bool keep_going = false;
  bool json = false;
  bool verbose = false;
};

struct Totals {
  uint64_t seeds = 0;
  uint64_t violations = 0;
  uint64_t hash = 0;  // of all traces
  Counts counts;
};

void Add(const Result& result, Totals* totals) {
  ++totals->seeds;
  totals->hash = totals->hash * 1099511628211ull + result.trace_hash;
  totals->violations += result.violation ? 1 : 0;
  Counts& to = totals->counts;
  to.steps += result.counts.steps;
  to.commits += result.counts.commits;
  to.syncs += result.counts.syncs;
  to.exchanges += result.counts.exchanges;
  to.conflicts += result.counts.conflicts;
  to.refused += result.counts.refused;
  for (const auto& [kind, count] : result.counts.faults) to.faults[kind] += count;
}

nlohmann::json ToJson(const Totals& totals) {
  nlohmann::json out;
  out["seeds"] = totals.seeds;
  out["violations"] = totals.violations;
  out["trace_hash"] = absl::StrCat(absl::Hex(totals.hash, absl::kZeroPad16));
  out["steps"] = totals.counts.steps;
  out["commits"] = totals.counts.commits;
  out["syncs"] = totals.counts.syncs;
  out["exchanges"] = totals.counts.exchanges;
  out["conflicts"] = totals.counts.conflicts;
  out["refused"] = totals.counts.refused;
  out["faults"] = totals.counts.faults;
  return out;
}

class Program {
 public:
  explicit Program(const Arguments& arguments) : args_(arguments) {}

  int Run() {
    if (args_.list_plants) return ListPlants();
    if (!args_.plant.empty()) {
      options_.plant = FindPlant(args_.plant);
      if (options_.plant == nullptr) {
        std::fprintf(stderr, "--plant: got '%s', wanted one of --list-plants\n",
                     args_.plant.c_str());
        return 2;
      }
    }
    options_.without.insert(args_.without.begin(), args_.without.end());
    options_.verbose = args_.verbose;
    return args_.script.empty() ? RunSeeds() : RunFile();
  }

 private:
  int ListPlants() {
    for (const Plant& plant : AllPlants()) {
      std::printf("%-28s %-4s within %3d seeds  %s\n", plant.name.c_str(), plant.rule.c_str(),
                  plant.within, plant.what.c_str());
    }
    return 0;
  }

  int RunFile() {
    const auto text = ReadFile(args_.script);
    const auto script = text.ok() ? ParseScript(*text) : text.status();
    if (!script.ok()) {
      std::fprintf(stderr, "%s\n", script.status().ToString().c_str());
      return 2;
    }
    const Result result = RunScript(*script, options_);
    Add(result, &totals_);
    if (result.violation) Report(*script, result, absl::StrCat("script ", args_.script));
    return Finish();
  }

  int RunSeeds() {
    for (uint64_t seed = args_.seed; seed < args_.seed + args_.seeds; ++seed) {
      const Script script = Generate(seed);
      if (args_.print_script) std::printf("%s", ToText(script).c_str());
      const Result result = RunScript(script, options_);
      Add(result, &totals_);
      if (!result.violation) continue;
      Report(script, result, absl::StrCat("seed ", seed));
      if (!args_.keep_going) break;
    }
    return Finish();
  }

  // On standard error, so that --json stays JSON.
  void Report(const Script& script, const Result& result, const std::string& what) {
    std::fprintf(stderr, "VIOLATION of %s at %s, step %zu: %s\n  %s\n",
                 result.violation->oracle.c_str(), what.c_str(), result.failed_step + 1,
                 script[result.failed_step].text.c_str(), result.violation->what.c_str());
    Script shorter(script.begin(),
                   script.begin() + static_cast<std::ptrdiff_t>(result.failed_step) + 1);
    shorter = Shrink(shorter, result.violation->oracle, options_, args_.shrink_runs);
    const std::string plant = args_.plant.empty() ? "" : absl::StrCat(" --plant ", args_.plant);
    std::fprintf(stderr,
                 "replay it:           doorstep-sim --seeds 1 --%s%s\n"
                 "or a shorter script: doorstep-sim%s --script FILE, with FILE\n\n%s\n",
                 args_.script.empty() ? what.c_str() : "…", plant.c_str(), plant.c_str(),
                 ToText(shorter).c_str());
    const Result last = RunScript(shorter, options_);
    if (last.violation) {
      std::fprintf(stderr, "which ends in %s: %s\n\n", last.violation->oracle.c_str(),
                   last.violation->what.c_str());
    }
  }

  int Finish() {
    if (args_.json) {
      std::printf("%s\n", ToJson(totals_).dump(2).c_str());
    } else {
      const Counts& counts = totals_.counts;
      std::printf(
          "%lu seeds, %lu steps, %lu changes, %lu syncs, %lu exchanges, %lu conflicts, "
          "%lu refused\n",
          totals_.seeds, counts.steps, counts.commits, counts.syncs, counts.exchanges,
          counts.conflicts, counts.refused);
      std::printf("faults:");
      for (const auto& [kind, count] : counts.faults) std::printf(" %s %lu", kind.c_str(), count);
      std::printf("\ntrace %016lx\n%lu violations\n", totals_.hash, totals_.violations);
    }
    return totals_.violations == 0 ? 0 : 1;
  }

  const Arguments args_;
  RunOptions options_;
  Totals totals_;
};

int Main(int argc, char** argv) {
  Arguments args;
  CLI::App app(
      "Runs devices, a server, disks and the network between them in one process, under "
      "virtual time and one seed, and checks that no write is lost.");
  app.footer("example: doorstep-sim --seeds 500        doorstep-sim --seed 17 --seeds 1 --verbose");
  app.add_option("--seeds", args.seeds, "how many seeds")->capture_default_str();
  app.add_option("--seed", args.seed, "the first seed")->capture_default_str();
  app.add_option("--script", args.script, "run this script instead");
  app.add_option("--plant", args.plant, "swap one part for a broken twin");
  app.add_option("--without", args.without, "an oracle that does not look, as L5");
  app.add_option("--shrink", args.shrink_runs, "runs spent on a shorter script")
      ->capture_default_str();
  app.add_flag("--list-plants", args.list_plants, "the broken twins, and how soon each is found");
  app.add_flag("--print-script", args.print_script, "print the script of each seed");
  app.add_flag("--keep-going", args.keep_going, "do not stop at the first violation");
  app.add_flag("--json", args.json, "totals as JSON");
  app.add_flag("--verbose", args.verbose, "every step, to standard error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return Program(args).Run();
}

}  // namespace
}  // namespace doorstep::sim

int main(int argc, char** argv) { return doorstep::sim::Main(argc, argv); }
