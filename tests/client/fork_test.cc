// Two lives of one replica: a copied directory, a restored backup.
#include "client-lib/fork.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ForkTest : public ::testing::Test {
 protected:
  Uuid Incarnation(World::Linked& device) {
    return Must(device->store().Id(client::key::kIncarnation));
  }
  void ExpectInStep(World::Linked& device) {
    EXPECT_EQ(World::DeviceRows(*device.device), world_.ServerRows("north"));
    EXPECT_EQ(World::Stored(*device.device), World::Refolded(*device.device));
  }

  World world_;
};

TEST_F(ForkTest, TheSecondLifeTakesANewIncarnationAndLosesNothing) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter"})"));
  Must(a.Sync());
  auto copy = world_.Copy(a, "b");
  const Uuid before = Incarnation(a);
  Must(a->Edit(id, R"({"address":"1 High St"})"));
  Must(copy->Edit(id, R"({"address":"9 Low Rd"})"));
  Must(copy->Edit(id, R"({"address":"10 Low Rd"})"));  // stands on the one before
  Must(a.Sync());
  EXPECT_EQ(Must(copy.Sync()).conflict, 2u);
  EXPECT_EQ(Incarnation(a), before);
  EXPECT_NE(Incarnation(copy), before);
  Must(a.Sync());
  ExpectInStep(a);
  ExpectInStep(copy);
  const auto conflicts = Must(a.replica().Conflicts());
  ASSERT_THAT(conflicts, SizeIs(1));
  ASSERT_THAT(conflicts[0].versions, SizeIs(2));
  EXPECT_THAT(Must(copy.replica().Outbox()), IsEmpty());
}

TEST_F(ForkTest, ARestoredBackupThatOnlyReceivesIsNoticedToo) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  Must(a.Sync());
  auto old = world_.Copy(a, "old");
  Must(a->Add("Person", R"({"name":"Mary"})"));
  Must(a.Sync());
  const Uuid before = Incarnation(old);
  Must(old.Sync());
  EXPECT_NE(Incarnation(old), before);
  Must(old->Add("Person", R"({"name":"Ann"})"));
  Must(old.Sync());
  Must(a.Sync());
  ExpectInStep(a);
  ExpectInStep(old);
}

TEST_F(ForkTest, AFormThatStaysOpenKeepsItsBases) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("CaseStudy", R"({"title":"Peter"})"));
  Must(a.Sync());
  auto copy = world_.Copy(a, "b");
  Must(a->Edit(id, R"({"situation":"1 High St"})"));
  Must(a.Sync());
  Must(copy->Edit(id, R"({"situation":"9 Low Rd"})"));
  const OpenRecord form = Must(copy.replica().Get(id));
  Must(copy.Sync());
  // The form's author saw "9 Low Rd" under its old id, which is another's change now.
  Must(copy.replica().Transact(
      {}, [&](Edits& edits) { return edits.UpdateJson(form, R"({"situation":"10 Low Rd"})"); }));
  Must(copy.Sync());
  const auto conflicts = Must(copy.replica().Conflicts());
  ASSERT_THAT(conflicts, SizeIs(1));
  ASSERT_THAT(conflicts[0].versions, SizeIs(2));
  EXPECT_EQ(conflicts[0].versions[0].json, R"("1 High St")");
  EXPECT_EQ(conflicts[0].versions[1].json, R"("10 Low Rd")");
}

// Both lives used the same id; what the other's names is still what the other wrote.
TEST_F(ForkTest, WhatTheOtherLifeWroteIsNotTakenForOwn) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("CaseStudy", R"({"title":"first"})"));
  Must(a.Sync());
  auto copy = world_.Copy(a, "b");
  Must(copy->Edit(id, R"({"barriers":["TRANSPORT"]})"));
  Must(copy.Sync());
  Must(a->Add("Person", R"({"name":"Ann"})"));
  Must(a.Sync());
  Must(a.Sync());
  Must(a->Edit(id, R"({"barriers":[]})"));
  Must(a.Sync());
  EXPECT_EQ(a->Json(id).value("barriers", nlohmann::json::array()).size(), 0u);
  ExpectInStep(a);
}

TEST_F(ForkTest, WhatHasAReceiptKeepsItsId) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter"})"));
  a.link->Script({testing::Fault::kNone, testing::Fault::kNone, testing::Fault::kDropRequest});
  EXPECT_FALSE(a.Sync().ok());
  Must(a->Edit(id, R"({"name":"Pete"})"));
  EXPECT_EQ(Must(client::TakeNewIncarnation(a->store(), a->entropy())), 1u);
  EXPECT_EQ(World::Stored(*a.device), World::Refolded(*a.device));
  EXPECT_EQ(a->Json(id)["name"], "Pete");
  EXPECT_EQ(Must(a.Sync()).applied, 2u);
  ExpectInStep(a);
  EXPECT_EQ(Must(a.replica().Get(id)).Info().fields[0].versions.size(), 1u);
}

}  // namespace
}  // namespace doorstep
