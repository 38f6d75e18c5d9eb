#include "sync/cases/responsible.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;

constexpr char kDay[] = "2026-11-22";

ResponsibilityFact Fact(uint8_t number, int64_t time_ms) {
  ResponsibilityFact fact;
  fact.record.b[0] = number;
  fact.time_ms = time_ms;
  return fact;
}

ResponsibilityFact Worker(uint8_t number, int64_t time_ms, std::string worker,
                          std::string deputy = "") {
  ResponsibilityFact fact = Fact(number, time_ms);
  fact.worker = std::move(worker);
  fact.deputy = std::move(deputy);
  return fact;
}

TEST(Responsible, TheLatestThatCountsNamesTheWorker) {
  EXPECT_EQ(WhoAnswers({}, {}, kDay).worker, "");
  EXPECT_EQ(WhoAnswers({Worker(1, 10, "A"), Worker(2, 20, "B")}, {}, kDay).worker, "B");
  EXPECT_EQ(WhoAnswers({Worker(2, 20, "B"), Worker(1, 10, "A")}, {}, kDay).worker, "B");
  EXPECT_EQ(WhoAnswers({Worker(1, 10, "A"), Worker(2, 10, "B")}, {}, kDay).worker, "B")
      << "of one moment the higher id, on every replica";
}

TEST(Responsible, DaysAreInclusive) {
  struct Row {
    const char* from;
    const char* until;
    bool counts;
  };
  for (const Row& row : {Row{"", "", true}, Row{kDay, kDay, true}, Row{"2026-11-23", "", false},
                         Row{"", "2026-11-21", false}, Row{"2026-11-01", "2026-12-01", true}}) {
    ResponsibilityFact fact = Worker(1, 10, "A");
    fact.from = row.from;
    fact.until = row.until;
    EXPECT_EQ(WhoAnswers({fact}, {}, kDay).worker, row.counts ? "A" : "") << row.from << row.until;
  }
}

TEST(Responsible, ACorrectionTakesTheOtherBack) {
  ResponsibilityFact wrong = Worker(1, 30, "A");
  ResponsibilityFact right = Worker(2, 20, "B");
  right.corrects = wrong.record.ToString();
  EXPECT_EQ(WhoAnswers({wrong, right}, {}, kDay).worker, "B");
  ResponsibilityFact itself = Worker(3, 10, "C");
  itself.corrects = itself.record.ToString();
  EXPECT_EQ(WhoAnswers({itself}, {}, kDay).worker, "C");
}

TEST(Responsible, TheSiteGivesLeadDeputyAndDuty) {
  ResponsibilityFact site = Fact(1, 10);
  site.lead = "L";
  site.deputy = "D";
  site.duty = "T";
  ResponsibilityFact away = Fact(2, 20);
  away.absent = "L";
  const Responsible people = WhoAnswers({Worker(3, 5, "A", "E")}, {site, away}, kDay);
  EXPECT_EQ(people.lead, "L");
  EXPECT_EQ(people.lead_deputy, "D");
  EXPECT_EQ(people.duty, "T");
  EXPECT_EQ(people.worker_deputy, "E");
  EXPECT_THAT(people.away, ElementsAre("L"));
  EXPECT_TRUE(people.IsAway("L"));
  EXPECT_FALSE(people.IsAway("D"));
}

TEST(Responsible, ReadsTheBuiltInKinds) {
  const Schema& schema = *Schema::BuiltIn();
  const KindSpec& assignment = *schema.FindByName("Assignment");
  EXPECT_TRUE(SaysWhoAnswers(assignment));
  EXPECT_TRUE(SaysWhoAnswers(*schema.FindByName("Site")));
  EXPECT_TRUE(SaysWhoAnswers(*schema.FindByName("Absence")));
  EXPECT_FALSE(SaysWhoAnswers(*schema.FindByName("CaseStudy")));
  RecordState state;
  state.id.b[0] = 9;
  state.kind = assignment.number;
  const auto put = [&](const char* name, absl::string_view text) {
    const FieldSpec& field = *assignment.FindByName(name);
    Scalar scalar;
    scalar.present = true;
    scalar.bytes = text;
    Head head;
    head.time_ms = 7;
    head.sequence = 1;
    head.value = EncodeScalar(field.scalar, scalar);
    state.At(field.number()).heads = {head};
  };
  put("worker", "A Khan");
  put("deputy", "B Lee");
  put("at_site", "north-team");
  put("starts", "2026-11-01");
  put("ends", "2026-11-30");
  put("corrects", "00000000-0000-7000-8000-000000000001");
  const ResponsibilityFact fact = ReadFact(assignment, state);
  EXPECT_EQ(fact.worker, "A Khan");
  EXPECT_EQ(fact.deputy, "B Lee");
  EXPECT_EQ(fact.at_site, "north-team");
  EXPECT_EQ(fact.from, "2026-11-01");
  EXPECT_EQ(fact.until, "2026-11-30");
  EXPECT_EQ(fact.corrects, "00000000-0000-7000-8000-000000000001");
  EXPECT_EQ(fact.time_ms, 7);
  EXPECT_EQ(SiteOfWorker({fact}, kDay), "north-team");
  EXPECT_EQ(SiteOfWorker({fact}, "2026-12-01"), "");
}

TEST(CivilDay, KnowsTheCalendar) {
  EXPECT_EQ(CivilDay(0), "1970-01-01");
  EXPECT_EQ(CivilDay(-1), "1969-12-31");
  EXPECT_EQ(CivilDay(951782400000), "2000-02-29");
  EXPECT_EQ(CivilDay(1795305600000), "2026-11-22");
  EXPECT_EQ(CivilDay(1795391999999), "2026-11-22");
}

RC_GTEST_PROP(CivilDay, NeverGoesBack, ()) {
  const int64_t day = *rc::gen::inRange<int64_t>(-700000, 2900000);
  RC_ASSERT(CivilDay(day * 86400000) < CivilDay((day + 1) * 86400000));
}

}  // namespace
}  // namespace doorstep
