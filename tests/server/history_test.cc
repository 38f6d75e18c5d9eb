// The ledger that keeps everything: its format, its chain, and what a device may read of it.
#include "server/history.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "sync/base/limits.h"
#include "sync/change/unit_codec.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kStudy[] = R"({"title": "To the newsagent"})";

UnitRow SampleUnit() {
  UnitRow unit;
  unit.sequence = 17;
  unit.device = Id(1);
  unit.incarnation = Id(2);
  unit.counter = 40;
  unit.changes = 2;
  unit.author = "A Khan";
  unit.schema_hash = std::string(16, 's');
  unit.epoch = 11;
  unit.checkpoint = 12;
  unit.hash = std::string(32, 'h');
  unit.words = {Word::kApplied, Word::kConflict};
  unit.reason = "why";
  unit.what_to_do = "what";
  unit.times_ms = {kNine, std::numeric_limits<int64_t>::min()};
  unit.uncertainty_ms = std::numeric_limits<int64_t>::max();
  unit.received_ms = kNine + 1;
  return unit;
}

TEST(HistoryHeader, IsReadAsItWasWritten) {
  const HistoryHeader header{SampleUnit(), 16, Id(3)};
  const std::string bytes = EncodeHeader(header);
  const HistoryHeader read = Must(ParseHeader(bytes));
  EXPECT_EQ(EncodeHeader(read), bytes);
  EXPECT_EQ(read.previous, 16u);
  EXPECT_EQ(read.key_file, Id(3));
  EXPECT_EQ(read.unit.author, "A Khan");
  EXPECT_EQ(read.unit.words, header.unit.words);
  EXPECT_EQ(read.unit.times_ms, header.unit.times_ms);
}

TEST(HistoryHeader, NoOtherBytesAreRead) {
  const std::string bytes = EncodeHeader({SampleUnit(), 16, Id(3)});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseHeader(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseHeader(bytes + "x").ok());
}

class History : public ::testing::Test {
 protected:
  History() {
    const Unit create = a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
    first_ = create.changes[0].id;
    a_->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "x"})", {first_})});
    a_->Do(Id(1), {Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {})});  // refused
    a_->Do(Id(2), {Create("CaseStudy", Id(200),
                          absl::StrCat(R"({"situation": ")", std::string(5000, 'y'), R"("})"))});
  }

  HistoryReport Verify() { return Must(VerifyHistory(*Must(world_.tenant().store().Read()))); }

  v1::HistoryRequest Request(const TestDevice& device, const Uuid& record) {
    v1::HistoryRequest request;
    *request.mutable_sender() = device.Sender();
    request.set_record(std::string(record.AsBytes()));
    return request;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> other_ = world_.NewDevice("south");
  ChangeId first_;
};

TEST_F(History, VerifiesWhatWasWritten) {
  const HistoryReport report = Verify();
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.entries, 4u);
  EXPECT_EQ(report.erased, 0u);
  EXPECT_EQ(report.last_sequence, world_.Head());
  EXPECT_THAT(report.end, SizeIs(32));
}

TEST_F(History, HoldsTheAuthorsBytesAndNoPlainText) {
  auto view = Must(world_.tenant().store().Read());
  const auto rows = Must(view->HistoryAfter(0, 100));
  ASSERT_THAT(rows, SizeIs(4));
  for (const HistoryRow& row : rows) {
    const std::string payload = Must(OpenEntry(row, *view));
    const UnitRow unit = Must(ParseHeader(row.header)).unit;
    EXPECT_EQ(UnitHash(unit.author, unit.schema_hash, payload), unit.hash);
    EXPECT_THAT(*row.body, Not(HasSubstr("newsagent")));
    EXPECT_THAT(*row.body, Not(HasSubstr("yyyy")));
  }
  EXPECT_LT(rows[3].body->size(), 1000u) << "not compressed";
  EXPECT_NE(rows[0].key_file, rows[3].key_file);
  EXPECT_EQ(rows[0].key_file, rows[2].key_file);  // refused, of a file that exists
}

TEST_F(History, AnAlteredEntryIsFoundByItsSequence) {
  const std::string at = absl::StrCat(" WHERE sequence = ", world_.Head());
  world_.Tamper("UPDATE _history SET body = CAST(body || x'00' AS BLOB)" + at);
  EXPECT_THAT(Verify().faults,
              ElementsAre(HasSubstr(absl::StrCat("history entry ", world_.Head(), ":"))));
}

TEST_F(History, EveryPartOfAnEntryIsCovered) {
  for (const char* column : {"header", "key_file", "nonce", "body", "body_hash", "chain"}) {
    world_.Tamper(
        "CREATE TABLE keep AS SELECT * FROM _history; "
        "UPDATE _history SET " +
        absl::StrCat(column, " = zeroblob(length(", column, "))") +
        " WHERE sequence = (SELECT min(sequence) FROM _history)");
    EXPECT_THAT(Verify().faults, Not(IsEmpty())) << column;
    world_.Tamper(
        "DELETE FROM _history; INSERT INTO _history SELECT * FROM keep; DROP TABLE keep; "
        "UPDATE _history SET sequence = sequence");
    EXPECT_THAT(Verify().faults, IsEmpty());
  }
}

TEST_F(History, ARemovedEntryIsFound) {
  world_.Tamper(
      "DELETE FROM _history WHERE sequence = (SELECT max(sequence) FROM _history "
      "WHERE sequence < (SELECT max(sequence) FROM _history))");
  EXPECT_THAT(Verify().faults, ElementsAre(HasSubstr("were removed")));
}

TEST_F(History, ARemovedEndIsFound) {
  world_.Tamper("DELETE FROM _history WHERE sequence = (SELECT max(sequence) FROM _history)");
  EXPECT_THAT(Verify().faults, ElementsAre(HasSubstr("were removed")));
}

TEST_F(History, EntriesThatChangedPlacesAreFound) {
  const uint64_t last = world_.Head();
  world_.Tamper(
      absl::StrCat("UPDATE _history SET sequence = -1 WHERE sequence = ", last - 2,
                   "; UPDATE _history SET sequence = ", last - 2,
                   " WHERE sequence = (SELECT max(sequence) FROM _history WHERE sequence < ", last,
                   " AND sequence > ", last - 2, " OR sequence = ", last, ")"));
  EXPECT_THAT(Verify().faults, Not(IsEmpty()));
}

TEST_F(History, ErasingABodyOrAKeyLeavesTheChainWhole) {
  world_.Tamper(
      "UPDATE _history SET body = NULL WHERE sequence = (SELECT min(sequence) FROM _history)");
  EXPECT_THAT(Verify().faults, IsEmpty());
  EXPECT_EQ(Verify().erased, 1u);
  world_.Tamper("UPDATE _file_key SET key = NULL WHERE file <> zeroblob(16)");
  EXPECT_THAT(Verify().faults, IsEmpty());
  EXPECT_EQ(Verify().erased, 4u);
  EXPECT_TRUE(world_.Load(Id(100)).has_value());
  const auto response = Must(world_.core().History(Request(*a_, Id(100))));
  EXPECT_THAT(response.entries(), IsEmpty());
}

TEST_F(History, ADeviceReadsTheVersionsOfItsRecord) {
  const auto response = Must(world_.core().History(Request(*a_, Id(100))));
  ASSERT_THAT(response.entries(), SizeIs(2));
  EXPECT_FALSE(response.more());
  const v1::HistoryEntry& edit = response.entries(1);
  EXPECT_EQ(edit.author(), "A Khan");
  EXPECT_EQ(edit.device_name(), "tablet");
  EXPECT_EQ(edit.counter(), 2u);
  EXPECT_EQ(edit.word(), v1::Outcome::APPLIED);
  EXPECT_EQ(edit.values(), Values("CaseStudy", R"({"title": "x"})"));
  EXPECT_THAT(edit.replaced(), ElementsAre(first_.ToString()));
  EXPECT_EQ(edit.admitted_time_ms(), kNine + 1);
  EXPECT_EQ(edit.device_time_ms(), kNine);
}

TEST_F(History, PagesGoOnWhereTheyEnded) {
  v1::HistoryRequest request = Request(*a_, Id(100));
  request.set_limit(1);
  const auto first = Must(world_.core().History(request));
  ASSERT_THAT(first.entries(), SizeIs(1));
  EXPECT_TRUE(first.more());
  request.set_after_sequence(first.entries(0).sequence());
  const auto second = Must(world_.core().History(request));
  ASSERT_THAT(second.entries(), SizeIs(1));
  EXPECT_FALSE(second.more());
  EXPECT_EQ(second.entries(0).counter(), 2u);
}

TEST_F(History, OthersGetTheSameAnswerAsForNoRecord) {
  const auto theirs = world_.core().History(Request(*other_, Id(100)));
  const auto none = world_.core().History(Request(*other_, Id(555)));
  EXPECT_EQ(theirs.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(History, WhatAnotherSiteTriedIsNotShown) {
  other_->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "intruder"})", {})});
  EXPECT_THAT(Must(world_.core().History(Request(*a_, Id(100)))).entries(), SizeIs(2));
  EXPECT_THAT(Verify().faults, IsEmpty());
}

TEST_F(History, ARefusedChangeOfAColleagueIsShown) {
  a_->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "refused"})", {first_}),
                 Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {})});
  const auto response = Must(world_.core().History(Request(*a_, Id(100))));
  ASSERT_THAT(response.entries(), SizeIs(3));
  EXPECT_EQ(response.entries(2).word(), v1::Outcome::REJECTED);
}

TEST_F(History, ALongHistoryComesInBoundedPages) {
  const std::string text(30'000, 'z');
  for (int i = 0; i < 50; ++i) {
    a_->Do(Id(1), {Edit("CaseStudy", Id(100),
                        absl::StrCat(R"({"service_led_default": ")", text, R"("})"), {})});
  }
  v1::HistoryRequest request = Request(*a_, Id(100));
  int entries = 0;
  int pages = 0;
  while (true) {
    const auto response = Must(world_.core().History(request));
    EXPECT_LT(response.ByteSizeLong(), kMaxHistoryPageBytes + 100'000);
    entries += response.entries_size();
    ++pages;
    if (!response.more()) break;
    request.set_after_sequence(response.entries(response.entries_size() - 1).sequence());
  }
  EXPECT_EQ(entries, 52);
  EXPECT_EQ(pages, 2);
}

}  // namespace
}  // namespace doorstep::server
