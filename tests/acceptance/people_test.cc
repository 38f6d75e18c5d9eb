// Tablets whose clocks are years off, and a person who was registered twice: real programs, real
// files. What is recorded at a wrong time is neither lost nor first because of it.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class People : public ::testing::Test {
 protected:
  People() {
    server_.AddSite("north-team");
    for (const Device* device : Everybody()) device->Init("127.0.0.1:1");
  }

  std::vector<const Device*> Everybody() const { return {&khan_, &price_, &osei_}; }

  void SyncAll(const std::vector<const Device*>& devices) {
    server_.Start();
    for (const Device* device : devices) device->Sync(server_.address());
    server_.Stop();
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan", "2019-01-01 08:00:00"};
  const Device price_{dir_.File("price"), "north-team", "J Price"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei", "2031-06-01 08:00:00"};
};

// Every change of a device with its device time and its admitted time, as the server has them.
json History(const Device& device, const std::string& id, const std::string& server) {
  return device.Json({"history", id, "--server", server})["history"];
}

TEST_F(People, AClockYearsOffLosesNothingAndWinsNothing) {
  const std::string peter = khan_.Add("Person", {{"name", "Peter Hall"}, {"gp", "Dr Roy"}});
  SyncAll({&khan_, &price_, &osei_});
  for (const Device* device : Everybody()) EXPECT_EQ(device->Record(peter)["gp"], "Dr Roy");

  // Each edits what the others edit too; the order of the edits is that of the list, whatever the
  // tablets believe, and the order of arrival is another.
  const std::vector<std::pair<const Device*, std::string>> edits = {
      {&osei_, "Dr Shah"}, {&price_, "Dr Lee"}, {&khan_, "Dr Okafor"}};
  for (const auto& [device, gp] : edits) device->Edit(peter, {{"gp", gp}});
  SyncAll({&khan_, &osei_, &price_, &khan_, &osei_});
  for (const Device* device : Everybody()) {
    EXPECT_EQ(device->Record(peter)["gp"], "Dr Okafor") << device->user();
    EXPECT_EQ(device->Number("waiting"), 0);
    EXPECT_EQ(device->Number("needs_you"), 0);
    EXPECT_EQ(device->Dump(), price_.Dump());
  }
  // The other way round: the tablet in 2031 wrote before the others.
  osei_.Edit(peter, {{"communication_needs", "Speak slowly"}});
  khan_.Edit(peter, {{"communication_needs", "Large print"}});
  price_.Edit(peter, {{"communication_needs", "Hearing loop"}});
  SyncAll({&price_, &khan_, &osei_, &price_, &khan_});
  for (const Device* device : Everybody()) {
    EXPECT_EQ(device->Record(peter)["communication_needs"], "Hearing loop") << device->user();
  }

  server_.Start();
  const json history = History(price_, peter, server_.address());
  EXPECT_THAT(history, SizeIs(7));
  std::vector<std::string> device_years;
  for (const json& line : history) {
    device_years.push_back(line.value("device_time", "").substr(0, 4));
    EXPECT_THAT(line.value("admitted_time", ""),
                ::testing::Not(::testing::AnyOf(StartsWith("2019"), StartsWith("2031"))))
        << line;
  }
  // What the tablets believed stays visible.
  EXPECT_EQ(std::count(device_years.begin(), device_years.end(), "2019"), 3);
  EXPECT_EQ(std::count(device_years.begin(), device_years.end(), "2031"), 2);
  server_.Stop();
}

TEST_F(People, RegisteredTwiceLinkedAndUnlinkedWithoutLoss) {
  const std::string one = khan_.Add(
      "Person", {{"name", "Peter Hall"}, {"nhs_number", "9434765919"}}, {"--file", "new"});
  const std::string two = price_.Add(
      "Person", {{"name", "Hall, Peter"}, {"nhs_number", "9434765919"}, {"gp", "Dr Roy"}},
      {"--file", "new"});
  price_.Edit(two, {{"gp", "Dr Lee"}});
  SyncAll({&khan_, &price_, &osei_, &khan_});
  const std::map<std::string, json> before = osei_.Dump();

  for (const Device* device : Everybody()) {
    const json found = device->Json({"duplicates"})["duplicates"];
    ASSERT_THAT(found, SizeIs(1)) << device->user();
    EXPECT_EQ(found[0]["verdict"], "SUGGESTED");
    EXPECT_EQ(found[0]["equal"], json::array({"nhs_number"}));
    EXPECT_THAT(device->Out({"duplicates", one}), HasSubstr("doorstep link "));
  }
  // Who registers a third is told at once, without a link.
  const RunResult third = khan_.Run({"add", "Person", "-", "--file", "new"},
                                    R"({"name":"P Hall","nhs_number":"9434765919"})");
  EXPECT_EQ(third.exit, 0) << third;
  EXPECT_THAT(third.err, HasSubstr("may be registered already"));

  EXPECT_EQ(osei_.Run({"link", one, two}).exit, 2) << "a reason is required";
  osei_.Out({"link", one, two, "--reason", "same address, telephoned"});
  SyncAll({&osei_, &khan_, &price_});
  for (const Device* device : Everybody()) {
    const json found = device->Json({"duplicates", two})["duplicates"];
    std::vector<std::string> verdicts;
    for (const json& each : found) verdicts.push_back(each["verdict"]);
    EXPECT_THAT(verdicts, ::testing::Contains("SAME")) << device->user() << found;
    EXPECT_EQ(device->Record(one), before.at(one)["record"]);
    EXPECT_EQ(device->Record(two), before.at(two)["record"]);
  }

  price_.Out({"unlink", two, one, "--reason", "father and son"});
  SyncAll({&price_, &osei_, &khan_, &price_});
  server_.Start();
  for (const Device* device : Everybody()) {
    const json found = device->Json({"duplicates", two, "--all"})["duplicates"];
    int pairs = 0;
    for (const json& each : found) {
      if (each["first"] != std::min(one, two) || each["second"] != std::max(one, two)) continue;
      ++pairs;
      EXPECT_EQ(each["verdict"], "DIFFERENT");
      EXPECT_EQ(each["reason"], "father and son");
    }
    EXPECT_EQ(pairs, 1) << device->user() << ": " << found;
    // As if nothing had been said: the same values, versions and histories.
    const std::map<std::string, json> after = device->Dump();
    for (const std::string& id : {one, two}) EXPECT_EQ(after.at(id), before.at(id));
    EXPECT_THAT(History(*device, one, server_.address()), SizeIs(1));
    EXPECT_THAT(History(*device, two, server_.address()), SizeIs(2));
    EXPECT_EQ(device->Dump(), osei_.Dump());
  }
  server_.Stop();
}

}  // namespace
}  // namespace doorstep::testing
