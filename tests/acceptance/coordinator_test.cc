// Journey 8: a coordinator looks across four sites, one of which has not been heard of for five
// days. The team sees the figures; whoever they are passed on to sees no small number and no name.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// How many case studies with which decision a site has; so many were denied before.
struct Site {
  std::string id;
  int supported = 0;
  int denied = 0;
  int denied_before = 0;
  std::vector<std::string> barriers;
};

class CoordinatorJourney : public ::testing::Test {
 protected:
  // One person to each.
  void Record(const Device& device, const Site& site) {
    for (int i = 0; i < site.supported + site.denied; ++i) {
      const std::string person = device.Add(
          "Person", {{"name", absl::StrCat("Gwendolen ", site.id, " ", i)}}, {"--file", "new"});
      const std::string study = device.Add(
          "CaseStudy", {{"subjects", {person}},
                        {"title", "Gwendolen goes out"},
                        {"barriers", site.barriers},
                        {"decision", {{"outcome", i < site.supported ? "SUPPORTED" : "DENIED"}}}});
      device.Add("BaselineMeasure",
                 {{"case_study", study},
                  {"decision", i < site.denied_before ? "DENIED_OPPORTUNITY" : "SUPPORTED"}});
    }
  }
  std::string Measure(std::vector<std::string> more) {
    more.insert(more.begin(), "measure");
    const RunResult result = server_.Operator(more);
    EXPECT_EQ(result.exit, 0) << result;
    return result.out;
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const std::vector<Site> sites_ = {{"stale-lodge", 3, 0, 3, {"STAFFING"}},
                                    {"ash-court", 9, 3, 8, {"MEMORY_COGNITION"}},
                                    {"birch-house", 5, 5, 7, {"MEMORY_COGNITION"}},
                                    {"cedar-view", 4, 4, 6, {"TRANSPORT"}}};
};

TEST_F(CoordinatorJourney, Journey8AcrossSites) {
  for (const Site& site : sites_) {
    server_.AddSite(site.id);
    const Device device(dir_.File(site.id), site.id, "A Worker");
    device.Init("127.0.0.1:1");
    Record(device, site);
    // Five days ago only the first was there to be heard.
    server_.StartWith(site.id == "stale-lodge" ? DaysLater(-5) : std::vector<std::string>{});
    server_.Start();
    device.Sync(server_.address());
    server_.Stop();
  }

  // The team: 21 of 33 decisions, before 9 of 33 cases.
  const std::string text = Measure({});
  EXPECT_THAT(text, AllOf(HasSubstr("3 of 4 sites fresh"), HasSubstr("21 of 33 decisions: 63.6 %"),
                          HasSubstr("9 of 33 cases: 27.3 %")));
  const json exact = json::parse(Measure({"--json"}), nullptr, false);
  EXPECT_EQ(exact["barriers"]["figures"]["STAFFING"]["numerator"], 3);

  // Others: no count from 1 to 7, and not by subtraction either (22 MEMORY_COGNITION, 8 TRANSPORT,
  // 3 STAFFING of 33).
  const std::string passed_on = Measure({"--publish"});
  EXPECT_THAT(passed_on, AllOf(HasSubstr("3 of 4 sites fresh"), HasSubstr("20 of 35 decisions"),
                               HasSubstr("10 of 35 cases")));
  const json published = json::parse(Measure({"--publish", "--json"}), nullptr, false);
  const json& barriers = published["barriers"]["figures"];
  EXPECT_EQ(barriers["MEMORY_COGNITION"]["numerator"], 20);
  EXPECT_TRUE(barriers["STAFFING"]["numerator"].is_null()) << barriers.dump();
  EXPECT_TRUE(barriers["TRANSPORT"]["numerator"].is_null()) << barriers.dump();
  EXPECT_EQ(published["freshness"]["figures"]["fresh"]["numerator"], 3);
  for (const std::vector<std::string>& form : {std::vector<std::string>{},
                                               {"--json"},
                                               {"--csv"},
                                               {"--publish"},
                                               {"--publish", "--json"},
                                               {"--publish", "--csv"}}) {
    EXPECT_THAT(Measure(form), Not(HasSubstr("Gwendolen")));
  }
}

}  // namespace
}  // namespace doorstep::testing
