// Which tablets are in at a shift's end, on fixtures worked out by hand.
#include "server/shift.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;

class ShiftTest : public ::testing::Test {
 protected:
  Shift Read(const std::string& site = "north", int64_t minutes = 60) {
    auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
    return Must(ReadShift(*db, site, minutes * kMinute, world_.clock().Read().wall_ms));
  }
  void Later(int64_t minutes) { world_.clock().Advance(minutes * kMinute); }
  Unit Make(TestDevice& device, uint64_t id, int changes) {
    std::vector<ChangeData> all;
    for (int i = 0; i < changes; ++i) {
      all.push_back(Create("Person", Id(id * 100 + static_cast<uint64_t>(i)), R"({"name":"X"})"));
    }
    return device.Prepare(Id(id), all);
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> elsewhere_ = world_.NewDevice("south");
};

TEST_F(ShiftTest, WhatHasArrivedSinceIsTakenOff) {
  const Unit first = Make(*a_, 1, 3);
  const Unit second = Make(*a_, 2, 4);
  a_->Declare("a", 1, 8, 7);
  b_->Declare("b", 1, 1, 0);
  Shift shift = Read();
  EXPECT_EQ(shift.expected, 2);
  EXPECT_EQ(shift.in, 1);
  EXPECT_EQ(shift.pending, 7);
  ASSERT_THAT(shift.tablets, SizeIs(2));
  EXPECT_EQ(shift.tablets[0].name, "a") << "what is not in stands first";
  // The later unit arrives, the earlier does not yet; and once more.
  Must(a_->Push({second}).status());
  Must(a_->Push({second}).status());
  shift = Read();
  EXPECT_EQ(shift.pending, 3);
  EXPECT_EQ(shift.received, 4);
  EXPECT_EQ(shift.people, 1);
  Must(a_->Push({first}).status());
  shift = Read();
  EXPECT_EQ(shift.pending, 0);
  EXPECT_EQ(shift.in, 2);
  EXPECT_THAT(shift.ToText(), HasSubstr("2 of 2 tablets in, 0 changes pending"));
  // A receipt that was lost: the device believes that all of it waits, and the server knows better.
  a_->Declare("a", 1, 8, 7);
  EXPECT_EQ(Read().pending, 0);
}

TEST_F(ShiftTest, WhoWasNotSeenIsNotInAndWhoIsLongSilentIsNotExpected) {
  a_->Declare("a", 1, 1, 0);
  b_->Declare("b", 1, 1, 0);
  Later(61);
  b_->Declare("b", 1, 1, 0);
  Shift shift = Read();
  EXPECT_EQ(shift.in, 1);
  EXPECT_EQ(shift.expected, 2);
  EXPECT_FALSE(shift.tablets[0].in);
  EXPECT_EQ(shift.tablets[0].name, "a");
  EXPECT_EQ(shift.tablets[0].last_seen_ms, kNine);
  EXPECT_THAT(shift.ToText(), HasSubstr("let it sync"));
  EXPECT_EQ(Read("north", 62).in, 2);
  Later(14 * 24 * 60 - 60);
  b_->Declare("b", 1, 1, 0);
  shift = Read();
  EXPECT_EQ(shift.in, 1);
  EXPECT_EQ(shift.expected, 1);
  EXPECT_EQ(shift.tablets[1].name, "a");
  EXPECT_THAT(shift.ToText(), HasSubstr("long ago"));
}

TEST_F(ShiftTest, AProgramThatSaysOnlyANumberIsTakenAtItsWord) {
  a_->Declare("a", 0, 0, 5);
  b_->Declare("b", 1, 1, 0);
  const Shift shift = Read();
  EXPECT_EQ(shift.pending, 5);
  EXPECT_FALSE(shift.tablets[0].exact);
  EXPECT_THAT(shift.ToText(), HasSubstr("5 pending (as it said)"));
  const auto parsed = nlohmann::json::parse(shift.ToJson());
  EXPECT_EQ(parsed["tablets"][0]["pending_is_exact"], false);
}

TEST_F(ShiftTest, OtherSitesAndWrongRangesDoNotCount) {
  elsewhere_->Declare("c", 1, 4, 3);
  EXPECT_EQ(Read("south").pending, 3);
  EXPECT_EQ(Read("north").pending, 0);
  auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
  EXPECT_TRUE(absl::IsNotFound(ReadShift(*db, "nowhere", kMinute, kNine).status()));
  v1::HelloRequest request;
  *request.mutable_sender() = a_->Sender();
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  request.set_first_waiting(9);
  request.set_next_counter(8);
  EXPECT_THAT(std::string(world_.core().Hello(request).status().message()),
              HasSubstr("HelloRequest.first_waiting: got 9, wanted at most next_counter, 8"));
}

}  // namespace
}  // namespace doorstep::server
