// Reinstatement, handover, freshness, conflicts, and how all of it is shown: on fixtures that were
// worked out by hand.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/measuring.h"

namespace doorstep::server {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;

class MeasureRunningTest : public MeasuringTest {
 protected:
  ChangeId Item(uint64_t id, const std::string& status, int64_t due_ms,
                const std::string& more = "") {
    return Add("ReinstatementItem", id,
               absl::StrCat(R"({"what": "meals", "status": ")", status, R"(")",
                            due_ms == 0 ? "" : absl::StrCat(R"(, "due_ms": ")", due_ms, R"(")"),
                            more, "}"));
  }
  ChangeId Runs(uint64_t id, const ChangeId& seen) {
    return Change(*a_, "ReinstatementItem", id, R"({"status": "RUNNING"})", {seen});
  }
  void Read(uint64_t id, uint64_t note, const std::string& author) {
    a_->author = author;
    Add("ReadReceipt", id, absl::StrCat(R"({"note": ")", IdText(note), R"("})"));
    a_->author = "A Khan";
  }
};

// Six were suspended: running after an hour of two, running after three of two, running without a
// time, waiting with time left, waiting and overdue, waiting without a time. One more is not
// needed.
TEST_F(MeasureRunningTest, SupportRunsAgainInTime) {
  const int64_t two_hours = kNine + 2 * kHourMs;
  const ChangeId first = Item(10, "WAITING", two_hours);
  const ChangeId second = Item(11, "WAITING", two_hours);
  const ChangeId third = Item(12, "WAITING", 0);
  Item(13, "WAITING", kNine + 5 * kHourMs);
  Item(14, "WAITING", two_hours);
  Item(15, "WAITING", 0);
  Item(16, "NOT_NEEDED", two_hours);
  Item(17, "RUNNING", two_hours, R"(, "entered_in_error": true)");
  world_.clock().Advance(kHourMs);
  Runs(10, first);
  Runs(12, third);
  world_.clock().Advance(2 * kHourMs);
  Runs(11, second);
  EXPECT_EQ(AllParts(Now(), "reinstatement"), (Figures{{"in_time", "1/6"},
                                                       {"late", "2/6"},
                                                       {"overdue", "1/6"},
                                                       {"waiting", "2/6"},
                                                       {"not_needed", "1"},
                                                       {"stopped", "0"}}));
}

// Five: read after an hour by somebody else; read by its author alone; read after nine hours; not
// read, nine hours old; not read, new. The corrected one does not count, its correction does.
TEST_F(MeasureRunningTest, NotesAreReadInTime) {
  for (const uint64_t id : {10, 11, 12, 13}) Add("HandoverNote", id, R"({"concerns": "heating"})");
  world_.clock().Advance(kHourMs);
  Read(20, 10, "J Price");
  Read(21, 11, "A Khan");
  world_.clock().Advance(8 * kHourMs);
  Read(22, 12, "J Price");
  Read(23, 10, "M Osei");
  Add("HandoverNote", 14,
      absl::StrCat(R"({"nothing_to_report": true, "corrects": ")", IdText(13), R"("})"));
  Add("HandoverNote", 15, R"({"concerns": "rota"})");
  EXPECT_EQ(AllParts(Now(), "handover"),
            (Figures{{"in_time", "1/5"}, {"late", "1/5"}, {"unread", "1/5"}, {"waiting", "2/5"}}));
}

TEST_F(MeasureRunningTest, ASiteIsFreshWhenAllItsDevicesAre) {
  EXPECT_EQ(Parts(Now(), "freshness", "fresh"), "1/2");  // the other has no device
  EXPECT_FALSE(ResultOf(Now(), "freshness", "south.hours").has_value());
  auto c = world_.NewDevice("south");
  EXPECT_EQ(Parts(Now(), "freshness", "fresh"), "2/2");
  world_.clock().Advance(24 * kHourMs + kHourMs / 2);
  Must(a_->Hello());
  Must(c->Hello());
  const Measures now = Now();
  EXPECT_EQ(now.fresh_sites, 1);  // north's second tablet was not seen
  EXPECT_EQ(now.sites, 2);
  EXPECT_THAT(*ResultOf(now, "freshness", "north.hours"), DoubleNear(24.5, 1e-9));
  EXPECT_THAT(*ResultOf(now, "freshness", "south.hours"), DoubleNear(0, 1e-9));
  EXPECT_EQ(Parts(now, "freshness", "north.devices"), "2");
  EXPECT_THAT(ToText(now), HasSubstr("1 of 2 sites fresh"));
}

// Of six changes that were admitted one met another version. A day later it is a day old.
TEST_F(MeasureRunningTest, ConflictsAreCountedAgainstChanges) {
  const ChangeId seen = Add("Person", 10, R"({"address": "1 High Street"})");
  Add("Person", 11, R"({"name": "Gwen"})");
  a_->Do(Id(1), {Create("Person", Id(12), R"({"name": "Idris"})"),
                 Create("Person", Id(13), R"({"name": "Huw"})")});
  Change(*a_, "Person", 10, R"({"address": "2 High Street"})", {seen});
  Change(*b_, "Person", 10, R"({"address": "3 High Street"})", {seen});
  world_.clock().Advance(24 * kHourMs);
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "conflicts", "opened"), "1/6");
  EXPECT_THAT(*ResultOf(now, "conflicts", "opened"), DoubleNear(1000.0 / 6, 1e-9));
  EXPECT_EQ(Parts(now, "conflicts", "open"), "1");
  EXPECT_THAT(*ResultOf(now, "conflicts", "mean_hours_open"), DoubleNear(24, 0.01));
  EXPECT_THAT(*ResultOf(now, "conflicts", "longest_hours_open"), DoubleNear(24, 0.01));
  EXPECT_EQ(now.open_conflicts, 1);
}

// A unit of several changes with several outcomes, and one that is refused.
TEST_F(MeasureRunningTest, EveryChangeOfAUnitIsCounted) {
  const ChangeId seen = Add("Person", 10, R"({"address": "1 High Street"})");
  Change(*a_, "Person", 10, R"({"address": "2 High Street"})", {seen});
  b_->Do(Id(1), {Create("Person", Id(12), R"({"name": "Idris"})"),
                 Edit("Person", Id(10), R"({"address": "3 High Street"})", {seen}),
                 Create("Person", Id(13), R"({"name": "Huw"})")});
  const ChangeId done = Add("Task", 14, R"({"what": "tea", "status": "DONE"})");
  Change(*a_, "Task", 14, R"({"status": "STARTED"})", {done});  // no such step: refused
  EXPECT_EQ(Parts(Now(), "conflicts", "opened"), "1/6");
}

TEST_F(MeasureRunningTest, EveryFigureIsInAllThreeForms) {
  Add("CaseStudy", 10, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["STAFFING"]})");
  const Measures now = Now();
  const auto json = nlohmann::json::parse(ToJson(now));
  size_t figures = 0;
  for (const MeasureTable& table : now.tables) {
    const auto& each = json[table.name];
    EXPECT_EQ(each["as_of"], "2026-11-22T09:00:00.000Z");
    EXPECT_EQ(each["day"], "2026-11-22");
    EXPECT_EQ(each["sites"], 2);
    EXPECT_EQ(each["fresh_sites"], 1);
    EXPECT_EQ(each["open_conflicts"], 0);
    EXPECT_EQ(each["figures"].size(), table.figures.size());
    figures += table.figures.size();
  }
  const auto& supported = json["independence_supported"]["figures"]["supported"];
  EXPECT_EQ(supported["numerator"], 1);
  EXPECT_EQ(supported["denominator"], 1);
  EXPECT_EQ(supported["value"], 1.0);
  const std::string csv = ToCsv(now);
  const std::vector<std::string> lines = absl::StrSplit(csv, "\r\n");
  EXPECT_EQ(lines.size(), figures + 2);  // a heading, and the end of the last line
  EXPECT_THAT(lines, ::testing::Contains(
                         "2026-11-22T09:00:00.000Z,2026-11-22,independence_supported,supported,"
                         "\"supported, or with conditions\",1,1,1,decisions,0,2,1"));
  for (const MeasureTable& table : now.tables) EXPECT_THAT(ToText(now), HasSubstr(table.title));
}

TEST_F(MeasureRunningTest, ANameIsNoFormulaAndNoSecondCell) {
  Measures measures;
  measures.tables.push_back({"freshness", "Sites", 0, {}});
  measures.tables[0].Add({"x", "=HYPERLINK(\"a\"),b", Figure::Form::kCount, 3, 0, {}, ""});
  EXPECT_THAT(ToCsv(measures), HasSubstr(",\"'=HYPERLINK(\"\"a\"\"),b\","));
}

TEST_F(MeasureRunningTest, ADayThatIsNoneIsRefused) {
  auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
  auto history = Must(world_.tenant().store().Read());
  for (const char* day : {"2026-02-30", "today", "2026-1-1"}) {
    MeasureOptions options;
    options.now_ms = kNine;
    options.day = day;
    const auto measured = Measure(*db, Schema::BuiltIn(), *history, options);
    EXPECT_EQ(measured.status().code(), absl::StatusCode::kInvalidArgument) << day;
  }
}

}  // namespace
}  // namespace doorstep::server
