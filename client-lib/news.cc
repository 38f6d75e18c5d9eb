#include "client-lib/news.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "client-lib/names.h"
#include "client-lib/replica_impl.h"
#include "doorstep/news.h"
#include "doorstep/replica.h"
#include "sync/base/status.h"
#include "sync/cases/title.h"
#include "sync/cases/words.h"
#include "sync/change/wire.h"
#include "sync/schema/due.h"
#include "sync/tables/stopped.h"

namespace doorstep {
namespace client {
namespace {

// "20 November 2026"; what is no day as the schema says it.
std::string ValueInSentence(const FieldSpec& field, absl::string_view value) {
  const auto scalar = DecodeScalar(field.scalar, value);
  absl::CivilDay day;
  if (field.scalar.format != StringFormat::kCivilDate || !scalar.ok() ||
      !absl::ParseCivilTime(scalar->bytes, &day)) {
    return ValueWords(field, value);
  }
  const absl::TimeZone utc = absl::UTCTimeZone();
  return absl::StrCat(day.day(), " ", absl::FormatTime("%B %E4Y", absl::FromCivil(day, utc), utc));
}

// Told so far, by record: true, that it closes; false, that it was taken back.
using Told = absl::btree_map<Uuid, bool>;

absl::StatusOr<Told> ReadTold(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, store.db().Prepared("SELECT record, closed FROM _told ORDER BY record"));
  const ScopedReset done(list);
  Told told;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return told;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
    told.emplace(record, list->Int(1) != 0);
  }
}

News Describe(const Store& store, const RecordState& record, const FieldSpec& field,
              bool taken_back, bool read) {
  News news;
  news.record = record.id.ToString();
  news.kind = store.KindName(record.kind);
  news.title = TitleOf(store.schema(), record);
  news.words = ClosingSentence(store.schema(), record, field, taken_back);
  news.taken_back = taken_back;
  news.read = read;
  if (const FieldState* held = record.Find(field.number()); held != nullptr) {
    for (const Head& head : held->heads) {
      if (head.time_ms < news.time_ms) continue;
      news.time_ms = head.time_ms;
      news.author = head.author;
    }
  }
  return news;
}

absl::StatusOr<std::vector<News>> ReadNews(Store& store, bool all) {
  DOORSTEP_ASSIGN_OR_RETURN(const Told told, ReadTold(store));
  DOORSTEP_ASSIGN_OR_RETURN(const Stopped stopped, Stopped::Read(store.tables()));
  std::vector<News> out;
  for (const RecordState& record : stopped.marked()) {
    if (!stopped.Closes(record.id)) continue;
    const auto known = told.find(record.id);
    const bool read = known != told.end() && known->second;
    const FieldSpec* field = ClosingField(*store.schema().Find(record.kind));
    if (!read || all) out.push_back(Describe(store, record, *field, /*taken_back=*/false, read));
  }
  for (const auto& [id, was_closed] : told) {
    if (was_closed || all) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> record, store.tables().Load(id));
      const KindSpec* kind = record ? store.schema().Find(record->kind) : nullptr;
      const FieldSpec* field = kind == nullptr ? nullptr : ClosingField(*kind);
      if (field == nullptr || ClosedBy(record->Find(field->number())) != Closed::kNo) continue;
      out.push_back(Describe(store, *record, *field, /*taken_back=*/true, /*read=*/!was_closed));
    }
  }
  std::sort(out.begin(), out.end(), [](const News& a, const News& b) {
    return std::tie(b.time_ms, b.record) < std::tie(a.time_ms, a.record);
  });
  return out;
}

absl::Status Mark(Store& store, const News& news, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::Parse(news.record));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * mark,
      store.db().Prepared("INSERT INTO _told(record, closed, read_ms) VALUES(?1, ?2, ?3)"
                          " ON CONFLICT(record) DO UPDATE SET closed = ?2, read_ms = ?3"));
  mark->BindBlob(1, record.AsBytes()).BindInt(2, news.taken_back ? 0 : 1);
  return mark->BindInt(3, now_ms).Run();
}

}  // namespace

std::string ClosingSentence(const Schema& schema, const RecordState& record, const FieldSpec& field,
                            bool taken_back) {
  const std::optional<ClosingWords> words = ClosingOf(field);
  if (!words.has_value()) return "";
  std::vector<std::string> values;
  if (const FieldState* held = record.Find(field.number()); held != nullptr) {
    for (const Head& head : held->heads) {
      std::string value = head.value.empty() ? "" : ValueInSentence(field, head.value);
      const bool known = absl::c_linear_search(values, value);
      if (!value.empty() && !known) values.push_back(std::move(value));
    }
  }
  return absl::StrReplaceAll(
      taken_back ? words->taken_back : words->told,
      {{"{title}", TitleOf(schema, record)}, {"{value}", absl::StrJoin(values, " or ")}});
}

absl::Status ForgetTold(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            store.db().Prepared("DELETE FROM _told WHERE record = ?1"));
  return forget->BindBlob(1, record.AsBytes()).Run();
}

}  // namespace client

absl::StatusOr<std::vector<News>> ListNews(Replica& replica, bool all) {
  client::Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  return client::ReadNews(store, all);
}

absl::Status MarkNewsRead(Replica& replica, const std::vector<std::string>& records) {
  if (replica.inside().options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  client::Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<News> all, client::ReadNews(store, /*all=*/true));
  for (const std::string& each : records) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, client::ParseId("news", each));
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&](const News& news) { return news.record == id.ToString(); });
    if (!known) {
      return absl::NotFoundError(
          absl::StrCat("news: got ", id.ToString(), ", wanted the record of one that is here"));
    }
  }
  const int64_t now_ms = std::max<int64_t>(1, replica.inside().clock.Read().wall_ms);
  for (const News& news : all) {
    const bool asked = records.empty() || absl::c_linear_search(records, news.record);
    if (asked && !news.read) DOORSTEP_RETURN_IF_ERROR(client::Mark(store, news, now_ms));
  }
  return write.Commit();
}

}  // namespace doorstep
