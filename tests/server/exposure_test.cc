// What a lost device had: by hand, one record after the other.
#include "server/exposure.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kTenMinutes = 600'000;
const Uuid kPeter = Id(1);  // the file, and the record that it is named after
const Uuid kGwen = Id(2);
const Uuid kNote = Id(100);
const Uuid kOther = Id(101);

class ExposureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    peter_ = a_->Do(kPeter, {Create("Person", kPeter, R"({"name":"Peter Hall"})")});
    note_ = a_->Do(kPeter, {Create("CaseStudy", kNote, R"({"title":"one"})")});
  }
  void Later() { world_.clock().Advance(kTenMinutes); }
  Exposure Of(const TestDevice& device) {
    auto view = Must(world_.tenant().store().Read());
    return Must(ReadExposure(Must(Uuid::FromBytes(device.Sender().device())),
                             world_.tenant().schema(), *view, [](size_t) {}));
  }
  // "file: people: record version…", as of these the reader thinks.
  std::vector<std::string> Lines(const TestDevice& device) {
    std::vector<std::string> lines;
    for (const ExposedFile& file : Of(device).files) {
      for (const ExposedRecord& each : file.records) {
        lines.push_back(absl::StrCat(file.people.empty() ? "" : file.people[0], ": ", each.kind,
                                     " ", each.seen.version.sequence,
                                     each.seen.wrote ? " wrote" : "",
                                     each.seen.holds ? "" : " gone"));
      }
    }
    return lines;
  }
  uint64_t At(const Unit& unit) {
    auto view = Must(world_.tenant().store().Read());
    return Must(view->UnitOf(unit.changes[0].id))->sequence;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> c_ = world_.NewDevice("south");
  Unit peter_, note_;
};

TEST_F(ExposureTest, EachRecordInTheVersionThatCame) {
  EXPECT_THAT(Lines(*b_), IsEmpty());
  Later();
  b_->Pull();
  Later();
  a_->Do(kPeter, {Edit("CaseStudy", kNote, R"({"title":"two"})", {note_.changes[0].id})});
  a_->Do(kGwen, {Create("Person", kGwen, R"({"name":"Gwen"})")});
  EXPECT_THAT(Lines(*b_), ElementsAre(absl::StrCat("Peter Hall: Person ", At(peter_)),
                                      absl::StrCat("Peter Hall: CaseStudy ", At(note_))));
  const Exposure exposure = Of(*b_);
  EXPECT_EQ(exposure.files[0].file, kPeter);
  EXPECT_EQ(exposure.files[0].records[1].record, kNote);
  EXPECT_EQ(exposure.files[0].records[1].seen.last_ms, kNine + kTenMinutes);
  EXPECT_THAT(exposure.people, IsEmpty());
  EXPECT_EQ(exposure.revoked_ms, 0);
  EXPECT_THAT(Lines(*c_), IsEmpty()) << "the other site";
  EXPECT_THAT(Of(*a_).people, ElementsAre("A Khan"));
  EXPECT_THAT(Lines(*a_), SizeIs(3));
  EXPECT_THAT(Lines(*a_)[0], HasSubstr("wrote"));
  const std::string text = exposure.ToText();
  EXPECT_THAT(text, HasSubstr("given: 2, in files: 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("Gwen")));
  EXPECT_THAT(text, Not(HasSubstr("one"))) << "what stands in them is nobody's business here";
  const auto json = nlohmann::json::parse(exposure.ToJson());
  EXPECT_EQ(json["records"], 2);
  EXPECT_EQ(json["files"][0]["people"], (std::vector<std::string>{"Peter Hall"}));
  EXPECT_EQ(json["files"][0]["records"][1]["version"]["sequence"], At(note_));
  EXPECT_TRUE(json["revoked"].is_null());
}

// Taken from the site, or withdrawn: the device had it all the same, and may have it still.
TEST_F(ExposureTest, WhatWasTakenOrWithdrawnWasThereToo) {
  Must(Share(world_.tenant(), kPeter, "south").status());
  c_->Pull();
  Must(Unshare(world_.tenant(), kPeter, "south", world_.clock().Read().wall_ms).status());
  EXPECT_THAT(Lines(*c_), ElementsAre(absl::StrCat("Peter Hall: Person ", At(peter_)),
                                      absl::StrCat("Peter Hall: CaseStudy ", At(note_))));
  c_->Pull();
  EXPECT_THAT(Lines(*c_), ElementsAre(absl::StrCat("Peter Hall: Person ", At(peter_), " gone"),
                                      absl::StrCat("Peter Hall: CaseStudy ", At(note_), " gone")));
  b_->Pull();
  world_.Withdraw(kNote, *a_);
  EXPECT_THAT(Lines(*b_), ElementsAre(absl::StrCat("Peter Hall: Person ", At(peter_)),
                                      absl::StrCat("Peter Hall: CaseStudy ", At(note_))));
  EXPECT_EQ(Of(*b_).files[0].file, kPeter) << "where it stood";
}

// A file that is named after no record: people who are registered in it.
TEST_F(ExposureTest, PeopleAreThoseWhoAreRegistered) {
  const Uuid shared = Id(9);
  a_->Do(shared, {Create("Person", Id(301), R"({"name":"Ann"})")});
  a_->Do(shared, {Create("Person", Id(302), R"({"name":"Bob"})")});
  a_->Do(shared, {Create("CaseStudy", kOther, R"({"title":"three"})")});
  b_->Pull();
  const Exposure exposure = Of(*b_);
  ASSERT_THAT(exposure.files, SizeIs(2));
  EXPECT_THAT(exposure.files[1].people, ElementsAre("Ann", "Bob"));
}

TEST_F(ExposureTest, WhatItHadAndHasNotArrivedByNumber) {
  EXPECT_EQ(Of(*b_).pending, 0);
  b_->counter = 7;
  b_->Declare("B", 7, 12, 5);
  EXPECT_THAT(Of(*b_).missing, ElementsAre(ChangeRange{7, 12}));
  // Number 9 arrives alone, the first of them by itself, too.
  b_->Do(kPeter, {Create("Task", Id(400), R"({"what":"tea"})")});
  b_->counter = 9;
  b_->earlier_waits = true;
  b_->Do(kPeter, {Create("Task", Id(401), R"({"what":"tea"})")});
  const Exposure exposure = Of(*b_);
  EXPECT_TRUE(exposure.exact);
  EXPECT_EQ(exposure.pending, 3);
  EXPECT_THAT(exposure.missing, ElementsAre(ChangeRange{8, 9}, ChangeRange{10, 12}));
  EXPECT_THAT(exposure.ToText(), HasSubstr("(number 8, 10 to 11 of "));
  const auto json = nlohmann::json::parse(exposure.ToJson());
  EXPECT_EQ(json["missing"][1]["from"], 10);
  EXPECT_EQ(json["missing"][1]["to"], 11);
}

TEST_F(ExposureTest, ADeviceThatNeverCalledIsNotFound) {
  auto view = Must(world_.tenant().store().Read());
  EXPECT_EQ(ReadExposure(Id(77), world_.tenant().schema(), *view, [](size_t) {}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace doorstep::server
