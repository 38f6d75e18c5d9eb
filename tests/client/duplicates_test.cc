// Records that were perhaps recorded twice: suggested, linked, told apart; nothing merged.
#include "client-lib/duplicates.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/device.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Verdict = Duplicate::Verdict;

class DuplicatesTest : public ::testing::Test {
 protected:
  std::string Person(Device& device, const std::string& json) {
    return Must(device.Add("Person", json, {.file = "new"}));
  }
  static std::vector<Duplicate> Of(Device& device) { return Must(device.replica().Duplicates()); }
  static absl::Status Say(Device& device, const std::string& a, const std::string& b, bool same,
                          const std::string& reason = "telephoned") {
    return device.replica().Transact(
        {}, [&](Edits& edits) { return edits.SayWhetherSame(a, b, same, reason); });
  }

  World world_;
  World::Linked khan_ = world_.NewDevice("khan");
  World::Linked price_ = world_.NewDevice("price");
};

TEST(Comparable, LeavesOutWhatPeopleWriteDifferently) {
  EXPECT_EQ(client::Comparable("943 476 5919"), "9434765919");
  EXPECT_EQ(client::Comparable("Hall, Peter"), "hallpeter");
  EXPECT_EQ(client::Comparable("Si\xc3\xa2n"), "si\xc3\xa2n");
  EXPECT_EQ(client::Comparable(" -. "), "");
}

TEST_F(DuplicatesTest, OneNumberOrOneNameAndBirthDate) {
  Device& device = *khan_.device;
  const std::string a = Person(
      device, R"({"name":"Peter Hall","nhs_number":"9434765919","date_of_birth":"1941-05-02"})");
  const std::string b = Person(device, R"({"name":"P. Hall","nhs_number":"9434765919"})");
  const std::string c = Person(device, R"({"name":"peter  hall","date_of_birth":"1941-05-02"})");
  Person(device, R"({"name":"Peter Hall","date_of_birth":"1971-05-02"})");  // his son
  Person(device, R"({"name":"Peter Hall"})");                               // not enough to say so
  const std::vector<Duplicate> found = Of(device);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].first, a);
  EXPECT_EQ(found[0].second, b);
  EXPECT_THAT(found[0].equal, ElementsAre("nhs_number"));
  EXPECT_EQ(found[1].second, c);
  EXPECT_THAT(found[1].equal, ElementsAre("name", "date_of_birth"));
  EXPECT_EQ(found[1].verdict, Verdict::kSuggested);
  EXPECT_THAT(Must(device.replica().Duplicates(b)), SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(
      device.replica().Duplicates("018f0000-0000-7000-8000-000000000001").status()));
}

TEST_F(DuplicatesTest, ACorrectedNumberIsNoDuplicateAnyMore) {
  Device& device = *khan_.device;
  Person(device, R"({"name":"A","nhs_number":"9434765919"})");
  const std::string b = Person(device, R"({"name":"B","nhs_number":"9434765919"})");
  EXPECT_THAT(Of(device), SizeIs(1));
  Must(device.Edit(b, R"({"nhs_number":"9434765870"})"));
  EXPECT_THAT(Of(device), IsEmpty());
}

TEST_F(DuplicatesTest, EveryReplicaSuggestsThemWithoutALink) {
  Person(*khan_.device, R"({"name":"Peter Hall","nhs_number":"9434765919"})");
  Person(*price_.device, R"({"name":"Hall, P","nhs_number":"9434765919"})");
  EXPECT_THAT(Of(*khan_.device), IsEmpty());
  for (World::Linked* each : {&khan_, &price_, &khan_}) Must(each->Sync());
  for (World::Linked* each : {&khan_, &price_}) EXPECT_THAT(Of(*each->device), SizeIs(1));
}

TEST_F(DuplicatesTest, LinkedAndUnlinkedWithoutATrace) {
  const std::string a = Person(*khan_.device, R"({"name":"Peter Hall","nhs_number":"9434765919"})");
  const std::string b = Person(*price_.device, R"({"name":"Hall, P","nhs_number":"9434765919"})");
  for (World::Linked* each : {&khan_, &price_, &khan_}) Must(each->Sync());
  const auto state = [&](Device& device, const std::string& id) {
    return *Must(device.store().tables().Load(Must(Uuid::Parse(id))));
  };
  const RecordState a_before = state(*khan_.device, a);
  const RecordState b_before = state(*khan_.device, b);

  Must(Say(*khan_.device, b, a, true, "same address, telephoned"));
  for (World::Linked* each : {&khan_, &price_}) Must(each->Sync());
  for (World::Linked* each : {&khan_, &price_}) {
    const std::vector<Duplicate> found = Of(*each->device);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].verdict, Verdict::kSame);
    EXPECT_EQ(found[0].reason, "same address, telephoned");
  }
  // Said in both files: whoever sees one of the two learns of the other.
  EXPECT_EQ(khan_.device->Rows("SELECT count(DISTINCT file) FROM same_person"),
            nlohmann::json::parse("[[2]]"));

  Must(Say(*price_.device, a, b, false, "father and son"));
  for (World::Linked* each : {&price_, &khan_}) Must(each->Sync());
  for (World::Linked* each : {&khan_, &price_}) {
    const std::vector<Duplicate> found = Of(*each->device);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].verdict, Verdict::kDifferent);
    EXPECT_EQ(state(*each->device, a), a_before);
    EXPECT_EQ(state(*each->device, b), b_before);
  }
  // No third record was made for it.
  EXPECT_EQ(khan_.device->Rows("SELECT count(*) FROM same_person"), nlohmann::json::parse("[[2]]"));
}

TEST_F(DuplicatesTest, OneSaysSameAnotherDifferent) {
  const std::string a = Person(*khan_.device, R"({"name":"A","nhs_number":"9434765919"})");
  const std::string b = Person(*khan_.device, R"({"name":"B","nhs_number":"9434765919"})");
  for (World::Linked* each : {&khan_, &price_}) Must(each->Sync());
  Must(Say(*khan_.device, a, b, true));
  for (World::Linked* each : {&khan_, &price_}) Must(each->Sync());
  // Both change their minds without a link; "different" stands until somebody decides.
  Must(Say(*khan_.device, a, b, false));
  Must(Say(*khan_.device, a, b, true));
  Must(Say(*price_.device, a, b, false));
  for (World::Linked* each : {&khan_, &price_, &khan_}) Must(each->Sync());
  for (World::Linked* each : {&khan_, &price_}) {
    EXPECT_EQ(Of(*each->device)[0].verdict, Verdict::kDifferent);
    EXPECT_THAT(Must(each->replica().Conflicts()), SizeIs(2));  // one in each file
    EXPECT_TRUE(absl::IsFailedPrecondition(Say(*each->device, a, b, true)));
  }
}

TEST_F(DuplicatesTest, WhatCannotBeSaid) {
  Device& device = *khan_.device;
  const std::string a = Person(device, R"({"name":"A"})");
  const std::string b = Person(device, R"({"name":"B"})");
  const std::string study = Must(device.Add("CaseStudy", R"({"title":"x"})"));
  EXPECT_TRUE(absl::IsInvalidArgument(Say(device, a, a, true)));
  EXPECT_TRUE(absl::IsInvalidArgument(Say(device, a, study, true)));
  EXPECT_TRUE(absl::IsInvalidArgument(Say(device, a, b, true, "")));
  EXPECT_TRUE(absl::IsNotFound(Say(device, a, "018f0000-0000-7000-8000-000000000001", true)));
  EXPECT_TRUE(absl::IsNotFound(
      Say(device, study, Must(device.Add("CaseStudy", R"({"title":"y"})")), true)));
  EXPECT_THAT(std::string(Say(device, a, study, true).message()),
              HasSubstr("wanted another Person"));
  EXPECT_THAT(Of(device), IsEmpty());
}

}  // namespace
}  // namespace doorstep
