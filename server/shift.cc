#include "server/shift.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

std::string Counted(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

absl::Status ReadSite(Database& db, absl::string_view site, int64_t since_ms, Shift* out) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db.Prepared("SELECT s.name, (SELECT count(DISTINCT u.author) FROM _device AS d "
                  "JOIN _unit AS u ON u.device = d.ref "
                  "WHERE d.site = s.ref AND u.received_ms >= ?2) FROM _site AS s WHERE s.id = ?1"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindText(1, site).BindInt(2, since_ms).Step());
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("site: got ", Quoted(site), ", wanted one of this tenant's (site list)"));
  }
  out->site = std::string(site);
  out->name = std::string(find->Text(0));
  out->people = find->Int(1);
  return absl::OkStatus();
}

// What came from a tablet since the shift's end began, and from how many people.
absl::Status AddReceived(Database& db, int64_t since_ms, ShiftTablet* tablet) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * count,
      db.Prepared("SELECT ifnull(sum(u.changes), 0), count(DISTINCT u.author) FROM _unit AS u "
                  "JOIN _device AS d ON d.ref = u.device WHERE d.id = ?1 AND u.received_ms >= ?2"));
  const ScopedReset done(count);
  DOORSTEP_RETURN_IF_ERROR(
      count->BindBlob(1, tablet->id.AsBytes()).BindInt(2, since_ms).Step().status());
  tablet->received = count->Int(0);
  tablet->people = count->Int(1);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ShiftTablet>> ReadTablets(Database& db, absl::string_view site,
                                                     int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(
          "SELECT d.id, d.name, d.last_contact_ms, d.pending, d.waiting_from, d.waiting_until, "
          "(SELECT ifnull(sum(u.changes), 0) FROM _incarnation AS i "
          "JOIN _unit AS u ON u.incarnation = i.ref WHERE i.id = d.incarnation "
          "AND u.counter >= d.waiting_from AND u.counter < d.waiting_until) "
          "FROM _device AS d JOIN _site AS s ON s.ref = d.site WHERE s.id = ?1 "
          "ORDER BY d.name, d.id"));
  const ScopedReset done(list);
  list->BindText(1, site);
  std::vector<ShiftTablet> tablets;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return tablets;
    ShiftTablet& tablet = tablets.emplace_back();
    DOORSTEP_ASSIGN_OR_RETURN(tablet.id, Uuid::FromBytes(list->Blob(0)));
    tablet.name = std::string(list->Text(1));
    tablet.last_seen_ms = list->Int(2);
    tablet.exact = list->Int(5) > 0;
    tablet.pending = tablet.exact ? std::max<int64_t>(0, list->Int(5) - list->Int(4) - list->Int(6))
                                  : list->Int(3);
    tablet.expected = tablet.last_seen_ms >= now_ms - kExpectedMs;
  }
}

absl::StatusOr<Shift> ReadShift(Database& db, absl::string_view site, int64_t within_ms,
                                int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction snapshot, Transaction::Begin(db, Transaction::Mode::kRead));
  Shift shift;
  shift.as_of_ms = now_ms;
  shift.since_ms = now_ms - within_ms;
  DOORSTEP_RETURN_IF_ERROR(ReadSite(db, site, shift.since_ms, &shift));
  DOORSTEP_ASSIGN_OR_RETURN(shift.tablets, ReadTablets(db, site, now_ms));
  for (ShiftTablet& tablet : shift.tablets) {
    DOORSTEP_RETURN_IF_ERROR(AddReceived(db, shift.since_ms, &tablet));
    tablet.in = tablet.last_seen_ms >= shift.since_ms && tablet.pending == 0;
  }
  DOORSTEP_RETURN_IF_ERROR(snapshot.Commit());
  for (const ShiftTablet& tablet : shift.tablets) {
    shift.received += tablet.received;
    if (!tablet.expected) continue;
    ++shift.expected;
    shift.in += tablet.in ? 1 : 0;
    shift.pending += tablet.pending;
  }
  std::stable_sort(shift.tablets.begin(), shift.tablets.end(),
                   [](const ShiftTablet& a, const ShiftTablet& b) {
                     return std::make_tuple(!a.expected, a.in) < std::make_tuple(!b.expected, b.in);
                   });
  return shift;
}

std::string Shift::ToText() const {
  std::string text =
      absl::StrFormat("%s at %s\n%d of %s in, %s pending; since %s %s received from %s\n", name,
                      FormatUtc(as_of_ms), in, Counted(expected, "tablet", "tablets"),
                      Counted(pending, "change", "changes"), FormatUtc(since_ms),
                      Counted(received, "change", "changes"), Counted(people, "person", "people"));
  for (const ShiftTablet& tablet : tablets) {
    absl::StrAppendFormat(&text, "  %-8s %-24s last seen %s, %d pending%s, %d received from %s\n",
                          tablet.in         ? "in"
                          : tablet.expected ? "NOT IN"
                                            : "long ago",
                          tablet.name, FormatUtc(tablet.last_seen_ms), tablet.pending,
                          tablet.exact ? "" : " (as it said)", tablet.received,
                          Counted(tablet.people, "person", "people"));
  }
  if (attachments_missing > 0) {
    absl::StrAppend(&text, "Of records that are here, ",
                    Counted(attachments_missing, "attachment", "attachments"), " (",
                    attachment_bytes_missing, " bytes) ", attachments_missing == 1 ? "is" : "are",
                    " still on a tablet: let it sync.\n");
  }
  if (in < expected) {
    absl::StrAppend(&text,
                    "What a tablet that is not in has recorded since it was last seen is not "
                    "known here: let it sync.\n");
  }
  return text;
}

std::string Shift::ToJson() const {
  nlohmann::json list = nlohmann::json::array();
  for (const ShiftTablet& tablet : tablets) {
    list.push_back({{"id", tablet.id.ToString()},
                    {"name", tablet.name},
                    {"in", tablet.in},
                    {"expected", tablet.expected},
                    {"last_seen", FormatUtc(tablet.last_seen_ms)},
                    {"pending", tablet.pending},
                    {"pending_is_exact", tablet.exact},
                    {"received", tablet.received},
                    {"people", tablet.people}});
  }
  const nlohmann::json json = {{"site", site},
                               {"name", name},
                               {"as_of", FormatUtc(as_of_ms)},
                               {"since", FormatUtc(since_ms)},
                               {"tablets_in", in},
                               {"tablets_expected", expected},
                               {"pending", pending},
                               {"received", received},
                               {"people", people},
                               {"attachments_missing", attachments_missing},
                               {"attachment_bytes_missing", attachment_bytes_missing},
                               {"tablets", std::move(list)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace doorstep::server
