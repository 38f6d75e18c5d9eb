#include "sync/sqlite/result_code.h"

#include <sqlite3.h>

#include <string>

#include "gtest/gtest.h"
#include "sync/base/limits.h"

namespace doorstep::internal {
namespace {

TEST(CodeOf, MeansWhatTheCallerCanDo) {
  using Code = absl::StatusCode;
  EXPECT_EQ(CodeOf(SQLITE_OK), Code::kOk);
  EXPECT_EQ(CodeOf(SQLITE_BUSY_RECOVERY), Code::kAborted);
  EXPECT_EQ(CodeOf(SQLITE_LOCKED), Code::kAborted);
  EXPECT_EQ(CodeOf(SQLITE_FULL), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf(SQLITE_NOMEM), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf(SQLITE_READONLY_DIRECTORY), Code::kPermissionDenied);
  EXPECT_EQ(CodeOf(SQLITE_AUTH), Code::kPermissionDenied);
  EXPECT_EQ(CodeOf(SQLITE_CORRUPT_VTAB), Code::kDataLoss);
  EXPECT_EQ(CodeOf(SQLITE_NOTADB), Code::kDataLoss);
  EXPECT_EQ(CodeOf(SQLITE_IOERR_WRITE), Code::kUnavailable);
  EXPECT_EQ(CodeOf(SQLITE_IOERR_DATA), Code::kDataLoss);
  EXPECT_EQ(CodeOf(SQLITE_IOERR_NOMEM), Code::kResourceExhausted);
  EXPECT_EQ(CodeOf(SQLITE_CONSTRAINT_UNIQUE), Code::kAlreadyExists);
  EXPECT_EQ(CodeOf(SQLITE_CONSTRAINT_CHECK), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf(SQLITE_CONSTRAINT_TRIGGER), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf(SQLITE_MISUSE), Code::kInternal);
  EXPECT_EQ(CodeOf(SQLITE_RANGE), Code::kInternal);
}

TEST(FirstWords, AreOneShortLineWithoutLiterals) {
  EXPECT_EQ(FirstWords("\n  SELECT a,\n\t b\nFROM t"), "SELECT a, b FROM t");
  EXPECT_EQ(FirstWords("INSERT INTO t VALUES ('secret')"), "INSERT INTO t VALUES (");
  EXPECT_EQ(FirstWords("SELECT \"secret\""), "SELECT");
  EXPECT_EQ(FirstWords(""), "");
  EXPECT_LE(FirstWords("SELECT " + std::string(500, 'x')).size(), kMaxQuotedSqlBytes);
}

TEST(WithoutValues, StopsWhereAValueMayBegin) {
  EXPECT_EQ(WithoutValues("fts5: syntax error near \"secret\""), "fts5: syntax error near");
  EXPECT_EQ(WithoutValues("no such column: secret"), "no such column");
  EXPECT_EQ(WithoutValues("bad JSON path: 'secret'"), "bad JSON path");
  EXPECT_EQ(WithoutValues("unterminated string"), "unterminated string");
  EXPECT_EQ(WithoutValues(""), "");
}

}  // namespace
}  // namespace doorstep::internal
