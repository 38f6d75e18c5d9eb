// Each broken twin is found within the seeds that it states; it is the twin that is found, since
// the same seed without it holds; and it is the oracle that finds it: with the oracle off, the
// simulator looks on.
#include "tests/sim/plants.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/sim/generator.h"
#include "tests/sim/simulation.h"

namespace doorstep::sim {
namespace {

class PlantTest : public ::testing::TestWithParam<Plant> {};

TEST_P(PlantTest, IsFoundInTime) {
  const Plant& plant = GetParam();
  RunOptions options;
  options.plant = &plant;
  for (int seed = 1; seed <= plant.within; ++seed) {
    const Script script = Generate(static_cast<uint64_t>(seed));
    const Result result = RunScript(script, options);
    if (!result.violation) continue;
    RecordProperty("seed", seed);
    RecordProperty("oracle", result.violation->oracle);
    const Result without = RunScript(script, {});
    EXPECT_FALSE(without.violation.has_value())
        << plant.name << " is not what was found: without it seed " << seed << " violates "
        << without.violation->oracle << ": " << without.violation->what;
    return;
  }
  ADD_FAILURE() << plant.name << " was not found within " << plant.within << " seeds";
}

std::string NameOfCase(const ::testing::TestParamInfo<Plant>& plant) {
  std::string name = plant.param.name;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PlantTest, ::testing::ValuesIn(AllPlants()), NameOfCase);

TEST(PlantsTest, HaveNamesOfTheirOwnAndCoverTheRules) {
  std::set<std::string> names;
  std::set<std::string> rules;
  for (const Plant& plant : AllPlants()) {
    EXPECT_TRUE(names.insert(plant.name).second) << plant.name;
    EXPECT_GT(plant.within, 0) << plant.name;
    rules.insert(plant.rule);
  }
  for (const char* rule : {"R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11",
                           "R12", "R13", "R14", "R15", "R16", "R17", "R21"}) {
    EXPECT_TRUE(rules.contains(rule)) << rule;
  }
}

TEST(PlantsTest, AreNotFoundWhenNobodyLooks) {
  for (const auto& [name, oracle] :
       {std::pair<const char*, const char*>{"case-hidden", "R12"}, {"base-at-save", "R1"}}) {
    RunOptions options;
    options.plant = FindPlant(name);
    ASSERT_NE(options.plant, nullptr);
    options.without.insert(oracle);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const Result result = RunScript(Generate(seed), options);
      EXPECT_FALSE(result.violation.has_value()) << name << ": " << result.violation->what;
    }
  }
}

}  // namespace
}  // namespace doorstep::sim
