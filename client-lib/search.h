// Words that somebody typed, looked for in the index of the replica.
#ifndef CLIENT_LIB_SEARCH_H_
#define CLIENT_LIB_SEARCH_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "doorstep/types.h"
#include "sync/sqlite/database.h"

namespace doorstep::client {

// Makes words and snippets exactly as the index does: an FTS5 table in memory, for one text at a
// time. Threads: as the Store.
class WordMaker {
 public:
  static absl::StatusOr<std::unique_ptr<WordMaker>> Make();

  // What FTS5 is asked, of whatever was typed: words only, quoted. `all`: a text with every word;
  // `any`: with at least one. Both empty: no word was typed.
  struct Asked {
    std::string all;
    std::string any;
  };
  absl::StatusOr<Asked> Ask(absl::string_view typed);

  // Of texts by field, the piece that answers best, and its field (0: none does).
  struct Piece {
    uint32_t field = 0;
    std::string text;
    std::vector<FoundWord> found;
  };
  absl::StatusOr<Piece> BestPiece(const std::vector<std::pair<uint32_t, std::string>>& texts,
                                  const Asked& asked);

 private:
  explicit WordMaker(std::unique_ptr<Database> db) : db_(std::move(db)) {}
  std::unique_ptr<Database> db_;
};

absl::StatusOr<std::vector<SearchHit>> FindWords(Store& store, WordMaker& maker,
                                                 absl::string_view words,
                                                 const SearchOptions& options);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SEARCH_H_
