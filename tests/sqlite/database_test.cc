#include "sync/sqlite/database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "tests/sqlite/database_fixture.h"

namespace doorstep {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST_F(DatabaseTest, OpensOnlyWhatIsThereUnlessAskedToCreate) {
  const absl::Status missing = Database::Open(Path(), DatabaseOptions()).status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(Message(missing), HasSubstr(Path()));
  Open();
  EXPECT_TRUE(Database::Open(Path(), DatabaseOptions()).ok());
}

TEST_F(DatabaseTest, ANewFileIsItsOwnersAlone) {
  const auto db = Open();
  Must(db->Exec("CREATE TABLE t (a)"));
  for (const char* name : {"a.db", "a.db-wal", "a.db-shm"}) {
    struct stat info {};
    ASSERT_EQ(stat(Path(name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(DatabaseTest, AppliesItsSettings) {
  const auto db = Open();
  EXPECT_EQ(Must(db->QueryText("PRAGMA journal_mode")), "wal");
  EXPECT_EQ(Must(db->QueryInt("PRAGMA synchronous")), 2);  // FULL
  EXPECT_EQ(Must(db->QueryInt("PRAGMA cell_size_check")), 1);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA trusted_schema")), 0);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA foreign_keys")), 0);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA temp_store")), 2);  // memory
  // Whatever a program may say later: on disk it would not be encrypted.
  EXPECT_EQ(Must(db->QueryInt("SELECT sqlite_compileoption_used('TEMP_STORE=3')")), 1);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA secure_delete")), 0);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA cache_size")), -8192);
}

TEST_F(DatabaseTest, AppliesOtherSettings) {
  DatabaseOptions options = Impatient();
  options.wal = false;
  options.secure_delete = true;
  options.cache_kib = 512;
  const auto db = Must(Database::Open(Path(), options));
  EXPECT_EQ(Must(db->QueryText("PRAGMA journal_mode")), "delete");
  EXPECT_EQ(Must(db->QueryInt("PRAGMA synchronous")), 3);  // EXTRA: FULL alone is not durable here
  EXPECT_EQ(Must(db->QueryInt("PRAGMA secure_delete")), 1);
  EXPECT_EQ(Must(db->QueryInt("PRAGMA cache_size")), -512);
  options.sync = DatabaseOptions::Sync::kNormal;
  EXPECT_EQ(Must(Must(Database::Open(Path("b.db"), options))->QueryInt("PRAGMA synchronous")), 1);
  options.sync = DatabaseOptions::Sync::kOff;
  EXPECT_EQ(Must(Must(Database::Open(Path("c.db"), options))->QueryInt("PRAGMA synchronous")), 0);
}

TEST_F(DatabaseTest, CommitsWaitForNoDiskWhileTheirScopeLives) {
  for (const bool wal : {true, false}) {
    DatabaseOptions options;
    options.create = true;
    options.wal = wal;
    auto db = Must(Database::Open(Path(wal ? "wal.db" : "journal.db"), options));
    const auto synchronous = [&] { return Must(db->QueryInt("PRAGMA synchronous")); };
    const int64_t before = synchronous();
    {
      const CommitsUnsynced outer = Must(CommitsUnsynced::Begin(*db));
      EXPECT_EQ(synchronous(), 1);  // NORMAL
      {
        CommitsUnsynced moved = Must(CommitsUnsynced::Begin(*db));
        const CommitsUnsynced inner = std::move(moved);
      }
      EXPECT_EQ(synchronous(), 1) << "the inner one has ended, the outer not";
    }
    EXPECT_EQ(synchronous(), before);
    const Transaction open = Must(Transaction::Begin(*db, Transaction::Mode::kWrite));
    EXPECT_TRUE(absl::IsInternal(CommitsUnsynced::Begin(*db).status()));
  }
  DatabaseOptions options;
  options.create = true;
  options.sync = DatabaseOptions::Sync::kOff;
  auto db = Must(Database::Open(Path("off.db"), options));
  const CommitsUnsynced scope = Must(CommitsUnsynced::Begin(*db));
  EXPECT_EQ(Must(db->QueryInt("PRAGMA synchronous")), 0) << "never more than before";
}

TEST_F(DatabaseTest, RefusesOptionsThatMakeNoSense) {
  DatabaseOptions both = Impatient();
  both.read_only = true;
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open(Path(), both).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open("", Impatient()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open(Path() + '\0' + "b", Impatient()).status()));
  DatabaseOptions short_key = Impatient();
  short_key.key = "too short a key";
  const absl::Status status = Database::Open(Path(), short_key).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Message(status), Not(HasSubstr("too short a key")));
  DatabaseOptions no_vfs = Impatient();
  no_vfs.vfs = "no such file system";
  EXPECT_FALSE(Database::Open(Path(), no_vfs).ok());
}

TEST_F(DatabaseTest, APathIsNeverAUri) {
  const std::string path = absl::StrCat("file:", "uri.db?mode=memory");
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(directory_);
  EXPECT_TRUE(Database::Open(path, Impatient()).ok());
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(Path(path)));
}

TEST_F(DatabaseTest, ReadOnlyRefusesWrites) {
  Must(Open()->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (7)"));
  DatabaseOptions options;
  options.read_only = true;
  const auto db = Must(Database::Open(Path(), options));
  EXPECT_EQ(Must(db->QueryInt("SELECT a FROM t")), 7);
  EXPECT_TRUE(absl::IsPermissionDenied(db->Exec("INSERT INTO t VALUES (8)")));
}

TEST_F(DatabaseTest, ADirectoryThatMayNotBeWrittenIsPermissionDenied) {
  const std::string closed = Path("closed");
  ASSERT_TRUE(EnsureDirectory(closed).ok());
  // Root may write anywhere: be somebody else for a moment, who may look but not write.
  const bool root = geteuid() == 0;
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(closed.c_str(), 0555), 0);
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  const absl::Status status = Database::Open(absl::StrCat(closed, "/a.db"), Impatient()).status();
  ASSERT_TRUE(!root || seteuid(0) == 0);
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsDataLoss) {
  std::ofstream(Path()) << std::string(5000, 'x');
  const absl::Status status = Database::Open(Path(), DatabaseOptions()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr(Path()));
}

TEST_F(DatabaseTest, ADamagedPageIsDataLoss) {
  {
    const auto db = Open();
    Must(
        db->Exec("CREATE TABLE t (a TEXT); CREATE INDEX t_a ON t (a);"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
                 "INSERT INTO t SELECT hex(randomblob(20)) FROM n"));
    Must(db->CheckpointWal(/*truncate=*/true));
    EXPECT_TRUE(db->QuickCheck().ok());
  }
  {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 20; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, '\xee');
    }
  }
  const auto db = Must(Database::Open(Path(), DatabaseOptions()));
  const absl::Status check = db->QuickCheck();
  EXPECT_TRUE(absl::IsDataLoss(check)) << check;
  const absl::Status query = db->QueryInt("SELECT sum(length(a)) FROM t").status();
  EXPECT_TRUE(absl::IsDataLoss(query)) << query;
}

TEST_F(DatabaseTest, ATruncatedFileIsDataLoss) {
  {
    const auto db = Open();
    Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(50000))"));
    Must(db->CheckpointWal(/*truncate=*/true));
  }
  std::filesystem::resize_file(Path(), 3 * 4096 + 100);
  const auto db = Database::Open(Path(), DatabaseOptions());
  const absl::Status status =
      db.ok() ? (*db)->QueryInt("SELECT length(hex(a)) FROM t").status() : db.status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(DatabaseTest, AKeyKeepsTextOffTheDisk) {
  DatabaseOptions options = Impatient();
  options.key = std::string(32, '\x5a');
  {
    const auto db = Must(Database::Open(Path(), options));
    Must(db->Exec("CREATE TABLE secret_table (a); INSERT INTO secret_table VALUES ('visible')"));
    for (const char* name : {"a.db", "a.db-wal"}) {
      EXPECT_THAT(Must(ReadFile(Path(name))), Not(HasSubstr("visible"))) << name;
      EXPECT_THAT(Must(ReadFile(Path(name))), Not(HasSubstr("secret_table"))) << name;
    }
  }
  EXPECT_EQ(Must(Must(Database::Open(Path(), options))->QueryText("SELECT a FROM secret_table")),
            "visible");
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(Path(), DatabaseOptions()).status()));
  options.key[31] = 'x';
  const absl::Status wrong = Database::Open(Path(), options).status();
  EXPECT_TRUE(absl::IsDataLoss(wrong)) << wrong;
}

TEST_F(DatabaseTest, ExecRunsAllStatementsUpToTheFirstError) {
  const auto db = InMemory();
  Must(
      db->Exec("CREATE TABLE t (a); -- a comment; with a semicolon\n"
               ";; INSERT INTO t VALUES ('x;y'); /* end */ SELECT * FROM t; "));
  EXPECT_EQ(Must(db->QueryText("SELECT a FROM t")), "x;y");
  EXPECT_FALSE(db->Exec("INSERT INTO t VALUES (1); nonsense; INSERT INTO t VALUES (2)").ok());
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), 2);
  EXPECT_TRUE(db->Exec("").ok());
  EXPECT_TRUE(db->Exec("-- nothing").ok());
}

TEST_F(DatabaseTest, PrepareTakesOneStatement) {
  const auto db = InMemory();
  EXPECT_TRUE(db->Prepare("SELECT 1; -- done").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(db->Prepare("SELECT 1; SELECT 2").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(db->Prepare(" -- none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(db->Prepare("").status()));
  EXPECT_TRUE(absl::IsResourceExhausted(
      db->Prepare(absl::StrCat("SELECT 1", std::string(kMaxSqlBytes, ' '))).status()));
}

TEST_F(DatabaseTest, PreparedKeepsOneStatementPerText) {
  const auto db = InMemory();
  Statement* const one = Must(db->Prepared("SELECT ?1 + 1; -- tail"));
  one->BindInt(1, 41);
  EXPECT_TRUE(Must(one->Step()));
  EXPECT_EQ(one->Int(0), 42);
  Statement* const again = Must(db->Prepared(std::string("SELECT ?1 + 1; -- tail")));
  EXPECT_EQ(again, one);
  EXPECT_TRUE(Must(again->Step()));
  EXPECT_TRUE(again->IsNull(0));  // without the old binding
}

TEST_F(DatabaseTest, PreparedForgetsTheLeastRecentlyUsedButNoneThatRuns) {
  const auto db = InMemory();
  Statement* const running = Must(db->Prepared("SELECT 1 UNION ALL SELECT 2"));
  ASSERT_TRUE(Must(running->Step()));
  for (size_t i = 0; i < 3 * kMaxCachedStatements; ++i) {
    Statement* const other = Must(db->Prepared(absl::StrCat("SELECT ", i)));
    ASSERT_TRUE(Must(other->Step()));
    ASSERT_EQ(other->Int(0), static_cast<int64_t>(i));
    other->Reset();
  }
  ASSERT_TRUE(Must(running->Step()));
  EXPECT_EQ(running->Int(0), 2);
}

TEST_F(DatabaseTest, PreparedFollowsASchemaThatChanges) {
  const auto db = InMemory();
  Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
  ASSERT_TRUE(Must(Must(db->Prepared("SELECT * FROM t"))->Step()));
  Must(db->Prepared("SELECT * FROM t"));
  Must(db->Exec("ALTER TABLE t ADD COLUMN b DEFAULT 5"));
  Statement* const all = Must(db->Prepared("SELECT * FROM t"));
  ASSERT_TRUE(Must(all->Step()));
  EXPECT_EQ(all->ColumnCount(), 2);
  EXPECT_EQ(all->Int(1), 5);
}

TEST_F(DatabaseTest, QueriesSayWhenThereIsNoRow) {
  const auto db = InMemory();
  Must(db->Exec("CREATE TABLE t (a)"));
  EXPECT_TRUE(absl::IsNotFound(db->QueryInt("SELECT a FROM t").status()));
  EXPECT_TRUE(absl::IsNotFound(db->QueryText("SELECT a FROM t").status()));
}

TEST_F(DatabaseTest, ConstraintsTellTheSameFromTheOther) {
  const auto db = InMemory();
  Must(db->Exec(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT NOT NULL CHECK (b > 0))"
      " STRICT; INSERT INTO t VALUES (1, 'x', 1)"));
  EXPECT_TRUE(absl::IsAlreadyExists(db->Exec("INSERT INTO t VALUES (1, 'y', 1)")));
  EXPECT_TRUE(absl::IsAlreadyExists(db->Exec("INSERT INTO t VALUES (2, 'x', 1)")));
  EXPECT_TRUE(absl::IsFailedPrecondition(db->Exec("INSERT INTO t VALUES (2, 'y', NULL)")));
  EXPECT_TRUE(absl::IsFailedPrecondition(db->Exec("INSERT INTO t VALUES (2, 'y', 0)")));
  EXPECT_TRUE(absl::IsInvalidArgument(db->Exec("INSERT INTO t VALUES (2, 'y', 'three')")));
}

TEST_F(DatabaseTest, MessagesNameTheStatementAndNoValue) {
  const auto db = InMemory();
  Must(db->Exec("CREATE TABLE note (a TEXT UNIQUE); CREATE VIRTUAL TABLE find USING fts5(a)"));
  const absl::Status syntax = db->Exec("SELEC everything FROM somewhere");
  EXPECT_TRUE(absl::IsInvalidArgument(syntax));
  EXPECT_THAT(Message(syntax), AllOf(HasSubstr("syntax error"), HasSubstr("SELEC everything")));

  Statement* const insert = Must(db->Prepared("INSERT INTO note (a)\n   VALUES (?1)"));
  Must(insert->BindText(1, "private words").Run());
  const absl::Status twice = insert->BindText(1, "private words").Run();
  EXPECT_EQ(Message(twice),
            "UNIQUE constraint failed: note.a, in: INSERT INTO note (a) VALUES (?1)");

  Statement* const find = Must(db->Prepared("SELECT a FROM find WHERE find MATCH ?1"));
  for (const char* typed : {"\"private", "private:", "AND private", "private [", "'private'"}) {
    const auto found = find->BindText(1, typed).Step();
    ASSERT_FALSE(found.ok()) << typed;
    EXPECT_TRUE(absl::IsInvalidArgument(found.status())) << found.status();
    EXPECT_THAT(Message(found.status()), Not(HasSubstr("private"))) << typed;
  }
  Statement* const json = Must(db->Prepared("SELECT json_extract('{}', ?1)"));
  EXPECT_THAT(Message(json->BindText(1, "private").Step().status()), Not(HasSubstr("private")));

  const absl::Status literal = db->Exec("INSERT INTO none VALUES ('private')");
  EXPECT_THAT(Message(literal), AllOf(HasSubstr("INSERT INTO none"), Not(HasSubstr("private"))));
}

TEST_F(DatabaseTest, ValuesBeyondTheLimitAreRefused) {
  const auto db = InMemory();
  const absl::Status status =
      db->QueryInt(absl::StrCat("SELECT length(zeroblob(", kMaxSqlValueBytes + 1, "))")).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST_F(DatabaseTest, InterruptEndsWhatRunsAndNothingElse) {
  const auto db = InMemory();
  db->Interrupt();
  EXPECT_EQ(Must(db->QueryInt("SELECT 1")), 1);
  std::thread other;
  Statement* const endless = Must(db->Prepared(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n "
      "WHERE i % 1000 = 0"));
  ASSERT_TRUE(Must(endless->Step()));  // it runs now
  other = std::thread([&db] { db->Interrupt(); });
  absl::Status status;
  while (status.ok()) status = endless->Step().status();
  other.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(Must(db->QueryInt("SELECT 1")), 1);
}

TEST_F(DatabaseTest, SecureDeleteAndTruncationLeaveNothingBehind) {
  DatabaseOptions options = Impatient();
  options.secure_delete = true;
  const auto db = Must(Database::Open(Path(), options));
  Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES ('confidential'), ('other')"));
  Must(db->Exec("DELETE FROM t WHERE a = 'confidential'"));
  Must(db->CheckpointWal(/*truncate=*/true));
  EXPECT_EQ(std::filesystem::file_size(Path("a.db-wal")), 0u);
  EXPECT_THAT(Must(ReadFile(Path())), AllOf(HasSubstr("other"), Not(HasSubstr("confidential"))));
}

TEST_F(DatabaseTest, ManyMayOpenANewFileAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      DatabaseOptions options = Impatient();
      options.busy_timeout_ms = 10000;
      const auto db = Database::Open(Path(), options);
      EXPECT_TRUE(db.ok()) << db.status();
      EXPECT_TRUE(db.ok() && (*db)->Exec("CREATE TABLE IF NOT EXISTS t (a)").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace doorstep
