// Lines and CSV rows of any text: what RFC 4180 says, bounds, and that what is written reads back.
#include "client-lib/text_rows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/csv_columns.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"
#include "tests/support/seed.h"

namespace doorstep::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Gives `text` in pieces of `piece` bytes.
auto SourceOf(const std::string& text, size_t piece, size_t* at) {
  return [&text, piece, at](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    const size_t count = std::min({size, piece, text.size() - *at});
    std::copy_n(text.data() + *at, count, buffer);
    *at += count;
    return count;
  };
}

struct Read {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> problems;  // "line: what"
  std::vector<uint64_t> lines;
};

Read ReadCsv(const std::string& text, size_t piece = 1 << 20) {
  size_t at = 0;
  const auto source = SourceOf(text, piece, &at);
  CsvReader reader(source);
  Read read;
  std::vector<std::string> cells;
  for (RowState state = reader.Next(&cells); state != RowState::kEnd; state = reader.Next(&cells)) {
    if (state == RowState::kBad) {
      read.problems.push_back(absl::StrCat(reader.line_number(), ": ", reader.problem()));
      continue;
    }
    read.rows.push_back(cells);
    read.lines.push_back(reader.line_number());
  }
  return read;
}

TEST(CsvReaderTest, ReadsWhatRfc4180Says) {
  const std::string text =
      "\xEF\xBB\xBF"
      "a,b,c\r\n"
      "1,\"x, \"\"y\"\"\r\nz\",\n"
      "\r\n"
      "  ,,\"\"\n"
      "last,\"\",end";
  for (const size_t piece : {1, 2, 3, 1000}) {
    const Read read = ReadCsv(text, piece);
    EXPECT_THAT(read.problems, IsEmpty());
    EXPECT_THAT(read.rows,
                ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("1", "x, \"y\"\r\nz", ""),
                            ElementsAre("  ", "", ""), ElementsAre("last", "", "end")));
    EXPECT_THAT(read.lines, ElementsAre(1, 2, 5, 6));
  }
  EXPECT_THAT(ReadCsv("").rows, IsEmpty());
  EXPECT_THAT(ReadCsv("\xEF\xBB\xBF").rows, IsEmpty());
}

TEST(CsvReaderTest, NamesTheLineOfWhatIsWrongAndGoesOn) {
  const Read read =
      ReadCsv("a,b\nx\"y,1\n\"x\"y,2\nx\ry,3\n\"x\"\ry,4\ngood,5\n\"never closed,6\n");
  EXPECT_THAT(read.rows, ElementsAre(ElementsAre("a", "b"), ElementsAre("good", "5")));
  EXPECT_THAT(read.problems,
              ElementsAre(HasSubstr("2: got a quote in a cell"), HasSubstr("3: got text after"),
                          HasSubstr("4: got a carriage return"),
                          HasSubstr("5: got a carriage return"), HasSubstr("7: got a quote that")));
}

TEST(CsvReaderTest, BoundsARow) {
  EXPECT_THAT(ReadCsv(std::string(2 * kMaxRecordJsonBytes, 'x')).problems,
              ElementsAre(HasSubstr("1: got more than")));
  EXPECT_THAT(ReadCsv("\"" + std::string(2 * kMaxRecordJsonBytes, 'x')).problems,
              ElementsAre(HasSubstr("1: got more than")));
  const Read commas = ReadCsv(std::string(kMaxRecordJsonBytes, ',') + "\ngood\n");
  EXPECT_THAT(commas.problems, ElementsAre(HasSubstr("cells")));
  EXPECT_THAT(commas.rows, ElementsAre(ElementsAre("good")));
}

TEST(LineReaderTest, BoundsALineAndGoesOn) {
  const std::string text =
      absl::StrCat("\xEF\xBB\xBF", "first\r\n \t\n", std::string(kMaxRecordJsonBytes + 1, 'x'),
                   "\n", std::string(kMaxRecordJsonBytes, 'y'), "\nlast");
  size_t at = 0;
  const auto source = SourceOf(text, 100'000, &at);
  LineReader reader(source);
  std::string line;
  ASSERT_EQ(reader.Next(&line), RowState::kRow);
  EXPECT_EQ(line, "first\r");
  ASSERT_EQ(reader.Next(&line), RowState::kBad);
  EXPECT_EQ(reader.line_number(), 3u);
  EXPECT_LE(line.capacity(), 2 * kMaxRecordJsonBytes);
  ASSERT_EQ(reader.Next(&line), RowState::kRow);
  EXPECT_EQ(line.size(), kMaxRecordJsonBytes);
  ASSERT_EQ(reader.Next(&line), RowState::kRow);
  EXPECT_EQ(line, "last");
  EXPECT_EQ(reader.line_number(), 5u);
  EXPECT_EQ(reader.Next(&line), RowState::kEnd);
}

TEST(LineReaderTest, TellsOfASourceThatFails) {
  const auto source = [](char*, size_t) -> absl::StatusOr<size_t> {
    return absl::UnknownError("torn cable");
  };
  LineReader lines(source);
  std::string line;
  EXPECT_EQ(lines.Next(&line), RowState::kEnd);
  EXPECT_EQ(lines.status().message(), "torn cable");
  CsvReader rows(source);
  std::vector<std::string> cells;
  EXPECT_EQ(rows.Next(&cells), RowState::kEnd);
  EXPECT_FALSE(rows.status().ok());
}

// Cells of what makes CSV hard, in any mixture, come back as they were; and any bytes at all come
// to an end.
TEST(CsvPropertyTest, WhatIsWrittenReadsBack) {
  const uint64_t seed = doorstep::testing::SeedForTest();
  SeededEntropy random(seed);
  const std::string alphabet = "ab,\"\"\r\n '=+-@\t;\xC3\xA9";
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> cells(1 + random.Below(5));
    for (std::string& cell : cells) {
      for (uint64_t i = random.Below(8); i > 0; --i) {
        cell.push_back(alphabet[random.Below(alphabet.size())]);
      }
    }
    cells.push_back("end");  // a row of white space alone is none
    std::string row;
    for (const std::string& cell : cells) {
      if (!row.empty() || &cell != &cells.front()) row.push_back(',');
      AppendCsvCell(ToTextCell(cell), &row);
    }
    const Read read = ReadCsv(row + "\r\n" + row, 1 + random.Below(9));
    ASSERT_THAT(read.problems, IsEmpty()) << row;
    ASSERT_EQ(read.rows.size(), 2u) << row;
    for (const std::vector<std::string>& got : read.rows) {
      std::vector<std::string> texts;
      for (const std::string& cell : got) texts.push_back(FromTextCell(cell));
      ASSERT_EQ(texts, cells) << row;
    }
    std::string noise;
    for (uint64_t i = random.Below(200); i > 0; --i) {
      noise.push_back(random.Below(3) == 0 ? static_cast<char>(random.Below(256))
                                           : alphabet[random.Below(alphabet.size())]);
    }
    const Read any = ReadCsv(noise, 1 + random.Below(9));
    ASSERT_LE(any.rows.size() + any.problems.size(), noise.size() + 1);
  }
}

TEST(CsvColumnsTest, NoTextIsAFormula) {
  for (const char* text : {"=1+1", "+44 7700", "-", "@x", "\tx", "\rx", "'=1", "''"}) {
    const std::string cell = ToTextCell(text);
    EXPECT_EQ(cell, absl::StrCat("'", text));
    EXPECT_EQ(FromTextCell(cell), text);
  }
  for (const char* text : {"'tis", "O'Brien", "1+1", "plain"}) {
    EXPECT_EQ(ToTextCell(text), text);
    EXPECT_EQ(FromTextCell(text), text);
  }
}

}  // namespace
}  // namespace doorstep::client
