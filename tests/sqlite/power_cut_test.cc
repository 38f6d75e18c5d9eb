// What survives a power cut, for every setting, at every moment; and that the file system that
// tells us is itself right.
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/sqlite/database.h"
#include "tests/sqlite/database_fixture.h"
#include "tests/support/power_cut_disk.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep {
namespace {

using Sync = DatabaseOptions::Sync;
using ::testing::ElementsAre;
using testing::ForgetfulFile;
using ::testing::IsEmpty;
using testing::PowerCutVfs;
using testing::Survivors;

// --- The disk ---

TEST(ForgetfulFile, KeepsWhatWasSyncedAndForgetsTheRest) {
  ForgetfulFile file("old");
  EXPECT_EQ(file.AfterPowerCut(nullptr), "old");
  file.Write(1, "xyz");
  EXPECT_EQ(file.content(), "oxyz");
  EXPECT_EQ(file.AfterPowerCut(nullptr), "old");
  file.Sync();
  EXPECT_EQ(file.AfterPowerCut(nullptr), "oxyz");
  file.Truncate(2);
  file.Write(4, "!");
  EXPECT_EQ(file.content(), std::string("ox\0\0!", 5));
  EXPECT_EQ(file.AfterPowerCut(nullptr), "oxyz");
  file.Sync();
  EXPECT_EQ(file.AfterPowerCut(nullptr), file.content());
}

TEST(ForgetfulFile, TearsBetweenSectorsAndNeverWithin) {
  constexpr size_t kSize = 8 * testing::kDiskSectorBytes;
  int mixed = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    ForgetfulFile file(std::string(kSize, 'a'));
    file.Write(0, std::string(kSize, 'b'));
    file.Write(0, std::string(kSize, 'c'));
    SeededEntropy tear(seed);
    const std::string survived = file.AfterPowerCut(&tear);
    ASSERT_EQ(survived.size(), kSize);
    for (size_t at = 0; at < kSize; at += testing::kDiskSectorBytes) {
      const std::string sector = survived.substr(at, testing::kDiskSectorBytes);
      ASSERT_EQ(sector, std::string(sector.size(), sector[0]));
      ASSERT_THAT(sector[0], ::testing::AnyOf('a', 'b', 'c'));
    }
    mixed += survived != std::string(kSize, survived[0]) ? 1 : 0;
  }
  EXPECT_GT(mixed, 100);
}

// --- Commits ---

struct Setting {
  Sync sync;
  bool wal;
  Survivors survivors;
  std::string key;
};

// What a run of commits, one row each, looked like before and after the power went.
struct Loss {
  int64_t acknowledged = 0;  // commits that returned OK before the cut
  int64_t found = 0;         // rows in the file opened afterwards, numbered from 1 without gaps
  bool cut = false;          // the power went during the run, not after it
  absl::Status opened;       // opening and checking the file afterwards
};

DatabaseOptions OptionsFor(const Setting& setting, const PowerCutVfs& vfs) {
  DatabaseOptions options;
  options.create = true;
  options.wal = setting.wal;
  options.sync = setting.sync;
  options.vfs = vfs.name();
  options.key = setting.key;
  return options;
}

absl::Status CommitRow(Database& db, int64_t number) {
  auto write = Transaction::Begin(db, Transaction::Mode::kWrite);
  if (!write.ok()) return write.status();
  auto insert = db.Prepared("INSERT INTO t (a, filler) VALUES (?1, zeroblob(700))");
  if (!insert.ok()) return insert.status();
  if (absl::Status status = (*insert)->BindInt(1, number).Run(); !status.ok()) return status;
  return write->Commit();
}

// Commits up to `commits` rows and loses power at the `nth` change of a file after the table is
// there (0: at the end).
Loss RunUntilPowerCut(const Setting& setting, int64_t commits, int64_t nth, uint64_t seed) {
  PowerCutVfs vfs(seed);
  const DatabaseOptions options = OptionsFor(setting, vfs);
  Loss loss;
  {
    // The table itself is made durably, so that only the commits are in question.
    DatabaseOptions careful = options;
    careful.sync = Sync::kFull;
    Must(Must(Database::Open("a.db", careful))->Exec("CREATE TABLE t (a INTEGER, filler BLOB)"));
  }
  {
    const auto db = Must(Database::Open("a.db", options));
    Must(db->Exec("PRAGMA wal_autocheckpoint = 10"));
    if (nth > 0) vfs.CutPowerAtChange(nth, setting.survivors);
    while (loss.acknowledged < commits && CommitRow(*db, loss.acknowledged + 1).ok()) {
      ++loss.acknowledged;
    }
    loss.cut = loss.acknowledged < commits;
    if (!loss.cut) vfs.PowerCut(setting.survivors);
  }
  vfs.CutPowerAtChange(0, Survivors::kNone);
  auto db = Database::Open("a.db", options);
  loss.opened = db.ok() ? (*db)->QuickCheck() : db.status();
  if (!loss.opened.ok()) return loss;
  const auto found = (*db)->QueryInt("SELECT count(*) FROM t");
  const auto highest = (*db)->QueryInt("SELECT coalesce(max(a), 0) FROM t");
  if (!found.ok() || !highest.ok()) {
    loss.opened = absl::DataLossError("no table");
    return loss;
  }
  EXPECT_EQ(*found, *highest);  // a commit is never lost from the middle
  loss.found = *found;
  return loss;
}

class EveryMoment : public ::testing::TestWithParam<std::tuple<bool, Survivors, bool>> {
 protected:
  Setting Full() const {
    const auto [wal, survivors, encrypted] = GetParam();
    return {Sync::kFull, wal, survivors, encrypted ? std::string(32, 'k') : ""};
  }
};

// L7 for one file: the power goes in the middle of each write, truncation, sync and removal in
// turn.
TEST_P(EveryMoment, FullLosesNothingThatWasAcknowledged) {
  constexpr int64_t kCommits = 14;  // beyond one checkpoint
  bool during = true;
  int64_t nth = 1;
  for (; during; ++nth) {
    const Loss loss = RunUntilPowerCut(Full(), kCommits, nth, static_cast<uint64_t>(nth));
    ASSERT_TRUE(loss.opened.ok()) << "seed and change " << nth << ": " << loss.opened;
    ASSERT_GE(loss.found, loss.acknowledged) << "seed and change " << nth;
    // The commit that was under way may be there, whole.
    ASSERT_LE(loss.found, loss.acknowledged + (loss.cut ? 1 : 0)) << "seed and change " << nth;
    during = loss.cut;
  }
  EXPECT_GT(nth, 3 * kCommits);  // at least a few writes and a sync each
}

INSTANTIATE_TEST_SUITE_P(All, EveryMoment,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(Survivors::kNone, Survivors::kTorn),
                                            ::testing::Bool()),
                         [](const auto& with) {
                           return absl::StrCat(
                               std::get<0>(with.param) ? "Wal" : "Journal",
                               std::get<1>(with.param) == Survivors::kNone ? "None" : "Torn",
                               std::get<2>(with.param) ? "Encrypted" : "Plain");
                         });

// The same loop with the planted bug must be seen to lose commits, or the test above says nothing.
TEST(PowerCut, OffLosesWhatWasAcknowledgedAndWeSeeIt) {
  for (const bool wal : {true, false}) {
    const Loss loss = RunUntilPowerCut({Sync::kOff, wal, Survivors::kNone, ""}, 20, 0, 1);
    EXPECT_EQ(loss.acknowledged, 20);
    EXPECT_FALSE(loss.cut);
    EXPECT_TRUE(!loss.opened.ok() || loss.found < loss.acknowledged) << wal << " " << loss.found;
  }
}

TEST(PowerCut, OffMayEvenDamageTheFileAndWeSeeIt) {
  int damaged = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Loss loss = RunUntilPowerCut({Sync::kOff, true, Survivors::kTorn, ""}, 40, 0, seed);
    damaged += loss.opened.ok() ? 0 : 1;
  }
  EXPECT_GT(damaged, 0);
}

TEST(PowerCut, NormalLosesTheLatestCommitsOnly) {
  int64_t lost = 0;
  for (int64_t nth = 1; nth < 200; ++nth) {
    const Setting setting = {Sync::kNormal, true, Survivors::kTorn, ""};
    const Loss loss = RunUntilPowerCut(setting, 25, nth, static_cast<uint64_t>(nth));
    ASSERT_TRUE(loss.opened.ok()) << nth << ": " << loss.opened;
    ASSERT_LE(loss.found, loss.acknowledged + 1) << nth;
    lost += loss.acknowledged > loss.found ? loss.acknowledged - loss.found : 0;
    if (!loss.cut) break;
  }
  EXPECT_GT(lost, 0);
}

// A journal removed without syncing the directory comes back and undoes the commit: why FULL
// becomes EXTRA where there is no write-ahead log.
TEST(PowerCut, AJournalThatComesBackUndoesTheCommit) {
  const auto rows_after = [](const char* synchronous) {
    PowerCutVfs vfs;
    const DatabaseOptions options = OptionsFor({Sync::kFull, false, Survivors::kNone, ""}, vfs);
    {
      const auto db = Must(Database::Open("a.db", options));
      Must(db->Exec("CREATE TABLE t (a, filler)"));
      Must(db->Exec(absl::StrCat("PRAGMA synchronous = ", synchronous)));
      Must(CommitRow(*db, 1));
      vfs.PowerCut(Survivors::kNone);
    }
    return Must(Must(Database::Open("a.db", options))->QueryInt("SELECT count(*) FROM t"));
  };
  EXPECT_EQ(rows_after("FULL"), 0);
  EXPECT_EQ(rows_after("EXTRA"), 1);
}

// --- The file system ---

class PowerCutVfsTest : public ::testing::Test {
 protected:
  PowerCutVfsTest() {
    options_.create = true;
    options_.busy_timeout_ms = 0;
    options_.vfs = vfs_.name();
  }
  std::unique_ptr<Database> Open() { return Must(Database::Open("a.db", options_)); }

  PowerCutVfs vfs_;
  DatabaseOptions options_;
};

TEST_F(PowerCutVfsTest, OpenHandlesFailUntilTheFileIsOpenedAgain) {
  auto one = Open();
  auto two = Open();
  Must(one->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
  EXPECT_EQ(Must(two->QueryInt("SELECT a FROM t")), 1);
  vfs_.PowerCut(Survivors::kNone);
  EXPECT_TRUE(absl::IsUnavailable(one->Exec("INSERT INTO t VALUES (2)")));
  EXPECT_TRUE(absl::IsUnavailable(two->Exec("INSERT INTO t VALUES (2)")));
  const auto after = Open();  // while the dead ones are still there
  EXPECT_EQ(Must(after->QueryInt("SELECT a FROM t")), 1);
  one.reset();
  two.reset();
  Must(after->Exec("INSERT INTO t VALUES (3)"));
  EXPECT_EQ(Must(after->QueryInt("SELECT count(*) FROM t")), 2);
}

TEST_F(PowerCutVfsTest, AFileThatWasNeverSyncedMayVanish) {
  options_.sync = Sync::kOff;
  Must(Open()->Exec("CREATE TABLE t (a)"));
  EXPECT_THAT(vfs_.Names(), ElementsAre("a.db"));
  vfs_.PowerCut(Survivors::kNone);
  EXPECT_THAT(vfs_.Names(), IsEmpty());
}

TEST_F(PowerCutVfsTest, LocksAsARealFileSystemDoes) {
  for (const bool wal : {true, false}) {
    options_.wal = wal;
    const auto one = Open();
    const auto two = Open();
    Must(one->Exec("CREATE TABLE IF NOT EXISTS t (a)"));
    {
      auto write = Must(Transaction::Begin(*one, Transaction::Mode::kWrite));
      Must(one->Exec("INSERT INTO t VALUES (1)"));
      EXPECT_TRUE(absl::IsAborted(two->Exec("INSERT INTO t VALUES (2)")));
      EXPECT_TRUE(absl::IsAborted(Transaction::Begin(*two, Transaction::Mode::kWrite).status()));
      EXPECT_TRUE(two->QueryInt("SELECT count(*) FROM t").ok());
      const auto read = Must(Transaction::Begin(*two, Transaction::Mode::kRead));
      const absl::Status commit = write.Commit();
      // Without a write-ahead log the writer waits for readers, and keeps its transaction.
      EXPECT_EQ(commit.ok(), wal) << commit;
      EXPECT_EQ(one->InTransaction(), !wal);
    }
    EXPECT_TRUE(two->Exec("INSERT INTO t VALUES (3)").ok());
  }
}

TEST_F(PowerCutVfsTest, ServesManyThreads) {
  constexpr int kThreads = 4, kRounds = 50;
  Must(Open()->Exec("CREATE TABLE t (a, filler)"));
  options_.busy_timeout_ms = 60'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      const auto db = Open();
      Must(db->Exec("PRAGMA wal_autocheckpoint = 5"));
      for (int round = 0; round < kRounds; ++round) {
        Must(CommitRow(*db, round));
        Must(db->QueryInt("SELECT count(*) FROM t"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  vfs_.PowerCut(Survivors::kTorn);
  const auto db = Open();
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), kThreads * kRounds);
  Must(db->QuickCheck());
}

TEST_F(PowerCutVfsTest, ASeedReplaysTheSameRuin) {
  const auto ruin = [](uint64_t seed) {
    PowerCutVfs vfs(seed);
    vfs.SetContent("f", std::string(4096, 'a'));
    DatabaseOptions options;
    options.create = true;
    options.wal = false;  // a WAL holds salts that differ from run to run
    options.sync = Sync::kOff;
    options.vfs = vfs.name();
    const auto db = Must(Database::Open("a.db", options));
    Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(20000))"));
    vfs.PowerCut(Survivors::kTorn);
    return vfs.Content("a.db");
  };
  EXPECT_EQ(ruin(5), ruin(5));
}

TEST_F(PowerCutVfsTest, ShowsAndReplacesBytes) {
  Must(Open()->Exec("CREATE TABLE t (a); INSERT INTO t VALUES ('findable')"));
  EXPECT_TRUE(vfs_.AnyFileContains("findable"));
  EXPECT_FALSE(vfs_.AnyFileContains("missing"));
  vfs_.SetContent("a.db", std::string(9000, 'x'));
  EXPECT_TRUE(absl::IsDataLoss(Database::Open("a.db", options_).status()));
}

TEST_F(PowerCutVfsTest, CountsAndFailsOperations) {
  const auto db = Open();
  Must(db->Exec("CREATE TABLE t (a)"));
  const int64_t changes = vfs_.change_count();
  Must(db->Exec("INSERT INTO t VALUES (1)"));
  EXPECT_GT(vfs_.change_count(), changes);
  EXPECT_GE(vfs_.io_count(), vfs_.change_count());
  vfs_.FailIo(1, 1000);
  EXPECT_TRUE(absl::IsUnavailable(db->Exec("INSERT INTO t VALUES (2)")));
  vfs_.FailIo(0);
  EXPECT_TRUE(db->Exec("INSERT INTO t VALUES (3)").ok());
}

}  // namespace
}  // namespace doorstep
