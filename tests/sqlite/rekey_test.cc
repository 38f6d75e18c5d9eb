// A database file gets a key, or another one.
#include "sync/sqlite/rekey.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
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
                 "CREATE TABLE only_key (k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID;"
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
  // Whether another process would find that somebody has it open.
  bool IsLocked() const {
    const std::string path = Path();
    const pid_t child = fork();
    if (child == 0) {
      constexpr off_t kShared = 0x40000002;  // SQLite's bytes for it
      struct flock lock = {};
      lock.l_type = F_WRLCK;
      lock.l_whence = SEEK_SET;
      lock.l_start = kShared;
      lock.l_len = 510;
      const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
      if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0) _exit(2);
      _exit(lock.l_type == F_UNLCK ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(status == 0 || WEXITSTATUS(status) == 1) << status;
    return status != 0;
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
  // As a crash leaves it, with its log.
  std::filesystem::copy_file(Path() + "-wal", Path("log"));
  db = nullptr;
  std::filesystem::rename(Path("log"), Path() + "-wal");
  EXPECT_TRUE(Must(IsPlainDatabase(Path())));
  EXPECT_TRUE(Shows("visible"));
  // What is left of the plain files once nobody can open them by their names.
  std::filesystem::create_hard_link(Path(), Path("old"));
  std::filesystem::create_hard_link(Path() + "-wal", Path("old-wal"));
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

// A crash has left a log with work that was committed. To a wrong key it looks empty, and whoever
// closes last removes an empty log.
TEST_F(RekeyTest, AWrongKeyLeavesTheLogAlone) {
  const std::string crashed = Path("crashed.db");
  {
    const auto db = Make(OldKey());
    Must(db->Exec("INSERT INTO t VALUES (10001, 'in the log')"));
    for (const char* end : {"", "-wal"}) {
      std::filesystem::copy_file(absl::StrCat(Path(), end), absl::StrCat(crashed, end));
    }
  }
  const auto log = std::filesystem::file_size(crashed + "-wal");
  ASSERT_GT(log, 0u);
  for (const std::string& wrong : {NewKey(), std::string()}) {
    EXPECT_TRUE(absl::IsDataLoss(Database::Open(crashed, With(wrong)).status()));
    EXPECT_TRUE(absl::IsDataLoss(RekeyFile(crashed, wrong, NewKey())));
    ASSERT_TRUE(std::filesystem::exists(crashed + "-wal"));
    EXPECT_EQ(std::filesystem::file_size(crashed + "-wal"), log);
  }
  const auto db = Must(Database::Open(crashed, With(OldKey())));
  EXPECT_EQ(Must(db->QueryInt("SELECT count(*) FROM t")), 335);
}

// POSIX takes all of a program's locks from a file when it closes any descriptor of it; then
// another program would take itself for the last, and remove the log that this one goes on writing.
TEST_F(RekeyTest, ToLookWhetherItIsPlainTakesNobodysLock) {
  const auto db = Make(OldKey());
  Must(db->QueryInt("SELECT count(*) FROM t"));
  ASSERT_TRUE(IsLocked());
  EXPECT_FALSE(Must(IsPlainDatabase(Path())));
  EXPECT_TRUE(IsLocked());
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
