// Participation and the voice loop: on fixtures that were worked out by hand.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/measuring.h"

namespace doorstep::server {
namespace {

using ::testing::DoubleNear;

class MeasureVoicesTest : public MeasuringTest {
 protected:
  void Voice(uint64_t id, uint64_t attendee, int voice, const std::string& more = "") {
    Add("VoiceCheck", id,
        absl::StrCat(R"({"meeting": "panel", "attendee": ")", IdText(attendee),
                     R"(", "self_rated_voice": )", voice, more, "}"));
  }
  void Feedback(uint64_t id, const std::string& due, const std::string& more = "") {
    Add("Feedback", id,
        absl::StrCat(R"({"you_said": "the bus is late")",
                     due.empty() ? "" : absl::StrCat(R"(, "response_due": ")", due, R"(")"), more,
                     "}"));
  }
  void Reply(uint64_t id, uint64_t feedback, const std::string& told_on,
             const std::string& more = "") {
    Add("FeedbackReply", id,
        absl::StrCat(R"({"we_did": "another bus", "feedback": ")", IdText(feedback), R"(")",
                     told_on.empty() ? "" : absl::StrCat(R"(, "told_on": ")", told_on, R"(")"),
                     more, "}"));
  }
};

// Health 4 and 5: 4.5. People and carers 1, 2 and 3: 2. One who is nothing yet: 3. The gap is 2.5.
TEST_F(MeasureVoicesTest, VoicesAreComparedByPartnerType) {
  Add("Participant", 10, R"({"worker": "Nurse", "partner_type": "HEALTH"})");
  Add("Participant", 11, R"({"worker": "GP", "partner_type": "HEALTH"})");
  Add("Participant", 12, R"({"worker": "Gwen", "partner_type": "PERSON_OR_CARER"})");
  Add("Participant", 13, R"({"worker": "Somebody"})");
  Voice(20, 10, 4);
  Voice(21, 11, 5);
  Voice(22, 12, 1);
  Voice(23, 12, 2);
  Voice(24, 12, 3);
  Voice(25, 13, 3);
  // Corrected, in error, and one who did not say.
  Voice(26, 12, 5);
  Add("VoiceCheck", 27,
      absl::StrCat(R"({"entered_in_error": true, "corrects": ")", IdText(26), R"("})"));
  Add("VoiceCheck", 28, absl::StrCat(R"({"spoke": true, "attendee": ")", IdText(12), R"("})"));
  const Measures now = Now();
  EXPECT_EQ(AllParts(now, "participation"),
            (Figures{{"HEALTH", "9/2"}, {"PERSON_OR_CARER", "6/3"}, {"not_said", "3/1"}}));
  EXPECT_THAT(*ResultOf(now, "participation", "HEALTH"), DoubleNear(4.5, 1e-9));
  EXPECT_THAT(*ResultOf(now, "participation", "gap"), DoubleNear(2.5, 1e-9));
  EXPECT_THAT(ToText(now), ::testing::HasSubstr("4.50 (9 over 2 voices)"));
}

TEST_F(MeasureVoicesTest, OneVoiceHasNoGapButIsCounted) {
  EXPECT_FALSE(ResultOf(Now(), "participation", "gap").has_value());
  Add("Participant", 10, R"({"partner_type": "HOUSING"})");
  Voice(20, 10, 2);
  EXPECT_THAT(*ResultOf(Now(), "participation", "gap"), DoubleNear(0, 1e-9));
}

// Seven: in time on the day, in time although no day was promised, late, answered in time by the
// earlier of two, not answered and overdue, not answered with time until today, and one of which
// the reply does not say when. The corrected and the one in error do not count.
TEST_F(MeasureVoicesTest, FeedbackIsAnsweredInTime) {
  Feedback(10, "2026-11-10");
  Reply(30, 10, "2026-11-10");
  Feedback(11, "");
  Reply(31, 11, "2026-11-20");
  Feedback(12, "2026-11-10");
  Reply(32, 12, "2026-11-11");
  Feedback(13, "2026-11-10");
  Reply(33, 13, "2026-11-09");
  Reply(34, 13, "2026-11-12");
  Feedback(14, "2026-11-21");
  Feedback(15, "2026-11-22");
  Feedback(16, "2026-11-01");
  Reply(35, 16, "");
  Feedback(17, "2026-11-01");
  Add("Feedback", 18,
      absl::StrCat(R"({"entered_in_error": true, "corrects": ")", IdText(17), R"("})"));
  EXPECT_EQ(AllParts(Now(), "voice_loop"),
            (Figures{{"in_time", "3/7"}, {"late", "1/7"}, {"overdue", "2/7"}, {"waiting", "1/7"}}));
  // As it stood on the tenth: two had heard, nobody late yet.
  EXPECT_EQ(AllParts(On("2026-11-10"), "voice_loop"),
            (Figures{{"in_time", "2/7"}, {"late", "0/7"}, {"overdue", "1/7"}, {"waiting", "4/7"}}));
}

TEST_F(MeasureVoicesTest, AReplyThatWasTakenBackAnswersNothing) {
  Feedback(10, "2026-11-10");
  Reply(30, 10, "2026-11-09");
  EXPECT_EQ(Parts(Now(), "voice_loop", "in_time"), "1/1");
  Add("FeedbackReply", 31,
      absl::StrCat(R"({"entered_in_error": true, "corrects": ")", IdText(30), R"("})"));
  EXPECT_EQ(Parts(Now(), "voice_loop", "in_time"), "0/1");
  EXPECT_EQ(Parts(Now(), "voice_loop", "overdue"), "1/1");
}

TEST_F(MeasureVoicesTest, OneProgrammeIsCountedByItself) {
  Add("Programme", 10, R"({"name": "Out and about", "code": "independence"})");
  Add("Participant", 11, R"({"partner_type": "HOUSING"})");
  Voice(20, 11, 4, absl::StrCat(R"(, "programme": ")", IdText(10), R"(")"));
  Voice(21, 11, 1);
  Feedback(12, "", absl::StrCat(R"(, "programme": ")", IdText(10), R"(")"));
  Feedback(13, "");
  MeasureOptions options;
  options.programme = "independence";
  const Measures one = Now(options);
  EXPECT_EQ(Parts(one, "participation", "HOUSING"), "4/1");
  EXPECT_EQ(Parts(one, "voice_loop", "waiting"), "1/1");
  EXPECT_EQ(Parts(Now(), "participation", "HOUSING"), "5/2");
}

}  // namespace
}  // namespace doorstep::server
