#include "client-lib/search_index.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/tables/ddl.h"

namespace doorstep::client {
namespace {

// A replica that outgrows this would need 2^40 rows of one kind.
constexpr int kRowBits = 40;

bool HasFullText(const KindSpec& kind) {
  for (const FieldSpec& field : kind.fields) {
    if (field.full_text) return true;
  }
  return false;
}

// A SET is a JSON array in its column.
std::string ElementsOf(absl::string_view json) {
  const auto array = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  std::string text;
  if (!array.is_array()) return text;
  for (const auto& element : array) {
    if (element.is_string()) absl::StrAppend(&text, element.get_ref<const std::string&>(), "\n");
  }
  return text;
}

uint64_t HashOf(absl::string_view title, absl::string_view rest) {
  return absl::HashOf(title, rest);
}

}  // namespace

int64_t DocumentOf(const RecordTables::Place& place) {
  return (int64_t{place.kind} << kRowBits) | place.row;
}

RecordTables::Place PlaceOfDocument(int64_t document) {
  return {static_cast<uint32_t>(document >> kRowBits), document & ((int64_t{1} << kRowBits) - 1)};
}

std::string SearchIndex::Marked() const {
  std::string marked;
  for (const KindSpec& kind : schema_->kinds()) {
    for (const FieldSpec& field : kind.fields) {
      if (!field.full_text) continue;
      absl::StrAppend(&marked, kind.number, ".", field.number(),
                      field.scalar.name == kind.title ? "t " : " ");
    }
  }
  return absl::StrCat(kSearchTokenizer, ": ", marked);
}

absl::Status SearchIndex::Build() {
  noted_.clear();
  // Few merges while a first sync fills it; reading is no slower for a few dozen segments.
  DOORSTEP_RETURN_IF_ERROR(db_->Exec(absl::StrCat(
      "DROP TABLE IF EXISTS _search;"
      "CREATE VIRTUAL TABLE _search USING fts5(title, rest, content='', contentless_delete=1,"
      " tokenize='",
      kSearchTokenizer, "');INSERT INTO _search(_search, rank) VALUES('automerge', 16);")));
  for (const KindSpec& kind : schema_->kinds()) {
    if (!HasFullText(kind)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        db_->Prepare(absl::StrCat("SELECT _row FROM ",
                                  QuoteIdentifier(absl::StrCat("k_", kind.table)),
                                  " ORDER BY _row")));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      const RecordTables::Place place{kind.number, list->Int(0)};
      DOORSTEP_ASSIGN_OR_RETURN(const Words words, WordsOf(place));
      if (words.title.empty() && words.rest.empty()) continue;
      DOORSTEP_RETURN_IF_ERROR(Put(DocumentOf(place), words));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<uint32_t, std::string>>> SearchIndex::TextsOf(
    const RecordTables::Place& place) {
  std::vector<std::pair<uint32_t, std::string>> texts;
  const KindSpec* kind = schema_->Find(place.kind);
  if (kind == nullptr || !HasFullText(*kind)) return texts;
  std::string columns;
  for (const FieldSpec& field : kind->fields) {
    if (!field.full_text) continue;
    absl::StrAppend(&columns, columns.empty() ? "" : ", ", QuoteIdentifier(field.scalar.column));
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * select,
      db_->Prepared(absl::StrCat("SELECT ", columns, " FROM ",
                                 QuoteIdentifier(absl::StrCat("k_", kind->table)),
                                 " WHERE _row = ?1")));
  ScopedReset done(select);
  select->BindInt(1, place.row);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return texts;
  int column = 0;
  for (const FieldSpec& field : kind->fields) {
    if (!field.full_text) continue;
    const absl::string_view value = select->Text(column++);
    std::string text = field.is_set() ? ElementsOf(value) : std::string(value);
    if (!text.empty()) texts.emplace_back(field.number(), std::move(text));
  }
  return texts;
}

absl::StatusOr<SearchIndex::Words> SearchIndex::WordsOf(const RecordTables::Place& place) {
  DOORSTEP_ASSIGN_OR_RETURN(const auto texts, TextsOf(place));
  Words words;
  for (const auto& [number, text] : texts) {
    const KindSpec& kind = *schema_->Find(place.kind);
    std::string& to = kind.Find(number)->scalar.name == kind.title ? words.title : words.rest;
    absl::StrAppend(&to, text, "\n");
  }
  return words;
}

absl::Status SearchIndex::Put(int64_t document, const Words& words) {
  if (words.title.empty() && words.rest.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * remove,
                              db_->Prepared("DELETE FROM _search WHERE rowid = ?1"));
    return remove->BindInt(1, document).Run();
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db_->Prepared("INSERT OR REPLACE INTO _search(rowid, title, rest) VALUES(?1, ?2, ?3)"));
  return put->BindInt(1, document).BindText(2, words.title).BindText(3, words.rest).Run();
}

absl::Status SearchIndex::Note(const RecordTables::Place& place, bool is_new) {
  const KindSpec* kind = schema_->Find(place.kind);
  if (kind == nullptr || !HasFullText(*kind)) return absl::OkStatus();
  const auto [noted, first] = noted_.try_emplace(DocumentOf(place), HashOf("", ""));
  if (!first || is_new) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const Words words, WordsOf(place));
  noted->second = HashOf(words.title, words.rest);
  return absl::OkStatus();
}

absl::Status SearchIndex::Flush() {
  // In order of document: FTS5 writes a segment each time that the order is broken.
  for (const auto& [document, before] : noted_) {
    DOORSTEP_ASSIGN_OR_RETURN(const Words words, WordsOf(PlaceOfDocument(document)));
    if (HashOf(words.title, words.rest) == before) continue;
    DOORSTEP_RETURN_IF_ERROR(Put(document, words));
  }
  if (purge_) {
    DOORSTEP_RETURN_IF_ERROR(db_->Exec("INSERT INTO _search(_search) VALUES('optimize')"));
  }
  Forget();
  return absl::OkStatus();
}

void SearchIndex::Forget() {
  noted_.clear();
  purge_ = false;
}

}  // namespace doorstep::client
