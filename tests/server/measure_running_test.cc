// Reinstatement, handover, freshness, conflicts, and how all of it is shown: on fixtures that were
// worked out by hand.
#include <cstdint>
#include <map>
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
                                                       {"contradicted", "0/6"},
                                                       {"without_clock", "0/6"},
                                                       {"not_needed", "1"},
                                                       {"stopped", "0"}}));
}

// Of eight that were suspended at nine:
//   20  its item was ticked off at ten, and it is still suspended: not in time, whatever the item
//   says 21  it runs again at ten, and nobody ticked its item off: in time 22  nobody made an item:
//   without a clock 23  ran again at ten with its item, and was suspended again at eleven: in time,
//   and the second
//       suspension is without a clock
//   24  its item is not needed any more
//   25  has ended; 26 should not exist; 27 is hidden: none of the three is asked for
// And 28 never ran: its item waits, and is overdue.
TEST_F(MeasureRunningTest, WhatTheSupportItselfSaysCounts) {
  std::map<uint64_t, ChangeId> at;
  const auto step = [&](uint64_t id, const std::string& status) {
    at[id] =
        Change(*a_, "Arrangement", id, absl::StrCat(R"({"status": ")", status, R"("})"), {at[id]});
  };
  for (const uint64_t id : {20, 21, 22, 23, 24, 25, 26, 27}) {
    at[id] = Add("Arrangement", id, R"({"what": "meals", "status": "ACTIVE"})");
    step(id, "SUSPENDED");
  }
  at[28] = Add("Arrangement", 28, R"({"what": "meals", "status": "AGREED"})");
  const int64_t two_hours = kNine + 2 * kHourMs;
  const auto item = [&](uint64_t id, uint64_t of, const std::string& status) {
    return Item(id, status, two_hours, absl::StrCat(R"(, "arrangement": ")", IdText(of), R"(")"));
  };
  const ChangeId first = item(30, 20, "WAITING");
  item(31, 21, "WAITING");
  const ChangeId third = item(33, 23, "WAITING");
  item(34, 24, "NOT_NEEDED");
  item(38, 28, "WAITING");
  Change(*a_, "Arrangement", 26, R"({"entered_in_error": true})", {});
  step(25, "ENDED");
  a_->Do(Id(1), {[&] {
           ChangeData hide;
           hide.record = Id(27);
           hide.kind = KindNumber("Arrangement");
           hide.seen = {ChangeId{at[27].incarnation, at[27].counter - 1}, at[27]};
           FieldEdit& mark = hide.edits.emplace_back();
           mark.field = kHiddenField;
           mark.value = MarkValue(kHiddenField, "written twice");
           return hide;
         }()});
  world_.clock().Advance(kHourMs);
  Runs(30, first);
  step(21, "REINSTATED");
  Runs(33, third);
  step(23, "REINSTATED");
  world_.clock().Advance(kHourMs);
  step(23, "SUSPENDED");
  world_.clock().Advance(kHourMs);
  EXPECT_EQ(AllParts(Now(), "reinstatement"), (Figures{{"in_time", "2/6"},
                                                       {"late", "0/6"},
                                                       {"contradicted", "1/6"},
                                                       {"overdue", "1/6"},
                                                       {"waiting", "0/6"},
                                                       {"without_clock", "2/6"},
                                                       {"not_needed", "1"},
                                                       {"stopped", "0"}}));
}

// Whose person has died waits for nobody, with a clock or without.
TEST_F(MeasureRunningTest, SupportOfWhoHasDiedHasStopped) {
  const auto in = [&](const std::string& kind, uint64_t id, const std::string& json) {
    return a_->Do(Id(50), {Create(kind, Id(id), json)}).changes[0].id;
  };
  in("Person", 50, R"({"name": "Gwen Evans", "date_of_death": "2026-11-20"})");
  in("Arrangement", 20, R"({"what": "meals", "status": "SUSPENDED"})");
  in("Arrangement", 21, R"({"what": "shopping", "status": "SUSPENDED"})");
  in("ReinstatementItem", 31,
     absl::StrCat(R"({"status": "WAITING", "arrangement": ")", IdText(21), R"("})"));
  EXPECT_EQ(Parts(Now(), "reinstatement", "stopped"), "2");
  EXPECT_EQ(Parts(Now(), "reinstatement", "without_clock"), "0/0");
  EXPECT_EQ(Parts(Now(), "reinstatement", "waiting"), "0/0");
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

// A note is its site's: two of north, one read; one of south, unread.
TEST_F(MeasureRunningTest, EachSiteHasItsNotes) {
  const auto south = world_.NewDevice("south");
  for (const uint64_t id : {10, 11}) Add("HandoverNote", id, R"({"concerns": "heating"})");
  south->Do(Id(2), {Create("HandoverNote", Id(12), R"({"concerns": "rota"})")});
  world_.clock().Advance(kHourMs);
  Read(20, 10, "J Price");
  world_.clock().Advance(8 * kHourMs);
  const Measures now = Now();
  const auto figures = [](const char* in_time, const char* unread, const char* none) {
    return Figures{{"in_time", in_time}, {"late", none}, {"unread", unread}, {"waiting", none}};
  };
  EXPECT_EQ(AllParts(now, "handover"), figures("1/3", "2/3", "0/3"));
  EXPECT_EQ(AllParts(now, "handover", "north"), figures("1/2", "1/2", "0/2"));
  EXPECT_EQ(AllParts(now, "handover", "south"), figures("0/1", "1/1", "0/1"));
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

// Seven wait on one tablet, of which three arrive; two on another, which says no more than a
// number.
TEST_F(MeasureRunningTest, WhatASiteHasNotHandedOverIsCounted) {
  const auto make = [&](uint64_t id, int changes) {
    std::vector<ChangeData> all;
    for (int i = 0; i < changes; ++i) {
      all.push_back(Create("Person", Id(id + static_cast<uint64_t>(i)), R"({"name": "X"})"));
    }
    return a_->Prepare(Id(1), all);
  };
  make(10, 4);
  const Unit second = make(20, 3);
  a_->Declare("a", 1, 8, 7);
  b_->Declare("b", 0, 0, 2);
  EXPECT_EQ(Parts(Now(), "freshness", "north.pending"), "9");
  Must(a_->Push({second}).status());
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "freshness", "north.pending"), "6");
  EXPECT_EQ(Parts(now, "freshness", "south.pending"), "0");
}

// A tablet that was put away makes its site stale for a fortnight and no longer; what it had is
// shown apart. A site of which nothing at all is heard stays stale.
TEST_F(MeasureRunningTest, ATabletThatWasPutAwayIsNotWaitedFor) {
  const auto south = world_.NewDevice("south");
  a_->Declare("a", 1, 6, 5);
  south->Declare("c", 1, 4, 3);
  world_.clock().Advance(14 * 24 * kHourMs);
  Must(b_->Hello());
  Measures now = Now();
  EXPECT_EQ(now.fresh_sites, 0);
  EXPECT_THAT(*ResultOf(now, "freshness", "north.hours"), DoubleNear(336, 1e-9));
  EXPECT_EQ(
      AllParts(now, "freshness", "north"),
      (Figures{{"devices", "2"}, {"pending", "5"}, {"silent", "0"}, {"silent_pending", "0"}}));
  world_.clock().Advance(kHourMs);
  now = Now();
  EXPECT_EQ(now.fresh_sites, 1);
  EXPECT_THAT(*ResultOf(now, "freshness", "north.hours"), DoubleNear(1, 1e-9));
  EXPECT_EQ(
      AllParts(now, "freshness", "north"),
      (Figures{{"devices", "1"}, {"pending", "0"}, {"silent", "1"}, {"silent_pending", "5"}}));
  EXPECT_THAT(*ResultOf(now, "freshness", "south.hours"), DoubleNear(337, 1e-9));
  EXPECT_EQ(
      AllParts(now, "freshness", "south"),
      (Figures{{"devices", "0"}, {"pending", "0"}, {"silent", "1"}, {"silent_pending", "3"}}));
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

// North: a case opens at nine, a third version joins it at ten and another field is edited at
// eleven, which is the same case; it is settled at one, after four hours. At three a late version
// opens it again, which is another case, two hours old at five. South has written two things.
TEST_F(MeasureRunningTest, WhatWasSettledIsNotForgotten) {
  const auto south = world_.NewDevice("south");
  const auto third = world_.NewDevice("north"), late = world_.NewDevice("north");
  const auto address = [&](TestDevice& device, const std::string& value, const ChangeId& seen) {
    return Change(device, "Person", 10, absl::StrCat(R"({"address": ")", value, R"("})"), {seen});
  };
  const ChangeId seen = Add("Person", 10, R"({"address": "1 High Street"})");
  south->Do(Id(2), {Create("Person", Id(20), R"({"name": "Huw"})"),
                    Create("Person", Id(21), R"({"name": "Idris"})")});
  const ChangeId one = address(*a_, "2 High Street", seen);
  const ChangeId two = address(*b_, "3 High Street", seen);
  world_.clock().Advance(kHourMs);
  const ChangeId three = address(*third, "4 High Street", seen);
  world_.clock().Advance(kHourMs);
  Change(*a_, "Person", 10, R"({"name": "Gwen"})", {});
  world_.clock().Advance(2 * kHourMs);
  a_->author = "M Osei";
  a_->Do(Id(1),
         {Settled(Edit("Person", Id(10), R"({"address": "4 High Street"})", {one, two, three}),
                  SettleMode::kNewValue, "asked her")});
  Measures now = Now();
  EXPECT_EQ(Parts(now, "conflicts", "opened"), "1/8");
  EXPECT_EQ(Parts(now, "conflicts", "open"), "0");
  EXPECT_EQ(Parts(now, "conflicts", "settled"), "1");
  EXPECT_THAT(*ResultOf(now, "conflicts", "mean_hours"), DoubleNear(4, 1e-9));
  EXPECT_FALSE(ResultOf(now, "conflicts", "mean_hours_open").has_value());
  EXPECT_FALSE(ResultOf(now, "conflicts", "longest_hours_open").has_value());
  world_.clock().Advance(2 * kHourMs);
  address(*late, "5 High Street", seen);
  world_.clock().Advance(2 * kHourMs);
  now = Now();
  EXPECT_EQ(AllParts(now, "conflicts"),
            (Figures{{"opened", "2/9"}, {"open", "1"}, {"settled", "1"}}));
  EXPECT_THAT(*ResultOf(now, "conflicts", "mean_hours"), DoubleNear(3, 1e-9));
  EXPECT_THAT(*ResultOf(now, "conflicts", "mean_hours_open"), DoubleNear(2, 1e-9));
  EXPECT_THAT(*ResultOf(now, "conflicts", "longest_hours_open"), DoubleNear(2, 1e-9));
  EXPECT_THAT(*ResultOf(now, "conflicts", "mean_hours_settled"), DoubleNear(4, 1e-9));
  EXPECT_EQ(AllParts(now, "conflicts", "north"), (Figures{{"opened", "2/7"}, {"open", "1"}}));
  EXPECT_THAT(*ResultOf(now, "conflicts", "north.mean_hours"), DoubleNear(3, 1e-9));
  EXPECT_EQ(AllParts(now, "conflicts", "south"), (Figures{{"opened", "0/2"}, {"open", "0"}}));
  EXPECT_FALSE(ResultOf(now, "conflicts", "south.mean_hours").has_value());
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
