#include "doorstep/why.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client-lib/lost.h"
#include "client-lib/names.h"
#include "client-lib/news.h"
#include "client-lib/outbox.h"
#include "client-lib/own_changes.h"
#include "client-lib/replica_impl.h"
#include "client-lib/titles.h"
#include "doorstep/attachments.h"
#include "doorstep/replica.h"
#include "sync/base/status.h"
#include "sync/cases/title.h"
#include "sync/change/site_file.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/schema/due.h"
#include "sync/tables/stopped.h"

namespace doorstep {
namespace {

using client::Outbox;
using client::Store;

// Records that refer to one that is not here, as told: some show what kind of thing it is.
constexpr int kMaxReferring = 3;

class Asked {
 public:
  Asked(Replica& replica, const Uuid& id)
      : replica_(replica), store_(*replica.inside().store), id_(id) {
    why_.id = id.ToString();
  }

  absl::StatusOr<RecordWhy> Answer();

 private:
  void Say(std::string code, std::string text, int64_t time_ms = 0, std::string todo = "") {
    why_.reasons.push_back({std::move(code), std::move(text), time_ms, std::move(todo)});
  }
  absl::Status ReadOwnUnits();
  absl::Status SayHere(const RecordState& state);
  absl::Status SayWhoseFile(const RecordState& state);
  void SayWhatIsNotShown(const RecordState& state, const KindSpec* kind);
  absl::Status SayAttachment(const RecordState& state, const KindSpec* kind);
  absl::Status SayUndecided(const KindSpec* kind);
  absl::Status SayStopped(const RecordState& state, const KindSpec* kind);
  void SayOwnChanges();
  absl::Status SayNotHere();
  absl::Status SayReferring();
  absl::Status SayFresh();
  absl::StatusOr<bool> Exists(absl::string_view sql);

  Replica& replica_;
  Store& store_;
  const Uuid id_;
  std::string site_;
  std::string site_file_;
  RecordWhy why_;
  std::vector<OwnChange> own_;  // of the record, oldest first
};

absl::StatusOr<bool> Asked::Exists(absl::string_view sql) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find, store_.db().Prepared(sql));
  const ScopedReset done(find);
  return find->BindBlob(1, id_.AsBytes()).Step();
}

absl::Status Asked::ReadOwnUnits() {
  Outbox outbox(store_);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> naming, outbox.Naming(id_));
  for (const int64_t place : naming) {
    DOORSTEP_ASSIGN_OR_RETURN(const client::OwnUnit own, outbox.Load(place));
    const absl::StatusOr<Unit> unit = outbox.Decode(own);
    // What this program cannot read it cannot explain either.
    if (!unit.ok()) continue;
    for (size_t i = 0; i < unit->changes.size(); ++i) {
      if (unit->changes[i].record != id_ || unit->changes[i].Withdraws()) continue;
      own_.push_back(client::Describe(store_, own, *unit, i));
    }
  }
  return absl::OkStatus();
}

absl::Status Asked::SayWhoseFile(const RecordState& state) {
  const Uuid& file = state.compartment.file;
  std::string of = absl::StrCat("file ", file.ToString());
  if (file == id_) {
    of = "its own file";
  } else if (why_.file == site_file_) {
    of = "the site's file";
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> owner, store_.tables().Load(file));
    if (owner.has_value()) {
      of = absl::StrCat("the record of ", TitleOf(store_.schema(), *owner));
    }
  }
  bool received = false;
  int64_t first_ms = std::numeric_limits<int64_t>::max();
  std::string author;
  for (const FieldState& field : state.fields) {
    for (const Head& head : field.heads) {
      received = received || head.sequence != 0;
      if (head.time_ms >= first_ms) continue;
      first_ms = head.time_ms;
      author = head.author;
    }
  }
  if (received) {
    Say("SHARED_WITH_SITE",
        absl::StrCat("Here because it stands in ", of, ", which is shared with ", site_, "."));
  }
  if (!own_.empty()) {
    Say("WRITTEN_HERE",
        absl::StrCat(received ? "Also written" : "Here because it was written",
                     " on this device, by ", own_.front().author, ", in ", of, "."),
        own_.front().device_time_ms);
  }
  return absl::OkStatus();
}

void Asked::SayWhatIsNotShown(const RecordState& state, const KindSpec* kind) {
  if (const auto because = HiddenBecause(state); because.has_value()) {
    const FieldState* mark = state.Find(kHiddenField);
    const Head* last = mark == nullptr || mark->heads.empty() ? nullptr : &mark->heads.back();
    Say("HIDDEN",
        absl::StrCat("Left out of lists: hidden", last == nullptr ? "" : " by ",
                     last == nullptr ? "" : last->author, ", because: ", *because),
        last == nullptr ? 0 : last->time_ms, absl::StrCat("doorstep unhide ", why_.id));
  }
  if (kind == nullptr) {
    Say("UNKNOWN_KIND", "Kept, and not shown: it is of a kind that this program does not know.", 0,
        "a newer version of this program shows it");
    return;
  }
  std::vector<std::string> unknown;
  for (const FieldState& field : state.fields) {
    if (kind->FindWithMarks(field.field) == nullptr) unknown.push_back(absl::StrCat(field.field));
  }
  if (!unknown.empty()) {
    Say("UNKNOWN_FIELDS",
        absl::StrCat("Parts of it are kept and not shown (", absl::StrJoin(unknown, ", "),
                     "): a newer program wrote them."),
        0, "a newer version of this program shows them");
  }
}

absl::Status Asked::SayAttachment(const RecordState& state, const KindSpec* kind) {
  if (kind == nullptr || kind->FindAttachment(AttachmentPart::kSha256) == nullptr) {
    return absl::OkStatus();
  }
  const absl::StatusOr<AttachmentInfo> info = FindAttachment(replica_, state.id.ToString());
  if (absl::IsNotFound(info.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(info.status());
  const std::string part = absl::StrCat(info->bytes_here, " of ", info->size, " bytes are here");
  if (info->state == AttachmentState::kOnItsWay) {
    Say("ATTACHMENT_ON_ITS_WAY",
        absl::StrCat("Its attachment is on its way: ", part,
                     ". It comes once the device that made it has handed it over."),
        0, "doorstep sync");
  } else if (info->state == AttachmentState::kNotAsked) {
    Say("ATTACHMENT_NOT_ASKED",
        absl::StrCat("Its attachment comes when somebody asks for it: ", part, "."), 0,
        absl::StrCat("doorstep attachment get ", why_.id, " --out FILE"));
  } else if (!info->at_server) {
    Say("ATTACHMENT_WAITS",
        absl::StrCat("Its attachment waits here to be sent, after all records: the server has ",
                     info->bytes_sent, " of ", info->size, " bytes."),
        0, "doorstep sync");
  }
  return absl::OkStatus();
}

absl::Status Asked::SayUndecided(const KindSpec* kind) {
  if (kind == nullptr) return absl::OkStatus();
  std::vector<uint32_t> fields;
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * open,
      store_.db().Prepared("SELECT field FROM _conflict WHERE record = ?1 ORDER BY field"));
  ScopedReset done(open);
  open->BindBlob(1, id_.AsBytes());
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, open->Step());
    if (!more) break;
    fields.push_back(static_cast<uint32_t>(open->Int(0)));
  }
  for (const uint32_t number : fields) {
    const FieldSpec* field = kind->FindWithMarks(number);
    if (field == nullptr) continue;
    const std::string todo = absl::StrCat("doorstep conflict ", CaseId(id_, number).ToString());
    if (number == kAssessedField) {
      Say("NOT_ASSESSED", "Changed by two people, and nobody has assessed the whole.", 0, todo);
      continue;
    }
    Say("UNDECIDED",
        absl::StrCat("Two versions of the ", field->label,
                     " stand; what is shown counts until somebody has decided."),
        0, todo);
  }
  return absl::OkStatus();
}

absl::Status Asked::SayStopped(const RecordState& state, const KindSpec* kind) {
  DOORSTEP_ASSIGN_OR_RETURN(Stopped stopped, Stopped::Read(store_.tables()));
  DOORSTEP_ASSIGN_OR_RETURN(const bool has_stopped, stopped.Has(state));
  if (!has_stopped || kind == nullptr) return absl::OkStatus();
  if (const FieldSpec* closing = ClosingField(*kind); closing != nullptr) {
    Say("STOPPED", client::ClosingSentence(store_.schema(), state, *closing, /*taken_back=*/false));
    return absl::OkStatus();
  }
  // One of those whom it is about, who is here because it has stopped.
  for (const RecordState& each : stopped.marked()) {
    const FieldSpec& closing = *ClosingField(*store_.schema().Find(each.kind));
    DOORSTEP_ASSIGN_OR_RETURN(const bool is_about, stopped.IsAbout(state, each.id));
    if (!is_about) continue;
    Say("STOPPED", absl::StrCat("Nothing in it is due any more. ",
                                client::ClosingSentence(store_.schema(), each, closing, false)));
  }
  return absl::OkStatus();
}

// What its people have written and others do not have, or do not have so.
void Asked::SayOwnChanges() {
  uint64_t waiting = 0, sent = 0;
  int64_t since_ms = 0, sent_ms = 0;
  for (const OwnChange& own : own_) {
    if (own.state == ChangeState::kWaiting) {
      uint64_t& count = own.sent ? sent : waiting;
      int64_t& since = own.sent ? sent_ms : since_ms;
      if (count++ == 0) since = own.device_time_ms;
    }
    if (!own.needs_you) continue;
    if (own.state == ChangeState::kHeld) {
      Say("HELD", absl::StrCat(own.author, "'s change waits on the server: ", own.reason),
          own.device_time_ms, own.what_to_do);
    } else {
      Say("REFUSED", absl::StrCat(own.author, "'s change was not received: ", own.reason),
          own.device_time_ms,
          absl::StrCat(own.what_to_do, own.what_to_do.empty() ? "" : "; ",
                       "doorstep outbox shows what it asked for"));
    }
  }
  const auto changes = [](uint64_t count) {
    return count == 1 ? std::string("A change") : absl::StrCat(count, " changes");
  };
  if (waiting > 0) {
    Say("WAITING_TO_SEND",
        absl::StrCat(changes(waiting), " made here ", waiting == 1 ? "waits" : "wait",
                     " to be sent; others do not see ", waiting == 1 ? "it" : "them", " yet."),
        since_ms, "doorstep sync");
  }
  if (sent > 0) {
    Say("SENT_NO_ANSWER",
        absl::StrCat(changes(sent), " made here ", sent == 1 ? "was" : "were",
                     " sent, and the answer has not come yet."),
        sent_ms, "doorstep sync");
  }
}

absl::Status Asked::SayHere(const RecordState& state) {
  const KindSpec* kind = store_.schema().Find(state.kind);
  why_.here = true;
  why_.kind = store_.KindName(state.kind);
  why_.file = state.compartment.file.ToString();
  why_.tier = client::TierName(state.compartment.tier);
  if (kind != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(why_.title, client::TitleWithFile(store_, state));
  }
  DOORSTEP_RETURN_IF_ERROR(SayWhoseFile(state));
  SayWhatIsNotShown(state, kind);
  DOORSTEP_RETURN_IF_ERROR(SayAttachment(state, kind));
  SayOwnChanges();
  DOORSTEP_RETURN_IF_ERROR(SayUndecided(kind));
  return SayStopped(state, kind);
}

// Records that are here and name it.
absl::Status Asked::SayReferring() {
  std::vector<std::string> names;
  for (const KindSpec& kind : store_.schema().kinds()) {
    for (const FieldSpec& field : kind.fields) {
      if (field.reference.empty() || field.is_set() || !field.parts.empty()) continue;
      if (names.size() >= kMaxReferring) break;
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> referring,
                                store_.tables().Referring(kind, field, id_));
      for (const RecordState& each : referring) {
        if (names.size() < kMaxReferring) {
          names.push_back(absl::StrCat(kind.label, " ", each.id.ToString()));
        }
      }
    }
  }
  if (!names.empty()) {
    Say("REFERRED_TO",
        absl::StrCat("Records here refer to it (", absl::StrJoin(names, ", "),
                     "): it is, or was, somewhere; its file need not be shared with this site."));
  }
  return absl::OkStatus();
}

absl::Status Asked::SayNotHere() {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t complete, store_.Int(client::key::kComplete));
  DOORSTEP_ASSIGN_OR_RETURN(const bool staged,
                            Exists("SELECT 1 FROM _staged WHERE record = ?1 LIMIT 1"));
  if (staged) {
    Say("ON_ITS_WAY",
        "It has arrived, and shows as soon as the sync that was cut has been finished.", 0,
        "doorstep sync");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const bool taken_back, client::IsWithdrawn(store_, id_));
  if (taken_back) {
    Say("TAKEN_OFF",
        "It was taken off all devices, because it does not belong where it stood. The server keeps "
        "it.",
        0, "ask whoever answers for information governance");
  }
  const size_t said = why_.reasons.size();
  SayOwnChanges();
  const bool parked = why_.reasons.size() > said;
  const auto withdrawn = std::find_if(own_.begin(), own_.end(), [](const OwnChange& own) {
    return own.state == ChangeState::kWithdrawn;
  });
  if (withdrawn != own_.end()) {
    Say("WITHDRAWN",
        absl::StrCat("Written on this device by ", withdrawn->author,
                     ", refused, and withdrawn because: ", withdrawn->withdrawn_because),
        withdrawn->device_time_ms);
  }
  const bool was_here = std::any_of(own_.begin(), own_.end(), [](const OwnChange& own) {
    return own.state == ChangeState::kApplied || own.state == ChangeState::kMerged ||
           own.state == ChangeState::kConflict;
  });
  if (was_here && complete != 0 && !staged && !taken_back) {
    Say("NO_LONGER_SHARED",
        absl::StrCat("It was here (this device wrote to it) and was taken away: its file is no "
                     "longer shared with ",
                     site_, ". What was written stays on the server."),
        own_.back().device_time_ms,
        absl::StrCat("if ", site_, " should have it: doorstep-server file share"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const bool file_lost, client::IsFileLost(store_, id_));
  if (file_lost && !was_here) {
    Say("NO_LONGER_SHARED",
        absl::StrCat("Its file was here and was taken away: it is no longer shared with ", site_,
                     ". What was written here of it has been handed over, and has left this "
                     "device."),
        0, absl::StrCat("if ", site_, " should have it: doorstep-server file share"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const bool file,
                            Exists("SELECT 1 FROM _compartment WHERE file = ?1 LIMIT 1"));
  if (file) Say("FILE_ONLY", "This is the id of a file, whose records are here or were.");
  DOORSTEP_RETURN_IF_ERROR(SayReferring());
  const bool said_why = staged || taken_back || parked || was_here || file_lost || file;
  if (said_why || withdrawn != own_.end()) return absl::OkStatus();
  if (complete == 0) {
    Say("ON_ITS_WAY", "It may be on its way: not all records have come yet.", 0, "doorstep sync");
    return absl::OkStatus();
  }
  Say("NEVER_SEEN",
      absl::StrCat("Nothing of it is on this device, and as far as this device knows it is not "
                   "shared with ",
                   site_,
                   ". Its file belongs to other sites, or was taken from this one, or who wrote it "
                   "has not synced yet, or the id is another."),
      0,
      absl::StrCat("sync, then ask who wrote it; doorstep-server file share gives ", site_,
                   " its file"));
  return absl::OkStatus();
}

absl::Status Asked::SayFresh() {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t complete, store_.Int(client::key::kComplete));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t up_to_date, store_.Int(client::key::kUpToDateAt));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t repair, store_.Int(client::key::kRepair));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store_.Int(client::key::kEpoch));
  if (repair != 0) {
    Say("BEING_REPAIRED",
        "All records are being received again; until that is finished some may "
        "be older than others.",
        0, "doorstep sync");
  }
  if (up_to_date != 0) {
    Say("AS_KNOWN_AT", "What others have written is as it was known at the last sync.", up_to_date);
  } else if (epoch == 0) {
    Say("NEVER_SYNCED", "This device has never synced: it shows what was written on it.", 0,
        "doorstep sync");
  }
  if (complete == 0 && epoch != 0 && repair == 0) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t held,
                              store_.db().QueryInt("SELECT count(*) FROM _record"));
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t expected, store_.Int(client::key::kExpected));
    Say("FIRST_SYNC_UNFINISHED",
        absl::StrCat("The first sync has not finished: ", held, " of about ",
                     std::max(held, expected), " records have come."),
        0, "doorstep sync");
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordWhy> Asked::Answer() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string tenant, store_.Text(client::key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(site_, store_.Text(client::key::kSite));
  site_file_ = SiteFile(tenant, site_).ToString();
  DOORSTEP_RETURN_IF_ERROR(ReadOwnUnits());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, store_.tables().Load(id_));
  DOORSTEP_RETURN_IF_ERROR(state.has_value() ? SayHere(*state) : SayNotHere());
  DOORSTEP_RETURN_IF_ERROR(SayFresh());
  return std::move(why_);
}

}  // namespace

absl::StatusOr<RecordWhy> Why(Replica& replica, absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  return Asked(replica, record).Answer();
}

}  // namespace doorstep
