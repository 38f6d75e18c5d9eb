// Text that somebody hands over, row by row, within bounds whatever it holds: lines, and the rows
// of CSV as RFC 4180 has them.
//
//   file  = [BOM] row *(eol row) [eol]
//   row   = cell *("," cell)
//   cell  = <"> *(any but <"> / <""">) <"> / *(any but <"> "," CR LF)
//   eol   = LF / CR LF
//
// Rows of nothing but white space are passed over.
#ifndef CLIENT_LIB_TEXT_ROWS_H_
#define CLIENT_LIB_TEXT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep::client {

using ByteSource = absl::FunctionRef<absl::StatusOr<size_t>(char* buffer, size_t size)>;

// Bytes of a source, one by one, without a byte order mark at the beginning.
class Bytes {
 public:
  static constexpr int kEnd = -1;

  explicit Bytes(ByteSource source) : source_(source) {}
  // kEnd also after an error, which status() has.
  int Next();
  // The same without taking it.
  int Peek();
  const absl::Status& status() const { return status_; }

 private:
  bool Fill();

  ByteSource source_;
  std::string buffer_;
  size_t at_ = 0;
  bool begun_ = false;
  bool over_ = false;
  absl::Status status_;
};

enum class RowState {
  kRow,
  kBad,  // what is wrong stands in problem(); the next row may be good
  kEnd,  // or the source failed: see status()
};

class LineReader {
 public:
  explicit LineReader(ByteSource source) : bytes_(source) {}

  RowState Next(std::string* line);
  uint64_t line_number() const { return line_number_; }  // of the row that was read last
  const std::string& problem() const { return problem_; }
  const absl::Status& status() const { return bytes_.status(); }

 private:
  Bytes bytes_;
  uint64_t line_number_ = 0;
  std::string problem_;
};

class CsvReader {
 public:
  explicit CsvReader(ByteSource source) : bytes_(source) {}

  RowState Next(std::vector<std::string>* cells);
  uint64_t line_number() const { return row_begins_; }
  const std::string& problem() const { return problem_; }
  const absl::Status& status() const { return bytes_.status(); }

 private:
  enum class CellEnd { kComma, kRowEnd, kBad };
  int Take();
  CellEnd ReadCell(std::string* cell);
  CellEnd ReadQuoted(std::string* cell);
  CellEnd Bad(std::string problem);
  void SkipLine();

  Bytes bytes_;
  uint64_t line_ = 1;
  uint64_t row_begins_ = 0;
  size_t row_bytes_ = 0;
  std::string problem_;
};

// The cell as it is written, quoted where that is needed.
void AppendCsvCell(absl::string_view cell, std::string* row);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_TEXT_ROWS_H_
