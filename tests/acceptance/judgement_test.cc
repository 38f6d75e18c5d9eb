// Signing, hiding, pausing and taking an allergy off the list, with real programs and real files.
#include <string>
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
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kIncident[] = "01890000-0000-7000-8000-000000000001";

class Judgement : public ::testing::Test {
 protected:
  Judgement() {
    server_.AddSite("north-team");
    for (const Device* device : {&khan_, &price_}) device->Init("127.0.0.1:1");
  }

  // Everybody has everybody's.
  void SyncAll() {
    server_.Start();
    for (const Device* device : {&khan_, &price_, &khan_}) device->Sync(server_.address());
    server_.Stop();
  }

  static json SignOffs(const Device& device, const std::string& id) {
    return device.Json({"get", id})["meta"]["sign_offs"];
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device price_{dir_.File("price"), "north-team", "J Price"};
};

TEST_F(Judgement, AnEditOfASafeguardAmendsWhatWasSigned) {
  const std::string risk =
      khan_.Add("RiskAssessment", {{"activity", "Walks to the newsagent alone"},
                                   {"hazard", "Forgets why he went"},
                                   {"harm_of_not_doing", "Loses what his morning is for"},
                                   {"residual_rating", {{"likelihood", 2}, {"severity", 3}}}});
  const std::string phone =
      khan_.Add("Mitigation", {{"assessment", risk}, {"control", "Carries a telephone"}});
  khan_.Json({"sign", risk});
  SyncAll();
  EXPECT_EQ(SignOffs(price_, risk)[0]["state"], "SIGNED");
  EXPECT_EQ(SignOffs(price_, risk)[0]["author"], "A Khan");
  EXPECT_THAT(price_.Out({"get", risk}), HasSubstr("A Khan"));
  // An edit of a safeguard is an amendment of what was signed.
  price_.Edit(phone, {{"control", "Carries a card"}});
  SyncAll();
  const json amended = SignOffs(khan_, risk)[0];
  EXPECT_EQ(amended["state"], "AMENDED");
  EXPECT_EQ(amended["amended"], json({"Mitigation.control of " + phone}));
  EXPECT_EQ(amended["words"]["amended"], json({"safeguard: control of " + phone}));
  EXPECT_THAT(khan_.Out({"get", risk}), HasSubstr("amended since: safeguard: control of " + phone));
}

TEST_F(Judgement, WhatTwoPeopleChangedUnseenIsAssessedAsAWhole) {
  const std::string risk = khan_.Add("RiskAssessment", {{"activity", "Walks"}, {"hazard", "Cars"}});
  SyncAll();
  khan_.Edit(risk, {{"activity", "Walks alone"}});
  price_.Edit(risk, {{"hazard", "Gets lost"}});
  SyncAll();
  const json open = price_.Conflicts();
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0]["record"], risk);
  EXPECT_THAT(price_.Out({"conflicts"}), HasSubstr("nobody has assessed the whole"));
  price_.Json({"settle", open[0].value("case", ""), "--both", "--reason", "seen together"});
  SyncAll();
  EXPECT_THAT(khan_.Conflicts(), IsEmpty());
}

TEST_F(Judgement, APauseBecauseOfAnIncidentIsWorkedToAndADenialWaits) {
  const std::string study = khan_.Add(
      "CaseStudy", {{"title", "To the newsagent"}, {"decision", {{"outcome", "SUPPORTED"}}}});
  SyncAll();
  khan_.Edit(study, {{"decision", {{"outcome", "DENIED"}, {"rationale", "he fell"}}}});
  price_.Edit(study, {{"decision", {{"outcome", "SUPPORTED_WITH_CONDITIONS"}}}});
  SyncAll();
  EXPECT_EQ(khan_.Record(study)["decision"]["outcome"], "SUPPORTED");
  // By somebody who wrote neither.
  khan_.Json({"--user", "M Osei", "settle", khan_.Conflicts()[0].value("case", ""), "--value",
              R"({"outcome":"SUPPORTED"})", "--reason", "with her"});
  SyncAll();
  khan_.Edit(study, {{"decision", {{"outcome", "DENIED"}}}});
  price_.Edit(study, {{"decision", {{"outcome", "PAUSED"}, {"incident", kIncident}}}});
  SyncAll();
  EXPECT_EQ(khan_.Record(study)["decision"]["outcome"], "PAUSED");
  ASSERT_THAT(price_.Conflicts(), SizeIs(1));
}

TEST_F(Judgement, HiddenRecordsAreLeftOutAndNothingElse) {
  const std::string right = khan_.Add("Person", {{"name", "Peter Hall"}});
  const std::string wrong = khan_.Add("Person", {{"name", "Peter Hull"}});
  EXPECT_EQ(khan_.Run({"hide", wrong}).exit, 2);
  khan_.Json({"hide", wrong, "--reason", "written twice"});
  SyncAll();
  EXPECT_THAT(price_.Json({"list", "Person"})["records"], SizeIs(1));
  EXPECT_THAT(price_.Json({"list", "Person", "--hidden"})["records"], SizeIs(2));
  EXPECT_THAT(price_.Json({"list", "Person", "--where", "name LIKE 'Peter%' OR 1"})["records"],
              SizeIs(1));
  EXPECT_THAT(price_.Out({"get", wrong}), HasSubstr("hidden: written twice"));
  price_.Json({"unhide", wrong});
  EXPECT_EQ(price_.Run({"unhide", right}).exit, 1);
  SyncAll();
  EXPECT_THAT(khan_.Json({"list", "Person"})["records"], SizeIs(2));
}

TEST_F(Judgement, AnAllergyIsNotTakenOffTheListByOneEdit) {
  const std::string person =
      khan_.Add("Person", {{"name", "Peter Hall"}, {"allergies", {"latex", "nuts"}}});
  SyncAll();
  price_.Run({"edit", person, "allergies-=nuts"});
  SyncAll();
  EXPECT_EQ(khan_.Record(person)["allergies"], json({"nuts", "latex"}));
  const json open = khan_.Conflicts();
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_THAT(khan_.Out({"conflicts"}), HasSubstr("proposes to take it out"));
  khan_.Json(
      {"settle", open[0].value("case", ""), "--value", R"(["latex"])", "--reason", "tested"});
  SyncAll();
  EXPECT_EQ(price_.Record(person)["allergies"], json({"latex"}));
}

TEST_F(Judgement, ASafeguardIsNotGivenUpByOneEdit) {
  const std::string assessment = khan_.Add("RiskAssessment", {{"activity", "to the newsagent"}});
  const std::string phone = khan_.Add(
      "Mitigation",
      {{"assessment", assessment}, {"control", "a mobile phone"}, {"reliance", {"RELIED_ON"}}});
  SyncAll();
  price_.Run({"edit", phone, "reliance-=RELIED_ON"});
  SyncAll();
  for (const Device* device : {&khan_, &price_}) {
    EXPECT_EQ(device->Record(phone)["reliance"], json({"RELIED_ON"})) << "until decided";
  }
  const json open = khan_.Conflicts();
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_THAT(khan_.Out({"conflicts"}), HasSubstr("proposes to take it out"));
  khan_.Json({"settle", open[0].value("case", ""), "--value", "[]", "--reason",
              "the alarm does it better"});
  SyncAll();
  for (const Device* device : {&khan_, &price_}) {
    EXPECT_EQ(device->Record(phone).value("reliance", json::array()), json::array());
    EXPECT_THAT(device->Conflicts(), IsEmpty());
  }
}

}  // namespace
}  // namespace doorstep::testing
