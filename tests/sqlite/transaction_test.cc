#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"
#include "sync/sqlite/database.h"
#include "tests/sqlite/database_fixture.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep {
namespace {

using Mode = Transaction::Mode;
using ::testing::HasSubstr;

class TransactionTest : public DatabaseTest {
 protected:
  TransactionTest() { Must(one_->Exec("CREATE TABLE t (a)")); }

  static int64_t Count(Database& db) { return Must(db.QueryInt("SELECT count(*) FROM t")); }

  const std::unique_ptr<Database> one_ = Open();
  const std::unique_ptr<Database> two_ = Open();
};

TEST_F(TransactionTest, KeepsWhatIsCommittedAndNothingElse) {
  {
    auto kept = Must(Transaction::Begin(*one_, Mode::kWrite));
    EXPECT_TRUE(one_->InTransaction());
    Must(one_->Exec("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(Count(*two_), 0);
    Must(kept.Commit());
    EXPECT_FALSE(one_->InTransaction());
    EXPECT_EQ(Count(*two_), 1);
    EXPECT_TRUE(absl::IsInternal(kept.Commit()));
  }
  {
    const auto dropped = Must(Transaction::Begin(*one_, Mode::kWrite));
    Must(one_->Exec("INSERT INTO t VALUES (2)"));
  }
  EXPECT_FALSE(one_->InTransaction());
  EXPECT_EQ(Count(*one_), 1);
}

TEST_F(TransactionTest, MovesWithItsDuty) {
  {
    auto first = Must(Transaction::Begin(*one_, Mode::kWrite));
    Must(one_->Exec("INSERT INTO t VALUES (1)"));
    Transaction second = std::move(first);
    EXPECT_TRUE(absl::IsInternal(first.Commit()));  // NOLINT(bugprone-use-after-move)
    auto other = Must(Transaction::Begin(*two_, Mode::kRead));
    other = std::move(second);  // ends the read, takes over the write
    EXPECT_FALSE(two_->InTransaction());
    EXPECT_TRUE(one_->InTransaction());
  }
  EXPECT_EQ(Count(*one_), 0);
}

TEST_F(TransactionTest, IsNotNested) {
  const auto outer = Must(Transaction::Begin(*one_, Mode::kRead));
  EXPECT_TRUE(absl::IsInternal(Transaction::Begin(*one_, Mode::kWrite).status()));
}

TEST_F(TransactionTest, AReadSeesOneMoment) {
  auto read = Must(Transaction::Begin(*one_, Mode::kRead));
  Must(two_->Exec("INSERT INTO t VALUES (1)"));  // after Begin, before the first question
  EXPECT_EQ(Count(*one_), 0);
  Must(read.Commit());
  EXPECT_EQ(Count(*one_), 1);
}

TEST_F(TransactionTest, ThereIsOneWriterAndReadersDoNotWait) {
  auto write = Must(Transaction::Begin(*one_, Mode::kWrite));
  Must(one_->Exec("INSERT INTO t VALUES (1)"));
  const absl::Status busy = Transaction::Begin(*two_, Mode::kWrite).status();
  EXPECT_TRUE(absl::IsAborted(busy)) << busy;
  EXPECT_THAT(std::string(busy.message()), HasSubstr("another connection holds the database"));
  EXPECT_TRUE(absl::IsAborted(two_->Exec("INSERT INTO t VALUES (2)")));
  EXPECT_EQ(Count(*two_), 0);
  Must(write.Commit());
  EXPECT_TRUE(Transaction::Begin(*two_, Mode::kWrite).ok());
}

TEST_F(TransactionTest, AWriteOnAnOldSnapshotMustBeginAgain) {
  {
    const auto read = Must(Transaction::Begin(*one_, Mode::kRead));
    Must(two_->Exec("INSERT INTO t VALUES (1)"));
    const absl::Status old = one_->Exec("INSERT INTO t VALUES (2)");
    EXPECT_TRUE(absl::IsAborted(old)) << old;
    EXPECT_THAT(std::string(old.message()), HasSubstr("begin again"));
  }
  auto again = Must(Transaction::Begin(*one_, Mode::kWrite));
  Must(one_->Exec("INSERT INTO t VALUES (2)"));
  EXPECT_TRUE(again.Commit().ok());
}

TEST_F(TransactionTest, WritersThatWaitAllGetTheirTurn) {
  constexpr int kThreads = 4, kRounds = 25;
  std::vector<std::thread> writers;
  for (int i = 0; i < kThreads; ++i) {
    writers.emplace_back([this] {
      DatabaseOptions options;
      options.busy_timeout_ms = 60'000;
      options.sync = DatabaseOptions::Sync::kOff;
      const auto db = Must(Database::Open(Path(), options));
      for (int round = 0; round < kRounds; ++round) {
        auto write = Must(Transaction::Begin(*db, Mode::kWrite));
        const int64_t seen = Count(*db);
        Must(Must(db->Prepared("INSERT INTO t VALUES (?1)"))->BindInt(1, seen).Run());
        Must(write.Commit());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  // Nobody counted what another was about to change.
  EXPECT_EQ(Must(one_->QueryInt("SELECT count(DISTINCT a) FROM t")), kThreads * kRounds);
}

TEST_F(TransactionTest, CommitWorksWhileAnotherStatementIsBetweenRows) {
  Must(one_->Exec("INSERT INTO t VALUES (1), (2)"));
  Statement* const read = Must(one_->Prepared("SELECT a FROM t"));
  const ScopedReset done(read);
  ASSERT_TRUE(Must(read->Step()));
  auto write = Must(Transaction::Begin(*one_, Mode::kWrite));
  Must(one_->Exec("DELETE FROM t WHERE a = 2"));
  EXPECT_TRUE(write.Commit().ok());
}

class FailingTransactionTest : public ::testing::Test {
 protected:
  FailingTransactionTest() {
    options_.create = true;
    options_.busy_timeout_ms = 0;
    options_.vfs = vfs_.name();
    options_.cache_kib = 64;  // so that large transactions spill to the file before they commit
  }

  testing::PowerCutVfs vfs_;
  DatabaseOptions options_;
};

TEST_F(FailingTransactionTest, AFullDiskIsResourceExhaustedAndStoresNothing) {
  const auto db = Must(Database::Open("a.db", options_));
  Must(db->Exec("CREATE TABLE t (a)"));
  vfs_.SetFreeBytes(100 * 1024);
  absl::Status status;
  {
    auto write = Must(Transaction::Begin(*db, Mode::kWrite));
    for (int i = 0; i < 100 && status.ok(); ++i) {
      status = db->Exec("INSERT INTO t VALUES (zeroblob(10000))");
    }
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    // SQLite has rolled back by itself, so that nothing after it may seem to be in it.
    const absl::Status commit = write.Commit();
    EXPECT_TRUE(absl::IsFailedPrecondition(commit)) << commit;
  }
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), 0);
  vfs_.SetFreeBytes(-1);
  EXPECT_TRUE(db->Exec("INSERT INTO t VALUES (zeroblob(200000))").ok());
  EXPECT_TRUE(db->QuickCheck().ok());
}

// Whatever operation of a transaction fails, it says so, and what it says is so.
TEST_F(FailingTransactionTest, AFaultAnywhereLeavesAllOrNothing) {
  int failures = 0;
  for (int nth = 1; nth < 200; ++nth) {
    testing::PowerCutVfs vfs;
    options_.vfs = vfs.name();
    const auto db = Must(Database::Open("a.db", options_));
    Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
    const int64_t before = vfs.io_count();
    vfs.FailIo(nth);
    const auto attempt = [&]() -> absl::Status {
      auto write = Transaction::Begin(*db, Mode::kWrite);
      if (!write.ok()) return write.status();
      for (int i = 0; i < 3; ++i) {
        const absl::Status insert = db->Exec("INSERT INTO t VALUES (zeroblob(9000))");
        if (!insert.ok()) return insert;
      }
      return write->Commit();
    };
    const absl::Status status = attempt();
    vfs.FailIo(0);
    if (nth > vfs.io_count() - before) break;  // beyond the last operation
    failures += status.ok() ? 0 : 1;
    EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), status.ok() ? 4 : 1) << nth;
    EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << nth << ": " << status;
    EXPECT_TRUE(db->QuickCheck().ok()) << nth;
  }
  EXPECT_GT(failures, 10);
}

}  // namespace
}  // namespace doorstep
