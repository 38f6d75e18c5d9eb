// What is due, when, and what ends it: on one device, at nine o'clock on 2026-11-22.
#include "doorstep/due.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/cases/deadlines.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DueTest : public ::testing::Test {
 protected:
  // "Kind.field day", with "!" when it is overdue.
  std::vector<std::string> Listed(const DueOptions& options = {}) {
    std::vector<std::string> out;
    for (const DueItem& item : Must(Due(device_.replica(), options))) {
      out.push_back(
          absl::StrCat(item.kind, ".", item.field, " ", item.day, item.overdue ? "!" : ""));
    }
    return out;
  }
  static DueOptions Until(const std::string& day) {
    DueOptions options;
    options.until = day;
    return options;
  }
  std::string Add(const std::string& kind, const std::string& json) {
    return Must(device_.Add(kind, json));
  }
  std::string Clock(const std::string& what, int64_t due_ms) {
    return Add("ReinstatementItem",
               absl::StrCat(R"({"what": ")", what, R"(", "due_ms": ")", due_ms, R"("})"));
  }
  static std::string Ref(const std::string& field, const std::string& id) {
    return absl::StrCat("\"", field, "\": \"", id, "\"");
  }
  void Hide(const std::string& id) {
    const OpenRecord opened = Must(device_.replica().Get(id));
    Must(device_.replica().Transact({}, [&](Edits& edits) { return edits.Hide(opened, "twice"); }));
  }

  TestDirectory directory_;
  Device device_{directory_.path()};
};

// Meals by eleven today, shopping by noon tomorrow, a task for today: in the order in which they
// come.
TEST_F(DueTest, InstantsStandAmongDays) {
  const std::string meals = Clock("meals", kNine + 2 * kHourMs);
  Clock("shopping", kNine + 27 * kHourMs);
  Add("Task", R"({"what": "tea", "due": "2026-11-22"})");
  EXPECT_THAT(Listed(), ElementsAre("ReinstatementItem.due_ms 2026-11-22", "Task.due 2026-11-22"));
  EXPECT_THAT(Listed(Until("2026-11-21")), IsEmpty());
  EXPECT_THAT(Listed(Until("2026-11-23")), SizeIs(3));
  EXPECT_EQ(Must(Due(device_.replica()))[0].at_ms, kNine + 2 * kHourMs);
  EXPECT_FALSE(Must(Due(device_.replica()))[1].at_ms.has_value());
  // At five past eleven the meals are overdue; the day is not over.
  device_.clock().Advance(2 * kHourMs + 300'000);
  EXPECT_THAT(Listed(), ElementsAre("ReinstatementItem.due_ms 2026-11-22!", "Task.due 2026-11-22"));
  Must(device_.Edit(meals, R"({"status": "RUNNING"})"));
  EXPECT_THAT(Listed(), ElementsAre("Task.due 2026-11-22"));
  Must(device_.Edit(meals, R"({"status": "WAITING"})"));
  EXPECT_THAT(Listed(), SizeIs(2));
  Must(device_.Edit(meals, R"({"status": "NOT_NEEDED"})"));
  EXPECT_THAT(Listed(), SizeIs(1));
}

// The last millisecond of a day belongs to it, the next one does not.
TEST_F(DueTest, ADayEndsAtMidnight) {
  const int64_t midnight = kNine + 15 * kHourMs;
  Clock("last", midnight - 1);
  EXPECT_THAT(Listed(), SizeIs(1));
  Clock("next", midnight);
  EXPECT_THAT(Listed(), SizeIs(1));
  EXPECT_THAT(Listed(Until("2026-11-23")), SizeIs(2));
}

TEST_F(DueTest, AnOutcomeIsDueUntilSomebodyHasRatedIt) {
  const std::string id = Add("Outcome", R"({"target": "to the newsagent", "due": "2026-11-20"})");
  EXPECT_THAT(Listed(), ElementsAre("Outcome.due 2026-11-20!"));
  Must(device_.Edit(id, R"({"achieved": {"how_far": "PARTLY_MET", "rated_by": "PERSON"}})"));
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(DueTest, FeedbackIsDueUntilTheSpeakerWasTold) {
  const std::string said =
      Add("Feedback", R"({"you_said": "too early", "response_due": "2026-11-20"})");
  const std::vector<std::string> due = {"Feedback.response_due 2026-11-20!"};
  EXPECT_EQ(Listed(), due);
  Add("FeedbackReply", absl::StrCat("{", Ref("feedback", said), R"(, "we_did": "later"})"));
  EXPECT_EQ(Listed(), due) << "nobody has been told yet";
  const std::string told = absl::StrCat(Ref("feedback", said), R"(, "told_on": "2026-11-21")");
  const std::string reply = Add("FeedbackReply", absl::StrCat("{", told, "}"));
  EXPECT_THAT(Listed(), IsEmpty());
  // The reply was somebody else's: nobody has been told.
  const std::string wrong = Add(
      "FeedbackReply", absl::StrCat("{", Ref("corrects", reply), R"(, "entered_in_error": true})"));
  EXPECT_EQ(Listed(), due);
  // That was said by mistake.
  Hide(wrong);
  EXPECT_THAT(Listed(), IsEmpty());
  Hide(reply);
  EXPECT_EQ(Listed(), due);
}

// What was corrected is answered by nobody; its correction is.
TEST_F(DueTest, ACorrectionIsDueInItsPlace) {
  const std::string first = Add("Feedback", R"({"response_due": "2026-11-20"})");
  const std::string second = Add(
      "Feedback", absl::StrCat("{", Ref("corrects", first), R"(, "response_due": "2026-11-19"})"));
  EXPECT_THAT(Listed(), ElementsAre("Feedback.response_due 2026-11-19!"));
  Add("Feedback", absl::StrCat("{", Ref("corrects", second), R"(, "entered_in_error": true})"));
  EXPECT_THAT(Listed(), IsEmpty());
}

}  // namespace
}  // namespace doorstep
