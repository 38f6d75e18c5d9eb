// A database file gets a key, or another one.
#include <fstream>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "sync/sqlite/database.h"
#include "sync/sqlite/rekey.h"
#include "tests/sqlite/database_fixture.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string& OldKey() {
  static const auto& key = *new std::string(32, '\x5a');
  return key;
}
const std::string& NewKey() {
  static const auto& key = *new std::string(32, '\xa5');
  return key;
}

class RekeyTest : public DatabaseTest {
 protected:
  static DatabaseOptions With(const std::string& key) {
    DatabaseOptions options = Impatient();
    options.key = key;
    return options;
  }
  // Rows with gaps between their numbers, an index of words, and a log that was not copied in.
  std::unique_ptr<Database> Make(const std::string& key) {
    auto db = Must(Database::Open(Path(), With(key)));
    Must(
        db->Exec("CREATE TABLE t (row INTEGER PRIMARY KEY, a TEXT) STRICT;"
                 "CREATE TABLE only_key (k TEXT PRIMARY KEY, v) STRICT, WITHOUT ROWID;"
                 "CREATE VIRTUAL TABLE words USING fts5(a, content='', contentless_delete=1);"
                 "PRAGMA application_id = 77; PRAGMA user_version = 5;"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                 " INSERT INTO t SELECT i * 7, 'visible ' || i FROM n;"
                 "INSERT INTO words(rowid, a) SELECT row, a FROM t;"
                 "DELETE FROM t WHERE row % 3 = 0;"));
    return db;
  }
  // Encrypting a plain database makes its tables in another order.
  static std::string Holdings(Database& db) {
    return Must(db.QueryText(
        "SELECT (SELECT group_concat(row || a) FROM t) || (SELECT group_concat(rowid) FROM words"
        " WHERE words MATCH 'visible') || (SELECT group_concat(sql) FROM"
        " (SELECT sql FROM sqlite_schema ORDER BY name))"
        " || (SELECT application_id FROM pragma_application_id)"
        " || (SELECT user_version FROM pragma_user_version)"));
  }
  bool Shows(absl::string_view text) const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (Must(ReadFile(entry.path())).find(std::string(text)) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(RekeyTest, APlainDatabaseIsEncrypted) {
  auto db = Make("");
  const std::string before = Holdings(*db);
  db = nullptr;
  EXPECT_TRUE(Must(IsPlainDatabase(Path())));
  EXPECT_TRUE(Shows("visible"));
  // What is left of the plain file once nobody can open it by its name.
  std::filesystem::create_hard_link(Path(), Path("old"));
  Must(RekeyFile(Path(), "", NewKey()));
  EXPECT_FALSE(Must(IsPlainDatabase(Path())));
  EXPECT_FALSE(Shows("visible"));
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(Path(), With("")).status()));
  db = Must(Database::Open(Path(), With(NewKey())));
  EXPECT_EQ(Holdings(*db), before);
  Must(db->QuickCheck());
  EXPECT_EQ(Must(db->QueryText("PRAGMA journal_mode")), "wal");
}

TEST_F(RekeyTest, AnotherKey) {
  auto db = Make(OldKey());
  const std::string before = Holdings(*db);
  db = nullptr;
  Must(RekeyFile(Path(), OldKey(), NewKey()));
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(Path(), With(OldKey())).status()));
  db = Must(Database::Open(Path(), With(NewKey())));
  EXPECT_EQ(Holdings(*db), before);
}

TEST_F(RekeyTest, AWrongKeyChangesNothing) {
  Make(OldKey()) = nullptr;
  const std::string before = Must(ReadFile(Path()));
  EXPECT_TRUE(absl::IsDataLoss(RekeyFile(Path(), NewKey(), NewKey())));
  EXPECT_TRUE(absl::IsDataLoss(RekeyFile(Path(), "", NewKey())));
  EXPECT_EQ(Must(ReadFile(Path())), before);
  EXPECT_TRUE(absl::IsNotFound(IsPlainDatabase(Path("none")).status()));
}

TEST_F(RekeyTest, NotWhileSomebodyHasItOpen) {
  const auto db = Make(OldKey());
  Must(db->QueryInt("SELECT count(*) FROM t"));
  const absl::Status status = Must(Database::Open(Path(), With(OldKey())))->Rekey(NewKey());
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("wal"));
  EXPECT_TRUE(absl::IsAborted(RekeyFile(Path(), OldKey(), NewKey())));
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), 334);
}

// A crash left half a copy, plain as the original was.
TEST_F(RekeyTest, HalfACopyIsOverwritten) {
  Make("") = nullptr;
  std::ofstream(Path("a.db.rekeying")) << "half a copy, visible";
  std::filesystem::create_hard_link(Path("a.db.rekeying"), Path("half"));
  Must(RekeyFile(Path(), "", NewKey()));
  EXPECT_FALSE(std::filesystem::exists(Path("a.db.rekeying")));
  EXPECT_THAT(Must(ReadFile(Path("half"))), Not(HasSubstr("visible")));
}

TEST_F(RekeyTest, TheKeyIs32Bytes) {
  Make("") = nullptr;
  EXPECT_TRUE(absl::IsInvalidArgument(RekeyFile(Path(), "", "short")));
  EXPECT_TRUE(Must(IsPlainDatabase(Path())));
}

}  // namespace
}  // namespace doorstep
