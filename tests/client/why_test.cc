// Why a record is here, missing, or not as others see it: each reason in the situation that it
// belongs to.
#include "doorstep/why.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

namespace faults = ::doorstep::testing;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kNoSuchId[] = "0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f";

std::vector<std::string> Codes(const RecordWhy& why) {
  std::vector<std::string> codes;
  for (const WhyReason& reason : why.reasons) codes.push_back(reason.code);
  return codes;
}

WhyReason Reason(const RecordWhy& why, const std::string& code) {
  for (const WhyReason& reason : why.reasons) {
    if (reason.code == code) return reason;
  }
  ADD_FAILURE() << "no " << code;
  return {};
}

class WhyTest : public ::testing::Test {
 protected:
  RecordWhy Ask(World::Linked& device, const std::string& id) {
    return Must(Why(device.replica(), id));
  }

  World world_;
  World::Linked khan_ = world_.NewDevice("khan");
  World::Linked osei_ = world_.NewDevice("osei");
};

TEST_F(WhyTest, WrittenHereAndNotYetSent) {
  const std::string id = Must(khan_->Add("Person", R"({"name":"Peter Hall"})", {.file = "new"}));
  const RecordWhy why = Ask(khan_, id);
  EXPECT_TRUE(why.here);
  EXPECT_EQ(why.kind, "Person");
  EXPECT_EQ(why.title, "Peter Hall");
  EXPECT_THAT(Codes(why), ElementsAre("WRITTEN_HERE", "WAITING_TO_SEND", "NEVER_SYNCED"));
  EXPECT_EQ(Reason(why, "WAITING_TO_SEND").time_ms, kNine + 1000);
  EXPECT_EQ(Reason(why, "WAITING_TO_SEND").todo, "doorstep sync");
}

TEST_F(WhyTest, SharedWithTheSite) {
  const std::string peter = Must(khan_->Add("Person", R"({"name":"Peter Hall"})", {.file = "new"}));
  const std::string study =
      Must(khan_->Add("CaseStudy", R"({"title":"Going out"})", {.file = peter}));
  Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  const RecordWhy theirs = Ask(osei_, study);
  EXPECT_THAT(Codes(theirs), ElementsAre("SHARED_WITH_SITE", "AS_KNOWN_AT"));
  EXPECT_THAT(theirs.reasons[0].text,
              AllOf(HasSubstr("the record of Peter Hall"), HasSubstr("shared with north")));
  EXPECT_EQ(theirs.reasons[1].time_ms, Must(osei_.replica().Status()).up_to_date_at_ms);
  EXPECT_THAT(Codes(Ask(khan_, study)),
              ElementsAre("SHARED_WITH_SITE", "WRITTEN_HERE", "AS_KNOWN_AT"));
}

TEST_F(WhyTest, SentWithoutAnAnswerHiddenAndUndecided) {
  const std::string id = Must(khan_->Add(
      "RiskAssessment", R"({"activity":"Walks","residual_rating":{"likelihood":2,"severity":3}})"));
  Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  Must(khan_->Edit(id, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  // Hello, push, and a pull that the server never hears of.
  khan_.link->Script({faults::Fault::kNone, faults::Fault::kNone, faults::Fault::kDropRequest});
  EXPECT_FALSE(khan_.Sync().ok());
  EXPECT_EQ(Reason(Ask(khan_, id), "SENT_NO_ANSWER").text,
            "A change made here was sent, and the answer has not come yet.");
  Must(osei_->Edit(id, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  const RecordWhy undecided = Ask(osei_, id);
  EXPECT_THAT(Reason(undecided, "UNDECIDED").text, HasSubstr("Two versions of the"));
  const Conflict conflict = Must(osei_.replica().Conflicts()).front();
  EXPECT_EQ(Reason(undecided, "UNDECIDED").todo, "doorstep conflict " + conflict.case_id);

  const OpenRecord opened = Must(osei_.replica().Get(id));
  Must(osei_.replica().Transact({.author = "M Osei"}, [&](Edits& edits) {
    return edits.Hide(opened, "on the wrong record");
  }));
  const WhyReason hidden = Reason(Ask(osei_, id), "HIDDEN");
  EXPECT_EQ(hidden.text, "Left out of lists: hidden by M Osei, because: on the wrong record");
  EXPECT_EQ(hidden.todo, "doorstep unhide " + id);
}

TEST_F(WhyTest, TakenAwayFromTheSite) {
  const std::string peter = Must(khan_->Add("Person", R"({"name":"Peter Hall"})", {.file = "new"}));
  Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  Must(server::Unshare(world_.tenant(), Must(Uuid::Parse(peter)), "north",
                       world_.clock().Read().wall_ms)
           .status());
  Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  const RecordWhy why = Ask(khan_, peter);
  EXPECT_FALSE(why.here);
  EXPECT_EQ(Codes(why).front(), "NO_LONGER_SHARED");
  EXPECT_THAT(why.reasons.front().text, HasSubstr("no longer shared with north"));
  // A device that never wrote to it was not told that it existed, and keeps no memory of it.
  EXPECT_FALSE(Ask(osei_, peter).here);
}

TEST_F(WhyTest, RefusedAndWithdrawn) {
  const std::string id = Must(khan_->Add("Person", R"({"name":"Peter"})", {.file = kNoSuchId}));
  // Somebody else's file by now.
  World::Linked south = world_.NewDevice("south", "south");
  Must(south->Add("Person", R"({"name":"Gwen"})", {.file = kNoSuchId}).status());
  Must(south.Sync().status());
  Must(khan_.Sync().status());
  const RecordWhy refused = Ask(khan_, id);
  EXPECT_FALSE(refused.here);
  EXPECT_EQ(Codes(refused).front(), "REFUSED");
  const OwnChange parked = Must(khan_.replica().Outbox()).front();
  EXPECT_THAT(refused.reasons.front().text, HasSubstr(parked.reason));
  EXPECT_THAT(refused.reasons.front().todo, HasSubstr("doorstep outbox"));
  Must(khan_.replica().WithdrawParked(parked.change, "wrong file", {}));
  EXPECT_EQ(Codes(Ask(khan_, id)).front(), "WITHDRAWN");
  EXPECT_THAT(Ask(khan_, id).reasons.front().text, HasSubstr("wrong file"));
}

TEST_F(WhyTest, NeverSeenButReferredTo) {
  Must(khan_
           ->Add("Mitigation",
                 absl::StrCat(R"({"assessment":")", kNoSuchId,
                              R"(","control":"Carries a telephone"})"),
                 {.file = Must(khan_.replica().Status()).site_file})
           .status());
  EXPECT_THAT(Codes(Ask(khan_, kNoSuchId)),
              ElementsAre("REFERRED_TO", "ON_ITS_WAY", "NEVER_SYNCED"));
  Must(khan_.Sync().status());
  const RecordWhy why = Ask(khan_, kNoSuchId);
  EXPECT_THAT(Codes(why), ElementsAre("REFERRED_TO", "NEVER_SEEN", "AS_KNOWN_AT"));
  EXPECT_THAT(why.reasons[0].text, HasSubstr("safeguard "));
  EXPECT_TRUE(absl::IsInvalidArgument(Why(khan_.replica(), "short").status()));
}

TEST_F(WhyTest, OnItsWayWhenASyncWasCut) {
  for (int i = 0; i < 3; ++i) Must(khan_.Sync().status());
  Must(osei_.Sync().status());
  const std::string id = Must(khan_->Add("Person", R"({"name":"Peter"})"));
  Must(khan_.Sync().status());
  // As an unfinished pull leaves it.
  Must(osei_->db().Exec(absl::StrCat("INSERT INTO _staged(record, file, tier, state) VALUES(x'",
                                     ToHex(Must(Uuid::Parse(id)).AsBytes()),
                                     "', x'00', 0, x'00')")));
  EXPECT_EQ(Codes(Ask(osei_, id)).front(), "ON_ITS_WAY");
  Must(osei_->db().Exec("DELETE FROM _staged"));
  EXPECT_EQ(Codes(Ask(osei_, id)).front(), "NEVER_SEEN");
}

}  // namespace
}  // namespace doorstep
