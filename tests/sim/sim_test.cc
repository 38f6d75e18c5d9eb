// Seeds of the simulator: a fixed set always, and a fresh one where DOORSTEP_SIM_FRESH names it:
// .ci/run gives the hash of the source tree, so that each version of the sources has a set of its
// own, and the same in every run. And the simulator itself: that a seed is one run, that a script
// is too, and that what it finds comes short.
//
// DOORSTEP_SEED=n runs that seed alone; DOORSTEP_SEEDS=n so many of the fixed ones.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "tests/sim/generator.h"
#include "tests/sim/script.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"
#include "tests/support/seed.h"

namespace doorstep::sim {
namespace {

// So many show that the generator gets everywhere.
constexpr uint64_t kEnoughSeeds = 120;
constexpr int kShrinkRuns = 200;
// All kinds of faults; and in brackets what people do, and what becomes of it.
constexpr const char* kKinds[] = {
    "lost",       "noreply",      "twice",          "late",        "slow",       "droprow",
    "absence",    "clock",        "reboot",         "restart",     "server-cut", "server-crash",
    "device-cut", "device-crash", "disk-full",      "io-error",    "clone",      "restore-device",
    "share",      "unshare",      "restore-server", "old-program", "old-server", "upgrade",
    "(settled)",  "(hide)",       "(unhide)",       "(sign)",      "(fix)",      "(withdraw)",
    "(link)",     "(unlink)",     "(held)",         "(told)",      "reordered"};

// False after a violation, which it reports with a shorter script.
bool RunSeed(uint64_t seed, Counts* counts) {
  const Script script = Generate(seed);
  const Result result = RunScript(script, {});
  counts->commits += result.counts.commits;
  counts->syncs += result.counts.syncs;
  counts->conflicts += result.counts.conflicts;
  counts->refused += result.counts.refused;
  for (const auto& [kind, count] : result.counts.faults) counts->faults[kind] += count;
  if (!result.violation) return true;
  const Script begin(script.begin(),
                     script.begin() + static_cast<std::ptrdiff_t>(result.failed_step) + 1);
  ADD_FAILURE() << "seed " << seed << " violates " << result.violation->oracle << ": "
                << result.violation->what << "\nreplay: doorstep-sim --seeds 1 --seed " << seed
                << "\nor, with --script:\n"
                << ToText(Shrink(begin, result.violation->oracle, {}, kShrinkRuns));
  return false;
}

TEST(SimTest, HoldsOverFixedSeeds) {
  Counts counts;
  if (const uint64_t seed = testing::FromEnvironment("DOORSTEP_SEED", 0); seed != 0) {
    RunSeed(seed, &counts);
    return;
  }
  const uint64_t seeds = testing::FromEnvironment("DOORSTEP_SEEDS", DOORSTEP_SIM_SEEDS);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    if (!RunSeed(seed, &counts)) return;
  }
  if (seeds < kEnoughSeeds) return;
  // A generator that no longer gets there proves nothing.
  EXPECT_GT(counts.commits, seeds * 8);
  EXPECT_GT(counts.syncs, seeds * 8);
  EXPECT_GT(counts.conflicts, seeds);
  EXPECT_GT(counts.refused, 10u);
  for (const char* kind : kKinds) EXPECT_GT(counts.faults[kind], 2u) << kind;
  // And whatever a step counts is asked for here.
  for (const auto& [kind, count] : counts.faults) {
    EXPECT_NE(std::find(std::begin(kKinds), std::end(kKinds), kind), std::end(kKinds)) << kind;
  }
}

TEST(SimTest, HoldsOverFreshSeeds) {
  const char* name = std::getenv("DOORSTEP_SIM_FRESH");
  if (name == nullptr) {
    GTEST_SKIP() << "set DOORSTEP_SIM_FRESH to any word to try seeds that nobody has tried";
  }
  uint64_t first = 14695981039346656037u;  // FNV-1a
  for (const char c : std::string(name)) {
    first = (first ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  first >>= 32;
  std::cout << DOORSTEP_SIM_FRESH_SEEDS << " seeds from " << first << "\n";
  Counts counts;
  for (uint64_t seed = first; seed < first + DOORSTEP_SIM_FRESH_SEEDS; ++seed) {
    if (!RunSeed(seed, &counts)) return;
  }
}

TEST(SimTest, OneSeedIsOneRun) {
  for (const uint64_t seed : {3, 8, 21, 55, 89}) {
    const Result once = RunScript(Generate(seed), {});
    const Result again = RunScript(Generate(seed), {});
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
  }
  EXPECT_NE(RunScript(Generate(3), {}).trace_hash, RunScript(Generate(8), {}).trace_hash);
}

TEST(SimTest, AScriptIsTextAndBack) {
  const Script script = Generate(5);
  const auto read = ParseScript(absl::StrCat("# a comment\n\n", ToText(script)));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToText(*read), ToText(script));
  EXPECT_EQ(RunScript(*read, {}).trace_hash, RunScript(script, {}).trace_hash);
  EXPECT_FALSE(ParseScript("fly d1").ok());
}

// Each was once a violation, or is a story that must always go well.
TEST(SimTest, ScriptsHold) {
  int scripts = 0;
  for (const auto& file : std::filesystem::directory_iterator(DOORSTEP_SIM_SCRIPTS)) {
    const auto text = ReadFile(file.path().string());
    ASSERT_TRUE(text.ok()) << text.status();
    const auto script = ParseScript(*text);
    ASSERT_TRUE(script.ok()) << file.path() << ": " << script.status();
    const Result result = RunScript(*script, {});
    EXPECT_FALSE(result.violation.has_value())
        << file.path() << ", " << result.violation->oracle << ": " << result.violation->what;
    EXPECT_GT(result.counts.commits, 0u) << file.path();
    ++scripts;
  }
  EXPECT_GT(scripts, 0);
}

TEST(SimTest, AViolationComesShortAndReplays) {
  const Plant* plant = FindPlant("last-writer-wins");
  ASSERT_NE(plant, nullptr);
  RunOptions options;
  options.plant = plant;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(plant->within); ++seed) {
    const Script script = Generate(seed);
    const Result result = RunScript(script, options);
    if (!result.violation) continue;
    const Script shorter = Shrink(script, result.violation->oracle, options, kShrinkRuns);
    EXPECT_LT(shorter.size(), script.size() / 2) << ToText(shorter);
    const auto read = ParseScript(ToText(shorter));
    ASSERT_TRUE(read.ok());
    const Result replayed = RunScript(*read, options);
    ASSERT_TRUE(replayed.violation.has_value());
    EXPECT_EQ(replayed.violation->oracle, result.violation->oracle);
    EXPECT_FALSE(RunScript(*read, {}).violation.has_value()) << "without the plant all is well";
    return;
  }
  FAIL() << "the plant was not found";
}

}  // namespace
}  // namespace doorstep::sim
