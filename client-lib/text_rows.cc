#include "client-lib/text_rows.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"

namespace doorstep::client {
namespace {

constexpr size_t kBufferBytes = 64 * kKiB;
// Cells of one row: more than any kind has fields, too few to fill the memory with empty ones.
constexpr size_t kMaxCells = 20'000;
constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string TooLong() {
  return absl::StrCat("got more than ", kMaxRecordJsonBytes, " bytes, wanted one record");
}

}  // namespace

bool Bytes::Fill() {
  while (status_.ok() && !over_ && at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
    // A source may give less than the mark at first.
    while (!over_ && buffer_.size() < (begun_ ? 1 : kByteOrderMark.size())) {
      std::string more(kBufferBytes, '\0');
      const absl::StatusOr<size_t> got = source_(more.data(), more.size());
      if (!got.ok()) {
        status_ = got.status();
        return false;
      }
      over_ = *got == 0;
      more.resize(*got);
      buffer_ += more;
    }
    if (!begun_ && absl::StartsWith(buffer_, kByteOrderMark)) at_ = kByteOrderMark.size();
    begun_ = true;
  }
  return at_ < buffer_.size();
}

int Bytes::Peek() {
  if (at_ == buffer_.size() && !Fill()) return kEnd;
  return static_cast<unsigned char>(buffer_[at_]);
}

int Bytes::Next() {
  const int byte = Peek();
  if (byte != kEnd) ++at_;
  return byte;
}

RowState LineReader::Next(std::string* line) {
  while (true) {
    line->clear();
    if (bytes_.Peek() == Bytes::kEnd) return RowState::kEnd;
    ++line_number_;
    bool too_long = false;
    for (int byte = bytes_.Next(); byte != Bytes::kEnd && byte != '\n'; byte = bytes_.Next()) {
      too_long = too_long || line->size() == kMaxRecordJsonBytes;
      if (!too_long) line->push_back(static_cast<char>(byte));
    }
    if (!bytes_.status().ok()) return RowState::kEnd;
    if (too_long) {
      problem_ = TooLong();
      return RowState::kBad;
    }
    if (!absl::StripAsciiWhitespace(*line).empty()) return RowState::kRow;
  }
}

int CsvReader::Take() {
  const int byte = bytes_.Next();
  if (byte == '\n') ++line_;
  if (byte != Bytes::kEnd) ++row_bytes_;
  return byte;
}

CsvReader::CellEnd CsvReader::Bad(std::string problem) {
  problem_ = std::move(problem);
  return CellEnd::kBad;
}

void CsvReader::SkipLine() {
  for (int byte = Take(); byte != Bytes::kEnd && byte != '\n'; byte = Take()) continue;
}

// After the opening quote.
CsvReader::CellEnd CsvReader::ReadQuoted(std::string* cell) {
  while (true) {
    const int byte = Take();
    if (byte == Bytes::kEnd) return Bad("got a quote that is never closed, wanted \" at its end");
    if (row_bytes_ > kMaxRecordJsonBytes) return Bad(TooLong());
    if (byte != '"') {
      cell->push_back(static_cast<char>(byte));
      continue;
    }
    if (bytes_.Peek() != '"') break;
    cell->push_back(static_cast<char>(Take()));
  }
  int byte = bytes_.Peek();
  if (byte == '\r') {
    Take();
    byte = bytes_.Peek();
    if (byte != '\n' && byte != Bytes::kEnd) return Bad("got a carriage return, wanted a line end");
  }
  if (byte != ',' && byte != '\n' && byte != Bytes::kEnd) {
    return Bad("got text after a closing quote, wanted a comma (a quote in a text stands twice)");
  }
  Take();
  return byte == ',' ? CellEnd::kComma : CellEnd::kRowEnd;
}

CsvReader::CellEnd CsvReader::ReadCell(std::string* cell) {
  if (bytes_.Peek() == '"') {
    Take();
    return ReadQuoted(cell);
  }
  while (true) {
    const int byte = bytes_.Peek();
    if (byte == '"') return Bad("got a quote in a cell without quotes, wanted the cell quoted");
    if (row_bytes_ > kMaxRecordJsonBytes) return Bad(TooLong());
    Take();
    if (byte == ',') return CellEnd::kComma;
    if (byte == '\n' || byte == Bytes::kEnd) return CellEnd::kRowEnd;
    if (byte == '\r') {
      if (bytes_.Peek() == '\n' || bytes_.Peek() == Bytes::kEnd) continue;
      return Bad("got a carriage return in a cell without quotes, wanted the cell quoted");
    }
    cell->push_back(static_cast<char>(byte));
  }
}

RowState CsvReader::Next(std::vector<std::string>* cells) {
  while (bytes_.Peek() != Bytes::kEnd) {
    cells->clear();
    row_begins_ = line_;
    row_bytes_ = 0;
    CellEnd end = CellEnd::kComma;
    while (end == CellEnd::kComma) {
      cells->emplace_back();
      end = cells->size() > kMaxCells ? Bad(absl::StrCat("got more than ", kMaxCells, " cells"))
                                      : ReadCell(&cells->back());
    }
    if (!bytes_.status().ok()) return RowState::kEnd;
    if (end == CellEnd::kBad) {
      SkipLine();
      return RowState::kBad;
    }
    if (cells->size() > 1 || !absl::StripAsciiWhitespace(cells->front()).empty()) {
      return RowState::kRow;
    }
  }
  return RowState::kEnd;
}

void AppendCsvCell(absl::string_view cell, std::string* row) {
  const bool quoted =
      cell.find_first_of("\",\r\n") != absl::string_view::npos ||
      (!cell.empty() && (absl::ascii_isspace(static_cast<unsigned char>(cell[0])) ||
                         absl::ascii_isspace(static_cast<unsigned char>(cell.back()))));
  if (!quoted) {
    absl::StrAppend(row, cell);
    return;
  }
  row->push_back('"');
  for (const char c : cell) {
    if (c == '"') row->push_back('"');
    row->push_back(c);
  }
  row->push_back('"');
}

}  // namespace doorstep::client
