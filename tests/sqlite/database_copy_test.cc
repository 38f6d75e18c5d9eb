// The copy of a database that is in use.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sync/sqlite/database.h"
#include "tests/sqlite/database_fixture.h"

namespace doorstep {
namespace {

class DatabaseCopy : public DatabaseTest {
 protected:
  DatabaseCopy() : writer_(Open()) {
    Must(writer_->Exec("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(a INTEGER, b BLOB);"));
    for (int i = 0; i < 50; ++i) Insert();
  }

  void Insert() { Must(writer_->Exec("INSERT INTO t VALUES(1, randomblob(5000))")); }
  static int64_t Rows(Database& db) { return Must(db.QueryInt("SELECT count(*) FROM t")); }
  std::unique_ptr<Database> Empty(const std::string& key = "") const {
    DatabaseOptions options = Impatient();
    options.wal = false;
    options.key = key;
    return Must(Database::Open(Path("copy.db"), options));
  }

  std::unique_ptr<Database> writer_;
};

TEST_F(DatabaseCopy, HasWhatStandsInTheLogAloneAndNothingThatCameLater) {
  ASSERT_LT(std::filesystem::file_size(Path()), 50 * 5000) << "it stands in the log";
  const std::unique_ptr<Database> reader = Open();
  int steps = 0;
  {
    const std::unique_ptr<Database> copy = Empty();
    const Transaction snapshot = Must(Transaction::Begin(*reader, Transaction::Mode::kRead));
    int64_t last = 0;
    Must(reader->CopyTo(*copy, 1, [&](int64_t done, int64_t all) {
      EXPECT_GE(done, last);
      EXPECT_LE(done, all);
      last = done;
      Insert();  // commits, each of them, and waits for nobody
      ++steps;
      return absl::OkStatus();
    }));
  }
  EXPECT_GT(steps, 50) << "one page at a time";
  const std::unique_ptr<Database> copy = Must(Database::Open(Path("copy.db"), {}));
  EXPECT_EQ(Rows(*copy), 50);
  EXPECT_EQ(Rows(*writer_), 50 + steps);
  EXPECT_EQ(Must(copy->QueryText("PRAGMA integrity_check")), "ok");
}

TEST_F(DatabaseCopy, IsOneFile) {
  {
    const std::unique_ptr<Database> copy = Empty();
    const Transaction snapshot = Must(Transaction::Begin(*writer_, Transaction::Mode::kRead));
    Must(writer_->CopyTo(*copy, 100, [](int64_t, int64_t) { return absl::OkStatus(); }));
  }
  EXPECT_FALSE(std::filesystem::exists(Path("copy.db-wal")));
  EXPECT_FALSE(std::filesystem::exists(Path("copy.db-journal")));
  std::filesystem::rename(Path("copy.db"), Path("moved.db"));
  EXPECT_EQ(Rows(*Must(Database::Open(Path("moved.db"), {}))), 50);
}

TEST_F(DatabaseCopy, WantsATransactionAndStopsWhenAsked) {
  const std::unique_ptr<Database> copy = Empty();
  const auto never = [](int64_t, int64_t) { return absl::OkStatus(); };
  EXPECT_TRUE(absl::IsInternal(writer_->CopyTo(*copy, 1, never)));
  const Transaction snapshot = Must(Transaction::Begin(*writer_, Transaction::Mode::kRead));
  EXPECT_TRUE(absl::IsCancelled(
      writer_->CopyTo(*copy, 1, [](int64_t, int64_t) { return absl::CancelledError("enough"); })));
}

TEST_F(DatabaseCopy, OfAnEncryptedDatabaseIsEncryptedUnderItsKey) {
  const std::string key(32, 'k');
  DatabaseOptions options = Impatient();
  options.key = key;
  const std::unique_ptr<Database> secret = Must(Database::Open(Path("secret.db"), options));
  Must(secret->Exec("CREATE TABLE t(a TEXT); INSERT INTO t VALUES('in no copy in the clear')"));
  {
    const std::unique_ptr<Database> copy = Empty(key);
    const Transaction snapshot = Must(Transaction::Begin(*secret, Transaction::Mode::kRead));
    Must(secret->CopyTo(*copy, 100, [](int64_t, int64_t) { return absl::OkStatus(); }));
  }
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(Path("copy.db"), {}).status()));
  options.create = false;
  EXPECT_EQ(Rows(*Must(Database::Open(Path("copy.db"), options))), 1);
}

}  // namespace
}  // namespace doorstep
