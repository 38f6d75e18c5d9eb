// SQL that a person typed: it may ask anything and change nothing.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "sync/sqlite/database.h"
#include "tests/sqlite/database_fixture.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

class RestrictionTest : public DatabaseTest {
 protected:
  RestrictionTest() {
    Must(
        db_->Exec("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('one'), ('two');"
                  "CREATE VIEW v AS SELECT upper(a) AS b FROM t;"
                  "CREATE TABLE _secret (key TEXT); CREATE VIEW peep AS SELECT key FROM _secret;"
                  "CREATE VIRTUAL TABLE find USING fts5(a, content='');"
                  "INSERT INTO find (rowid, a) VALUES (1, 'some words')"));
    Must(db_->RestrictToReading(1'000'000));
  }

  const std::unique_ptr<Database> db_ = Open();
};

TEST_F(RestrictionTest, AllowsQuestions) {
  for (const char* sql : {
           "SELECT a FROM t ORDER BY a",
           "SELECT count(*) FROM t",
           "SELECT b FROM v",
           "SELECT name, sql FROM sqlite_schema",
           "SELECT rowid, bm25(find) FROM find WHERE find MATCH 'words'",
           "SELECT group_concat(a, ', ') OVER (ORDER BY a) FROM t",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10) SELECT i FROM "
           "n",
           "WITH x AS (SELECT 1) SELECT count(*) FROM x",
           "SELECT value FROM json_each('[1, 2]')",
           "SELECT json_extract('{\"a\": 1}', '$.a'), '[1]' ->> 0",
           "SELECT a FROM t WHERE a LIKE 'o%' AND a GLOB 'o*' EXCEPT SELECT 'x'",
           "SELECT datetime('now', '-1 day'), strftime('%Y', '2026-11-22')",
           "SELECT coalesce(max(length(a)), 0), total(1), abs(-1), random() FROM t",
           "EXPLAIN QUERY PLAN SELECT a FROM t",
           "VALUES (1), (2)",
       }) {
    const absl::Status status = db_->Exec(sql);
    EXPECT_TRUE(status.ok()) << sql << ": " << status;
  }
}

TEST_F(RestrictionTest, RefusesEverythingElse) {
  const std::string attach = absl::StrCat("ATTACH '", Path("b.db"), "' AS b");
  const std::string vacuum = absl::StrCat("VACUUM INTO '", Path("c.db"), "'");
  for (const std::string& sql : {
           std::string("INSERT INTO t VALUES ('three')"),
           std::string("SELECT key FROM _secret"),
           std::string("SELECT count(*) FROM main.\"_SECRET\""),
           std::string("SELECT * FROM peep"),
           std::string("SELECT a FROM t WHERE a IN (SELECT key FROM _secret)"),
           std::string("UPDATE t SET a = ''"),
           std::string("DELETE FROM t"),
           std::string("WITH x AS (SELECT 1) DELETE FROM t"),
           std::string("DROP TABLE t"),
           std::string("CREATE TABLE u (a)"),
           std::string("CREATE TEMP TABLE u (a)"),
           std::string("CREATE TEMP VIEW w AS SELECT 1"),
           std::string("ALTER TABLE t ADD b"),
           std::string("REINDEX"),
           std::string("ANALYZE"),
           std::string("VACUUM"),
           vacuum,
           attach,
           std::string("DETACH main"),
           std::string("BEGIN"),
           std::string("BEGIN IMMEDIATE"),
           std::string("COMMIT"),
           std::string("SAVEPOINT s"),
           std::string("PRAGMA query_only = OFF"),
           std::string("PRAGMA journal_mode = DELETE"),
           std::string("PRAGMA user_version = 9"),
           std::string("PRAGMA wal_checkpoint(TRUNCATE)"),
           std::string("PRAGMA key = 'x'"),
           std::string("PRAGMA rekey = 'x'"),
           std::string("SELECT * FROM pragma_wal_checkpoint"),
           std::string("SELECT sqlite3mc_config('cipher')"),
           std::string("SELECT sqlite3mc_codec_data('cipher_salt')"),
           std::string("SELECT load_extension('x')"),
           std::string("SELECT fts5(NULL)"),
           std::string("INSERT INTO find (find) VALUES ('delete-all')"),
       }) {
    const absl::Status status = db_->Exec(sql);
    EXPECT_FALSE(status.ok()) << sql;
    EXPECT_TRUE(absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status))
        << sql << ": " << status;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("b.db")));
  EXPECT_FALSE(std::filesystem::exists(Path("c.db")));
  EXPECT_EQ(Must(db_->QueryInt("SELECT count(*) FROM t")), 2);
}

TEST_F(RestrictionTest, SaysThatItIsNotPermitted) {
  const absl::Status status = db_->Exec("DELETE FROM t");
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_TRUE(absl::IsPermissionDenied(db_->Exec("PRAGMA user_version = 3")));
}

TEST_F(RestrictionTest, OurOwnReadTransactionStillWorks) {
  const auto writer = Open();
  auto read = Must(Transaction::Begin(*db_, Transaction::Mode::kRead));
  Must(writer->Exec("INSERT INTO t VALUES ('three')"));
  EXPECT_EQ(Must(db_->QueryInt("SELECT count(*) FROM t")), 2);
  EXPECT_TRUE(absl::IsPermissionDenied(db_->Exec("COMMIT")));
  Must(read.Commit());
  EXPECT_EQ(Must(db_->QueryInt("SELECT count(*) FROM t")), 3);
  EXPECT_FALSE(Transaction::Begin(*db_, Transaction::Mode::kWrite).ok());
}

TEST_F(RestrictionTest, EndsWhatTakesTooLong) {
  for (const char* sql :
       {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "SELECT count(*) FROM sqlite_schema a, sqlite_schema b, sqlite_schema c, sqlite_schema d,"
        " sqlite_schema e, sqlite_schema f, sqlite_schema g, sqlite_schema h"}) {
    const absl::Status status = db_->QueryInt(sql).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("got more than 1000000 steps"));
  }
  // Each execution has the whole budget again.
  for (int i = 0; i < 20; ++i) {
    const auto count = db_->QueryInt(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)"
        "SELECT count(*) FROM n");
    ASSERT_TRUE(count.ok()) << count.status();
  }
}

TEST_F(RestrictionTest, InterruptIsToldFromTheBudget) {
  const auto endless = Must(db_->Prepare(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"));
  ASSERT_TRUE(Must(endless->Step()));
  db_->Interrupt();
  EXPECT_TRUE(absl::IsCancelled(endless->Step().status()));
}

TEST_F(RestrictionTest, HoldsForTextThatIsTooLargeOrTooDeep) {
  EXPECT_FALSE(db_->Exec(absl::StrCat("SELECT 1", std::string(200 * 1024, ' '), ", 2")).ok());
  EXPECT_FALSE(
      db_->Exec(absl::StrCat("SELECT ", std::string(5000, '('), "1", std::string(5000, ')'))).ok());
  std::string ored = "SELECT 1";
  for (int i = 0; i < 5000; ++i) ored += " OR 1";
  EXPECT_FALSE(db_->Exec(ored).ok());
}

TEST_F(RestrictionTest, IsSetOnceAndForEver) {
  EXPECT_TRUE(absl::IsInternal(db_->RestrictToReading(0)));
  EXPECT_TRUE(absl::IsPermissionDenied(db_->Exec("DELETE FROM t")));
}

}  // namespace
}  // namespace doorstep
