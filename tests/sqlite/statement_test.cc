#include "sync/sqlite/statement.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sqlite/database_fixture.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

class StatementTest : public DatabaseTest {
 protected:
  const std::unique_ptr<Database> db_ = InMemory();
};

TEST_F(StatementTest, GivesBackWhatWasBound) {
  const std::string bytes("\0\xff\0x", 4);
  const auto echo = Must(db_->Prepare("SELECT ?1 AS a, ?2, ?3, ?4, ?5"));
  echo->BindInt(1, std::numeric_limits<int64_t>::min()).BindText(2, "héllo").BindBlob(3, bytes);
  echo->BindDouble(4, 0.1).BindNull(5);
  ASSERT_TRUE(Must(echo->Step()));
  EXPECT_EQ(echo->Int(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(echo->Text(1), "héllo");
  EXPECT_EQ(echo->Blob(2), bytes);
  EXPECT_EQ(echo->Double(3), 0.1);
  EXPECT_TRUE(echo->IsNull(4));
  EXPECT_EQ(echo->Type(0), ColumnType::kInt);
  EXPECT_EQ(echo->Type(1), ColumnType::kText);
  EXPECT_EQ(echo->Type(2), ColumnType::kBlob);
  EXPECT_EQ(echo->Type(3), ColumnType::kDouble);
  EXPECT_EQ(echo->Type(4), ColumnType::kNull);
  EXPECT_EQ(echo->ColumnCount(), 5);
  EXPECT_EQ(echo->ParameterCount(), 5);
  EXPECT_EQ(echo->ColumnName(0), "a");
  EXPECT_EQ(echo->ColumnName(99), "");
  EXPECT_TRUE(echo->ReadOnly());
  EXPECT_FALSE(Must(echo->Step()));
}

TEST_F(StatementTest, EmptyIsNotNull) {
  const auto echo = Must(db_->Prepare("SELECT ?1, ?2, typeof(?1), typeof(?2)"));
  echo->BindText(1, absl::string_view()).BindBlob(2, absl::string_view());
  ASSERT_TRUE(Must(echo->Step()));
  EXPECT_EQ(echo->Text(2), "text");
  EXPECT_EQ(echo->Text(3), "blob");
  EXPECT_EQ(echo->Text(0), "");
  EXPECT_EQ(echo->Blob(1), "");
}

TEST_F(StatementTest, TextKeepsItsZeros) {
  const std::string text("a\0b", 3);
  const auto echo = Must(db_->Prepare("SELECT ?1"));
  echo->BindText(1, text);
  ASSERT_TRUE(Must(echo->Step()));
  EXPECT_EQ(echo->Text(0), text);
}

TEST_F(StatementTest, NullReadsAsZeroOrEmpty) {
  const auto null = Must(db_->Prepare("SELECT NULL"));
  ASSERT_TRUE(Must(null->Step()));
  EXPECT_EQ(null->Int(0), 0);
  EXPECT_EQ(null->Double(0), 0.0);
  EXPECT_EQ(null->Text(0), "");
  EXPECT_EQ(null->Blob(0), "");
}

TEST_F(StatementTest, AMistakeInBindingShowsAtTheNextStep) {
  const auto echo = Must(db_->Prepare("SELECT ?1"));
  const absl::Status out_of_range = echo->BindInt(2, 5).Step().status();
  EXPECT_TRUE(absl::IsInternal(out_of_range)) << out_of_range;
  EXPECT_THAT(std::string(out_of_range.message()), HasSubstr("SELECT ?1"));
  EXPECT_TRUE(Must(echo->Step()));  // it is forgotten then

  const absl::Status between_rows = echo->BindInt(1, 5).Step().status();
  EXPECT_TRUE(absl::IsInternal(between_rows)) << between_rows;
}

TEST_F(StatementTest, RunDropsRowsAndResets) {
  Must(db_->Exec("CREATE TABLE t (a)"));
  const auto insert = Must(db_->Prepare("INSERT INTO t VALUES (?1) RETURNING a"));
  Must(insert->BindInt(1, 5).Run());
  EXPECT_EQ(db_->LastInsertRowid(), 1);
  Must(insert->Run());  // without the old binding
  EXPECT_EQ(Must(db_->QueryInt("SELECT count(*) FROM t WHERE a IS NULL")), 1);
  EXPECT_FALSE(insert->ReadOnly());
  Must(db_->Exec("UPDATE t SET a = 1"));
  EXPECT_EQ(db_->Changes(), 2);
}

TEST_F(StatementTest, IsFitForUseAfterAnError) {
  Must(db_->Exec("CREATE TABLE t (a UNIQUE)"));
  const auto insert = Must(db_->Prepare("INSERT INTO t VALUES (?1)"));
  Must(insert->BindInt(1, 1).Run());
  EXPECT_TRUE(absl::IsAlreadyExists(insert->BindInt(1, 1).Run()));
  EXPECT_TRUE(insert->BindInt(1, 2).Run().ok());
}

TEST_F(StatementTest, ScopedResetEndsTheSnapshot) {
  const auto db = Open();
  const auto writer = Open();
  Must(db->Exec("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)"));
  {
    Statement* const read = Must(db->Prepared("SELECT a FROM t"));
    const ScopedReset done(read);
    ASSERT_TRUE(Must(read->Step()));
    Must(writer->Exec("INSERT INTO t VALUES (3)"));
    EXPECT_TRUE(absl::IsAborted(writer->CheckpointWal(/*truncate=*/true)));
  }
  EXPECT_TRUE(writer->CheckpointWal(/*truncate=*/true).ok());
}

}  // namespace
}  // namespace doorstep
