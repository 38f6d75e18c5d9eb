// The audit: what is noted, how often, and that nobody changes it unseen.
#include "server/audit/audit.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/audit/refusals.h"
#include "server/chain.h"
#include "sync/base/bytes.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

AuditEntry SampleAudit() {
  return {7,   kNine, "operator root", Id(5), "device revoke", "DEVICE=5 --reason=left on a bus",
          "no"};
}

TEST(AuditEntryTest, IsReadAsItWasWrittenAndNoOtherBytesAre) {
  const std::string bytes = EncodeAudit(SampleAudit());
  EXPECT_EQ(Must(ParseAudit(bytes)), SampleAudit());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseAudit(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseAudit(bytes + "x").ok());
}

class AuditTest : public ::testing::Test {
 protected:
  void Append(AuditEntry entry) {
    auto write = Must(world_.tenant().store().Write());
    Must(AppendAudit(std::move(entry), *write));
    Must(write->Commit());
  }
  // Four of them.
  void AppendSome() {
    for (const char* verb : {"site add", "device invite", "device enrolled", "device revoke"}) {
      AuditEntry entry = SampleAudit();
      entry.verb = verb;
      Append(entry);
    }
  }
  std::vector<AuditEntry> Entries() {
    std::vector<AuditEntry> entries;
    for (const AuditRow& row : Must(Must(world_.tenant().store().Read())->AuditAfter(0, 1000))) {
      entries.push_back(Must(ParseAudit(row.entry)));
    }
    return entries;
  }
  AuditReport Verify() { return Must(VerifyAudit(*Must(world_.tenant().store().Read()))); }

  World world_;
};

TEST_F(AuditTest, EntriesAreNumberedAndChained) {
  EXPECT_EQ(Verify().entries, 0u);
  AppendSome();
  const std::vector<AuditEntry> entries = Entries();
  ASSERT_THAT(entries, SizeIs(4));
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].sequence, i + 1);
  EXPECT_EQ(entries[3].verb, "device revoke");
  EXPECT_EQ(entries[3].about, SampleAudit().about);
  const AuditReport report = Verify();
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.entries, 4u);
  EXPECT_EQ(report.end, Must(Must(world_.tenant().store().Read())->AuditEnd()).chain);
}

TEST_F(AuditTest, ATransactionThatIsRolledBackLeavesNone) {
  {
    auto write = Must(world_.tenant().store().Write());
    Must(AppendAudit(SampleAudit(), *write));
  }
  EXPECT_THAT(Entries(), IsEmpty());
  AppendSome();
  EXPECT_THAT(Verify().faults, IsEmpty());
}

TEST_F(AuditTest, AnEntryIsOneLineOfBoundedLength) {
  AuditEntry entry = SampleAudit();
  entry.about = "two\nlines\x1b[2J" + std::string(100'000, 'x');
  Append(entry);
  const std::string about = Entries()[0].about;
  EXPECT_THAT(about, Not(HasSubstr("\n")));
  EXPECT_THAT(about, Not(HasSubstr("\x1b")));
  EXPECT_LE(about.size(), kMaxAuditTextBytes + 3);
}

TEST_F(AuditTest, EveryPartOfAnEntryIsCovered) {
  AppendSome();
  for (const char* change :
       {"entry = zeroblob(length(entry))", "chain = zeroblob(32)",
        "entry = CAST(replace(entry, 'bus', 'car') AS BLOB)", "sequence = 9"}) {
    world_.Tamper(absl::StrCat("CREATE TABLE keep AS SELECT * FROM _audit; UPDATE _audit SET ",
                               change, " WHERE sequence = 2"));
    EXPECT_THAT(Verify().faults, Not(IsEmpty())) << change;
    world_.Tamper(
        "DELETE FROM _audit; "
        "INSERT INTO _audit SELECT * FROM keep; DROP TABLE keep; "
        "UPDATE _audit SET sequence = sequence");
    EXPECT_THAT(Verify().faults, IsEmpty());
  }
}

// By somebody who knows how the chain is made, and stops after one entry.
TEST_F(AuditTest, AnEntryThatWasReplacedWithItsHashIsFoundByTheNext) {
  AppendSome();
  const auto rows = Must(Must(world_.tenant().store().Read())->AuditAfter(0, 10));
  AuditEntry other = Must(ParseAudit(rows[1].entry));
  other.about = "nothing to see";
  const std::string entry = EncodeAudit(other);
  world_.Tamper(absl::StrCat("UPDATE _audit SET entry = x'", ToHex(entry), "', chain = x'",
                             ToHex(ChainHash(rows[0].chain + entry)), "' WHERE sequence = 2"));
  EXPECT_THAT(Verify().faults, ElementsAre(HasSubstr("audit entry 3: it was altered")));
}

TEST_F(AuditTest, WhereSomethingIsWrongIsSaid) {
  AppendSome();
  world_.Tamper(
      "UPDATE _audit SET entry = CAST(replace(entry, 'bus', 'car') AS BLOB) WHERE sequence = 3");
  EXPECT_THAT(Verify().faults, ElementsAre("audit entry 3: it was altered, or replaced"));
}

TEST_F(AuditTest, ARemovedEntryIsFound) {
  AppendSome();
  world_.Tamper("DELETE FROM _audit WHERE sequence = 2");
  EXPECT_THAT(Verify().faults, ElementsAre(HasSubstr("audit entry 3: the one before it is 1")));
}

TEST_F(AuditTest, ARemovedBeginningAndEndAreFound) {
  AppendSome();
  world_.Tamper("DELETE FROM _audit WHERE sequence = 1");
  EXPECT_THAT(Verify().faults, ElementsAre(HasSubstr("audit entry 2: the one before it is 0")));
  world_.Tamper("DELETE FROM _audit WHERE sequence = 4");
  EXPECT_THAT(Verify().faults, Not(IsEmpty()));
}

TEST_F(AuditTest, EntriesThatChangedPlacesAreFound) {
  AppendSome();
  world_.Tamper(
      "UPDATE _audit SET sequence = -2 WHERE sequence = 2; "
      "UPDATE _audit SET sequence = 2 WHERE sequence = 3; "
      "UPDATE _audit SET sequence = 3 WHERE sequence = -2");
  EXPECT_THAT(Verify().faults, Not(IsEmpty()));
}

TEST_F(AuditTest, AnEntryThatSomebodyAddedIsFound) {
  AppendSome();
  world_.Tamper("INSERT INTO _audit SELECT 5, entry, chain FROM _audit WHERE sequence = 4");
  EXPECT_THAT(Verify().faults, Not(IsEmpty()));
}

TEST_F(AuditTest, WhoeverReadsARecordsHistoryIsNoted) {
  auto device = world_.NewDevice("north");
  device->Do(Id(1), {Create("CaseStudy", Id(100), R"({"title": "Peter"})")});
  v1::HistoryRequest request;
  *request.mutable_sender() = device->Sender();
  request.set_record(std::string(Id(100).AsBytes()));
  request.set_limit(1);
  const auto page = Must(world_.core().History(request));
  ASSERT_EQ(page.entries_size(), 1);
  const std::vector<AuditEntry> entries = Entries();
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].verb, "history read");
  EXPECT_EQ(entries[0].about, absl::StrCat("record=", Id(100).ToString(), " after=0"));
  EXPECT_FALSE(entries[0].device.IsNil());
  EXPECT_THAT(entries[0].about, Not(HasSubstr("Peter")));
  // Nothing comes after it, and others hear nothing of it: nobody has read anything.
  request.set_after_sequence(page.entries(0).sequence());
  EXPECT_EQ(Must(world_.core().History(request)).entries_size(), 0);
  auto stranger = world_.NewDevice("south");
  *request.mutable_sender() = stranger->Sender();
  request.set_after_sequence(0);
  EXPECT_TRUE(absl::IsNotFound(world_.core().History(request).status()));
  EXPECT_THAT(Entries(), SizeIs(1));
}

TEST_F(AuditTest, TheSecondPageIsNotedWithoutTheFirst) {
  auto device = world_.NewDevice("north");
  const Unit create = device->Do(Id(1), {Create("CaseStudy", Id(100), R"({"title": "one"})")});
  const uint64_t first = world_.Head();
  device->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "two"})", {create.changes[0].id})});
  v1::HistoryRequest request;
  *request.mutable_sender() = device->Sender();
  request.set_record(std::string(Id(100).AsBytes()));
  request.set_after_sequence(first);
  EXPECT_EQ(Must(world_.core().History(request)).entries_size(), 1);
  EXPECT_THAT(Entries(), SizeIs(1));
}

TEST(RefusalsTest, ACallerIsNotedOnceAMinuteAndWithHowOften) {
  Refusals refusals;
  EXPECT_EQ(refusals.Note("a", 1'000), 1u);
  EXPECT_EQ(refusals.Note("a", 1'500), 0u);
  EXPECT_EQ(refusals.Note("a", 2'000), 0u);
  EXPECT_EQ(refusals.Note("b", 2'000), 1u);
  EXPECT_EQ(refusals.Note("a", 1'000 + kRefusalPauseMs), 3u);
}

TEST(RefusalsTest, ACrowdIsNotedUpToALimitAndNeverForgotten) {
  Refusals refusals;
  size_t noted = 0;
  for (int i = 0; i < 1'000; ++i) noted += refusals.Note(absl::StrCat(i), 100) > 0 ? 1 : 0;
  EXPECT_EQ(noted, kMaxRefusalsPerPause);
  // One of those that were not: it is told of when there is room.
  EXPECT_EQ(refusals.Note("999", 100 + kRefusalPauseMs), 2u);
}

TEST(RefusalsTest, ACrowdCostsNoMoreMemoryThanItsLimit) {
  Refusals refusals;
  for (int i = 0; i < 100'000; ++i) refusals.Note(absl::StrCat(i), 100);
  EXPECT_EQ(refusals.Note("new", 100), 0u);
}

}  // namespace
}  // namespace doorstep::server
