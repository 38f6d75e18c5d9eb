// The words of full-text fields, kept in step with the rows: an FTS5 table that holds no text of
// its own, and is written in the transaction that writes the rows.
//
// A document is a row of a kind; its id is kind << 40 | _row. It has what the row shows: own
// pending changes, and hidden records too, which whoever searches leaves out. Threads: as the
// Store.
#ifndef CLIENT_LIB_SEARCH_INDEX_H_
#define CLIENT_LIB_SEARCH_INDEX_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"
#include "sync/tables/record_tables.h"

namespace doorstep::client {

// How text becomes words, here and wherever words are looked for.
inline constexpr char kSearchTokenizer[] = "unicode61 remove_diacritics 2";

class SearchIndex {
 public:
  // Both are borrowed.
  SearchIndex(Database* db, const Schema* schema) : db_(db), schema_(schema) {}

  // Fields whose words are found: changes whenever they do.
  std::string Marked() const;
  // Makes the table anew and fills it from the rows.
  absl::Status Build();

  // The row is about to be written, or to go; or has just been written for the first time.
  absl::Status Note(const RecordTables::Place& place, bool is_new);
  // Writes the words of all rows that were noted. Before the transaction's commit.
  absl::Status Flush();
  // The transaction was rolled back.
  void Forget();
  // Before the commit of a transaction that removes what may not stay readable: the words of rows
  // that are gone, or were other words before, leave the file with it.
  void Purge() { purge_ = true; }

  // The row's texts by field number, elements of sets as lines of their own; empty: no such row.
  absl::StatusOr<std::vector<std::pair<uint32_t, std::string>>> TextsOf(
      const RecordTables::Place& place);

 private:
  struct Words {
    std::string title;
    std::string rest;
  };
  absl::StatusOr<Words> WordsOf(const RecordTables::Place& place);
  absl::Status Put(int64_t document, const Words& words);

  Database* db_;
  const Schema* schema_;
  std::map<int64_t, uint64_t> noted_;  // document: hash of its words before
  bool purge_ = false;
};

int64_t DocumentOf(const RecordTables::Place& place);
RecordTables::Place PlaceOfDocument(int64_t document);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SEARCH_INDEX_H_
