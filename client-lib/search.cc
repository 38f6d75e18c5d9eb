#include "client-lib/search.h"

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client-lib/names.h"
#include "client-lib/replica_impl.h"
#include "client-lib/search_index.h"
#include "client-lib/titles.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/merge/marks.h"

namespace doorstep {
namespace client {
namespace {

// Marks around what was found, within a snippet: no text has them, see Printable.
constexpr char kBegin = '\1';
constexpr char kEnd = '\2';

// On one line.
std::string Printable(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return out;
}

std::string Quoted(absl::string_view word) {
  return absl::StrCat("\"", absl::StrReplaceAll(word, {{"\"", "\"\""}}), "\"");
}

void TakeMarks(absl::string_view marked, WordMaker::Piece* piece) {
  size_t begin = 0;
  for (const char c : marked) {
    if (c == kBegin) {
      begin = piece->text.size();
    } else if (c == kEnd) {
      piece->found.push_back({begin, piece->text.size()});
    } else {
      piece->text.push_back(c);
    }
  }
}

absl::Status CheckTyped(absl::string_view words) {
  if (words.size() <= kMaxSearchBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("words: got ", words.size(), " bytes, wanted at most ", kMaxSearchBytes));
}

absl::StatusOr<SearchHit> HitOf(Store& store, WordMaker& maker, const WordMaker::Asked& asked,
                                const RecordTables::Place& place, const RecordState& record) {
  const KindSpec& kind = *store.schema().Find(place.kind);
  SearchHit hit;
  hit.record = record.id.ToString();
  hit.kind = kind.name;
  hit.file = record.compartment.file.ToString();
  hit.tier = TierName(record.compartment.tier);
  hit.hidden = HiddenBecause(record).value_or("");
  DOORSTEP_ASSIGN_OR_RETURN(hit.title, TitleWithFile(store, record));
  DOORSTEP_ASSIGN_OR_RETURN(const auto texts, store.search().TextsOf(place));
  DOORSTEP_ASSIGN_OR_RETURN(WordMaker::Piece piece, maker.BestPiece(texts, asked));
  if (const FieldSpec* field = kind.Find(piece.field); field != nullptr) {
    hit.field = field->scalar.name;
    hit.label = field->label;
  }
  hit.snippet = std::move(piece.text);
  hit.found = std::move(piece.found);
  return hit;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WordMaker>> WordMaker::Make() {
  DatabaseOptions options;
  options.create = true;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(":memory:", options));
  DOORSTEP_RETURN_IF_ERROR(db->Exec(
      absl::StrCat("CREATE VIRTUAL TABLE piece USING fts5(text, tokenize='", kSearchTokenizer,
                   "');CREATE VIRTUAL TABLE word USING fts5vocab(piece, 'instance');")));
  return std::unique_ptr<WordMaker>(new WordMaker(std::move(db)));
}

absl::StatusOr<WordMaker::Asked> WordMaker::Ask(absl::string_view typed) {
  Asked asked;
  int words = 0;
  for (const absl::string_view part : absl::StrSplit(
           typed, absl::ByAnyChar(absl::string_view(" \t\r\n\0", 5)), absl::SkipEmpty())) {
    DOORSTEP_RETURN_IF_ERROR(db_->Exec("DELETE FROM piece"));
    DOORSTEP_ASSIGN_OR_RETURN(Statement * put,
                              db_->Prepared("INSERT INTO piece(rowid, text) VALUES(1, ?1)"));
    DOORSTEP_RETURN_IF_ERROR(put->BindText(1, part).Run());
    DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                              db_->Prepared("SELECT term FROM word ORDER BY offset"));
    ScopedReset done(list);
    std::vector<std::string> terms;
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      terms.push_back(Quoted(list->Text(0)));
    }
    if (!terms.empty() && absl::EndsWith(part, "*")) absl::StrAppend(&terms.back(), "*");
    for (const std::string& term : terms) {
      if (++words > kMaxSearchWords) {
        return absl::InvalidArgumentError(
            absl::StrCat("words: got more than ", kMaxSearchWords, ", wanted at most that many"));
      }
      absl::StrAppend(&asked.all, asked.all.empty() ? "" : " AND ", term);
      absl::StrAppend(&asked.any, asked.any.empty() ? "" : " OR ", term);
    }
  }
  return asked;
}

absl::StatusOr<WordMaker::Piece> WordMaker::BestPiece(
    const std::vector<std::pair<uint32_t, std::string>>& texts, const Asked& asked) {
  DOORSTEP_RETURN_IF_ERROR(db_->Exec("DELETE FROM piece"));
  for (const auto& [field, text] : texts) {
    const std::string printable = Printable(text);
    DOORSTEP_ASSIGN_OR_RETURN(Statement * put,
                              db_->Prepared("INSERT INTO piece(rowid, text) VALUES(?1, ?2)"));
    DOORSTEP_RETURN_IF_ERROR(put->BindInt(1, field).BindText(2, printable).Run());
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * best,
      db_->Prepared("SELECT rowid, snippet(piece, 0, char(1), char(2), '…', 16) FROM piece"
                    " WHERE piece MATCH ?1 ORDER BY rank, rowid LIMIT 1"));
  ScopedReset done(best);
  best->BindText(1, asked.any);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, best->Step());
  Piece piece;
  if (!found) return piece;
  piece.field = static_cast<uint32_t>(best->Int(0));
  TakeMarks(best->Text(1), &piece);
  return piece;
}

absl::StatusOr<std::vector<SearchHit>> FindWords(Store& store, WordMaker& maker,
                                                 absl::string_view words,
                                                 const SearchOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckTyped(words));
  DOORSTEP_ASSIGN_OR_RETURN(const WordMaker::Asked asked, maker.Ask(words));
  if (asked.all.empty()) {
    return absl::InvalidArgumentError("words: got no word, wanted at least one");
  }
  int64_t first = 0;
  int64_t last = std::numeric_limits<int64_t>::max();
  if (!options.kind.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind, FindKind(store.schema(), options.kind));
    first = DocumentOf({kind->number, 0});
    last = DocumentOf({kind->number + 1, 0}) - 1;
  }
  std::vector<SearchHit> hits;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list,
                            store.db().Prepare("SELECT rowid FROM _search WHERE _search MATCH ?1"
                                               " AND rowid BETWEEN ?2 AND ?3"
                                               " ORDER BY bm25(_search, 4.0, 1.0), rowid"));
  list->BindText(1, asked.all).BindInt(2, first).BindInt(3, last);
  while (options.limit == 0 || hits.size() < options.limit) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) break;
    const RecordTables::Place place = PlaceOfDocument(list->Int(0));
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, store.tables().LoadAt(place));
    if (!options.hidden && HiddenBecause(record).has_value()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(SearchHit hit, HitOf(store, maker, asked, place, record));
    hits.push_back(std::move(hit));
  }
  return hits;
}

}  // namespace client

absl::StatusOr<std::vector<SearchHit>> Replica::Search(absl::string_view words,
                                                       const SearchOptions& options) {
  if (impl_->words == nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(impl_->words, client::WordMaker::Make());
  }
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  return client::FindWords(*impl_->store, *impl_->words, words, options);
}

}  // namespace doorstep
