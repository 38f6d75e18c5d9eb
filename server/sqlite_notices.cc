// Notices of one device, by SQL.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {
namespace {}  // namespace

absl::StatusOr<std::vector<NoticeRow>> ReadNotices(Database& db, const Uuid& device,
                                                   NoticePlace after, size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(
          "SELECT n.sequence, n.place, n.compartment, n.record, n.kind, n.field, i.id, n.counter, "
          "a.name, j.id, n.by_counter, b.name, n.by_time_ms, n.word FROM _notice AS n "
          "JOIN _incarnation AS i ON i.ref = n.incarnation JOIN _author AS a ON a.ref = n.author "
          "JOIN _incarnation AS j ON j.ref = n.by_incarnation "
          "JOIN _author AS b ON b.ref = n.by_author "
          "WHERE n.device = (SELECT ref FROM _device WHERE id = ?1) "
          "AND (n.sequence, n.place) > (?2, ?3) ORDER BY n.sequence, n.place LIMIT ?4"));
  list->BindBlob(1, device.AsBytes()).BindInt(2, Column(after.sequence));
  list->BindInt(3, Column(after.place)).BindInt(4, Column(limit));
  std::vector<NoticeRow> notices;
  ScopedReset done(list);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return notices;
    const Statement& s = *list;
    NoticeRow& row = notices.emplace_back();
    row.device = device;
    row.sequence = static_cast<uint64_t>(s.Int(0));
    row.place = static_cast<uint32_t>(s.Int(1));
    row.compartment = s.Int(2);
    DOORSTEP_ASSIGN_OR_RETURN(row.record, Uuid::FromBytes(s.Blob(3)));
    row.kind = static_cast<uint32_t>(s.Int(4));
    row.field = static_cast<uint32_t>(s.Int(5));
    DOORSTEP_ASSIGN_OR_RETURN(row.what.change.incarnation, Uuid::FromBytes(s.Blob(6)));
    row.what.change.counter = static_cast<uint64_t>(s.Int(7));
    row.what.author = std::string(s.Text(8));
    DOORSTEP_ASSIGN_OR_RETURN(row.what.by.incarnation, Uuid::FromBytes(s.Blob(9)));
    row.what.by.counter = static_cast<uint64_t>(s.Int(10));
    row.what.by_author = std::string(s.Text(11));
    row.what.by_time_ms = s.Int(12);
    row.what.word = static_cast<Word>(s.Int(13));
  }
}

}  // namespace doorstep::server::internal
