#include "sync/sqlite/migrate.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sqlite/database_fixture.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int32_t kOurs = 0x64730001;

// The first `rungs` of a ladder of three.
absl::Span<const Migration> Ladder(size_t rungs) {
  static const auto& ladder = *new std::vector<Migration>{
      {1, "0001_notes", "CREATE TABLE note (a TEXT); INSERT INTO note VALUES ('first');"},
      {2, "0002_dates", "ALTER TABLE note ADD COLUMN at INTEGER; UPDATE note SET at = 7;"},
      {3, "0003_index", "CREATE INDEX note_at ON note (at);"},
  };
  return absl::MakeConstSpan(ladder).first(rungs);
}

using MigrateTest = DatabaseTest;

TEST_F(MigrateTest, ClimbsFromAnyRungToTheLast) {
  for (size_t from = 0; from <= 3; ++from) {
    const auto db = InMemory();
    if (from > 0) Must(Migrate(*db, kOurs, Ladder(from)));
    Must(Migrate(*db, kOurs, Ladder(3)));
    EXPECT_EQ(Must(SchemaVersion(*db)), 3);
    EXPECT_EQ(Must(db->QueryInt("PRAGMA application_id")), kOurs);
    EXPECT_EQ(Must(db->QueryInt("SELECT at FROM note INDEXED BY note_at WHERE at = 7")), 7);
  }
}

TEST_F(MigrateTest, WritesNothingWhenThereIsNothingToDo) {
  const auto db = Open();
  Must(Migrate(*db, kOurs, Ladder(3)));
  const auto writer = Open();
  const auto held = Must(Transaction::Begin(*writer, Transaction::Mode::kWrite));
  EXPECT_TRUE(Migrate(*db, kOurs, Ladder(3)).ok());  // without the writer's lock

  DatabaseOptions options;
  options.read_only = true;
  const auto reader = Must(Database::Open(Path(), options));
  EXPECT_TRUE(Migrate(*reader, kOurs, Ladder(3)).ok());
}

TEST_F(MigrateTest, ABrokenRungLeavesEverythingAsItWas) {
  const auto db = InMemory();
  Must(Migrate(*db, kOurs, Ladder(1)));
  std::vector<Migration> broken(Ladder(2).begin(), Ladder(2).end());
  broken.push_back({3, "0003_broken", "CREATE TABLE u (a); INSERT INTO nowhere VALUES (1);"});
  const absl::Status status = Migrate(*db, kOurs, broken);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("migration 0003_broken: no such table"));
  EXPECT_EQ(Must(SchemaVersion(*db)), 1);
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM pragma_table_info('note')")), 1);
  EXPECT_FALSE(db->InTransaction());
  EXPECT_TRUE(Migrate(*db, kOurs, Ladder(3)).ok());
}

TEST_F(MigrateTest, RefusesWhatANewerReleaseWrote) {
  const auto db = InMemory();
  Must(Migrate(*db, kOurs, Ladder(3)));
  const absl::Status status = Migrate(*db, kOurs, Ladder(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("got schema version 3, wanted at most 2"), HasSubstr("newer release")));
}

TEST_F(MigrateTest, RefusesAnotherProgramsFile) {
  const auto other = InMemory();
  Must(Migrate(*other, 0x1234, Ladder(1)));
  const absl::Status status = Migrate(*other, kOurs, Ladder(3));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("0x00001234"), HasSubstr("another program's")));
  EXPECT_EQ(Must(SchemaVersion(*other)), 1);

  const auto nameless = InMemory();
  Must(nameless->Exec("CREATE TABLE theirs (a)"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Migrate(*nameless, kOurs, Ladder(3))));
}

TEST_F(MigrateTest, RefusesALadderThatIsNone) {
  const auto db = InMemory();
  const std::vector<Migration> gap = {{1, "0001", ""}, {3, "0003", ""}};
  EXPECT_TRUE(absl::IsInternal(Migrate(*db, kOurs, gap)));
  const std::vector<Migration> late = {{2, "0002", ""}};
  EXPECT_TRUE(absl::IsInternal(Migrate(*db, kOurs, late)));
  EXPECT_TRUE(absl::IsInternal(Migrate(*db, 0, Ladder(1))));
  const std::vector<Migration> ends = {{1, "0001_ends", "CREATE TABLE t (a); COMMIT"}};
  EXPECT_TRUE(absl::IsInternal(Migrate(*db, kOurs, ends)));
}

TEST_F(MigrateTest, ProcessesThatClimbAtOnceDoItOnce) {
  std::vector<std::thread> climbers;
  for (int i = 0; i < 6; ++i) {
    climbers.emplace_back([this] {
      DatabaseOptions options = Impatient();
      options.busy_timeout_ms = 60'000;
      const auto db = Must(Database::Open(Path(), options));
      const absl::Status status = Migrate(*db, kOurs, Ladder(3));
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& climber : climbers) climber.join();
  EXPECT_EQ(Must(Open()->QueryInt("SELECT count(*) FROM note")), 1);
}

TEST(MigratePowerCut, StandsOnOneRungOrTheOtherAtEveryMoment) {
  bool finished = false;
  int old_seen = 0, new_seen = 0;
  for (int64_t nth = 1; !finished; ++nth) {
    SCOPED_TRACE(nth);
    ASSERT_LT(nth, 1000);
    testing::PowerCutVfs vfs(static_cast<uint64_t>(nth));
    DatabaseOptions options;
    options.create = true;
    options.vfs = vfs.name();
    {
      const auto db = Must(Database::Open("a.db", options));
      Must(Migrate(*db, kOurs, Ladder(1)));
      vfs.CutPowerAtChange(nth, testing::Survivors::kTorn);
      finished = Migrate(*db, kOurs, Ladder(3)).ok();
      vfs.CutPowerAtChange(0, testing::Survivors::kTorn);
      if (finished) vfs.PowerCut(testing::Survivors::kNone);
    }
    const auto db = Must(Database::Open("a.db", options));
    Must(db->QuickCheck());
    const int version = Must(SchemaVersion(*db));
    ASSERT_TRUE(version == 1 || version == 3) << version;
    EXPECT_TRUE(!finished || version == 3);
    ++(version == 1 ? old_seen : new_seen);
    Must(Migrate(*db, kOurs, Ladder(3)));
    EXPECT_EQ(Must(db->QueryInt("SELECT at FROM note INDEXED BY note_at WHERE at = 7")), 7);
  }
  EXPECT_GT(old_seen, 2);
  EXPECT_GT(new_seen, 0);
}

}  // namespace
}  // namespace doorstep
