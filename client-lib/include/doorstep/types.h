// The values that a replica hands out.
#ifndef DOORSTEP_TYPES_H_
#define DOORSTEP_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace doorstep {

// Ids are text: UUIDs in lower case, 8-4-4-4-12. Times are ms since 1970-01-01 UTC.

enum class ChangeState : uint8_t {
  kWaiting,  // waiting to be sent, or sent and without outcome
  kApplied,
  kMerged,
  kConflict,
  kHeld,
  kRejected,
  kWithdrawn,
};

// A field as a screen says it: "risk with support" and "12 high (4 x 3) - "lost his way"".
struct FieldWords {
  std::string field;  // the schema's name
  std::string label;
  std::string words;     // nothing is cut; times that no place is known of are UTC
  bool removed = false;  // of a change: cleared it, or with `words`, took that element out of a set
};

// One version of a field that nobody has yet seen and replaced.
struct Version {
  std::string change;  // "incarnation:counter"
  std::string author;
  int64_t time_ms = 0;
  bool pending = false;  // made here, not yet received by the server
  std::string json;      // the value as protobuf JSON; "null" = no value
  std::string words;     // of a conflict's version: the value as a screen says it, "12 high"
  std::string settled;   // the reason, when this version settled a conflict
  bool removes = false;  // of a set: proposes to take the element out
  std::string field;     // of a case over a whole assessment: the record and field that it is of
  std::string record;
  std::string label;  // of that field
  // What its author's device said, and how far the admitted time may be off; 0 where this replica
  // has not been told (FindConflict with a transport asks the server).
  int64_t device_time_ms = 0;
  int64_t uncertainty_ms = 0;
};

// Somebody who answers for a record.
struct CasePerson {
  std::string name;  // empty = nobody is named
  std::string role;  // "worker", "lead", "deputy", "duty contact"
};

// Two versions of one field that people must decide between. All of it is derived from records when
// it is read, also without a link: who decides comes from the records that say who answers for the
// file and its site.
struct Conflict {
  std::string case_id;
  std::string record;
  std::string kind;
  std::string field;
  std::string label;              // what a screen calls the field
  std::string title;              // what a screen calls the record: "Peter Hall - Going out"
  bool safety = false;            // safety-critical
  bool rating = false;            // versions are ratings, with score and band
  std::vector<Version> versions;  // oldest first
  std::string seen;               // names these versions: who decides hands it back
  // What to work to until somebody has decided; empty = no value, see `advice`.
  std::string until_decided_json;
  // What a screen says where no value may stand, as "telephone before visiting".
  std::string advice;
  int64_t opened_ms = 0;
  int64_t due_ms = 0;  // 24 h after the latest version where harm hangs on it, else 7 days
  // The same as a sentence: "Until decided, work to 12 high."
  std::string until_decided;
  // Decisions behind the record, which stay as they are.
  std::vector<std::string> unchanged;
  bool paused = false;  // a decision is paused because of an incident
  CasePerson reviewer, deputy, duty;
  // Whose turn it is, at which level (0 reviewer, 1 deputy or lead, 2 duty contact), and until when
  // (0 = the last).
  CasePerson with;
  int level = 0;
  int64_t next_ms = 0;
  struct PassedOver {
    std::string name;
    std::string why;  // "is away"
  };
  std::vector<PassedOver> passed_over;
  std::string nobody;  // when nobody can decide: what must be done about that
  // Whether the replica's user may settle it alone.
  bool you_may_settle = true;
  // Whether anybody may put one more version beside these (Edits::AddVersion).
  bool you_may_add = false;
};

// Told to an author on the device that they used: somebody who had not seen their value has
// displaced it, or stands beside it.
struct AuthorNotice {
  int64_t id = 0;  // on this replica
  std::string record;
  std::string kind;
  std::string title;
  std::string field;
  std::string label;
  std::string author;       // who is told
  std::string change;       // theirs
  std::string yours_json;   // what it set the field to; empty = not known here any more
  std::string yours_words;  // the same as a screen says it
  std::string by_change;
  std::string by_author;
  int64_t by_time_ms = 0;
  std::string now_json;   // what counts now; empty = the record is not held
  std::string now_words;  // the same as a screen says it
  std::string case_id;    // of the conflict that is open now, if any
  bool read = false;
  // kMerged: another value counts, theirs is kept beside it or in the history; kConflict: somebody
  // decides.
  ChangeState state = ChangeState::kMerged;
};

// Two records that are one, recorded twice, or may be.
struct Duplicate {
  enum class Verdict {
    kSuggested,  // equal in what identifies them; nobody has said anything
    kSame,
    kDifferent,
  };
  std::string kind;
  std::string first, second;       // ids, in order
  std::vector<std::string> equal;  // names of the fields that are equal and identify them
  Verdict verdict = Verdict::kSuggested;
  std::string reason;  // of whoever said so
};

// A record that has the words that somebody looked for.
struct FoundWord {
  size_t begin = 0, end = 0;  // bytes of the snippet
};
struct SearchHit {
  std::string record;
  std::string kind;
  std::string title;
  std::string file;
  std::string tier;   // of the record, and so of what is quoted here
  std::string field;  // the one that answers best
  std::string label;
  std::string snippet;  // a piece of its text, on one line
  std::vector<FoundWord> found;
  std::string hidden;  // why it is hidden; empty = it is not
};

// Where a record and its fields come from.
struct FieldInfo {
  std::string field;
  std::string label;  // what a screen calls it
  // What counts, as a screen says it; where people must decide first, what the schema says instead
  // ("telephone before visiting"). Empty = no value.
  std::string words;
  std::vector<Version> versions;
  bool provisional = false;
};
struct RecordInfo {
  std::string id;
  std::string kind;
  std::string label;  // what a screen calls the kind
  std::string file;
  std::string tier;
  bool pending = false;  // holds changes that are waiting to be sent
  std::string hidden;    // why it is hidden; empty = it is not
  std::vector<FieldInfo> fields;
  std::vector<std::string> unknown_fields;  // numbers, kept and passed on
};

// A signature, and what became of what was signed.
struct SignOffInfo {
  std::string id;
  std::string author;
  int64_t time_ms = 0;
  bool pending = false;
  enum class State {
    kSigned,
    kAmended,     // something that was signed has changed: see `amended`
    kUnassessed,  // changed by two people, and nobody has assessed the whole: as if unsigned
    kIncomplete,  // it lacks what the schema demands, see `missing`: as if unsigned
  } state = State::kSigned;
  std::vector<std::string> amended;      // fields, as "RiskAssessment.hazard"
  std::vector<std::string> not_covered;  // fields that were filled in later
  std::vector<std::string> missing;      // fields that the schema demands
  // The same as a screen says it: "risk assessment: hazard"; what is missing without the kind.
  std::vector<std::string> amended_words, not_covered_words, missing_words;
};

// One committed change of this replica.
struct OwnChange {
  std::string change;
  std::string unit;           // the first change of its unit: what was saved together, in one file
  uint32_t unit_changes = 1;  // how many that are; sent, fixed and withdrawn as a whole
  std::string record;         // this and `kind`: empty when the record was taken from this device
  std::string kind;
  std::string author;
  std::vector<std::string> fields;
  ChangeState state = ChangeState::kWaiting;
  bool sent = false;        // the server has given a receipt
  uint64_t receipt = 0;     // its sequence; 0 = none
  bool needs_you = false;   // parked: to be fixed, exported or withdrawn
  bool sent_again = false;  // refused, and another change stands in its place
  std::string withdrawn_because;
  std::string resolves;    // the parked change that this one answers; empty = none
  bool withdraws = false;  // it takes that one back, and edits nothing
  // Why it was refused or held; of one that met other versions (kMerged, kConflict), which, as far
  // as this replica knows.
  std::string reason;
  std::string what_to_do;
  std::vector<std::string> cases;  // kConflict: those that are still open
  int64_t device_time_ms = 0;
  int64_t admitted_time_ms = 0;  // 0 = not yet
  uint64_t sequence = 0;         // 0 = not yet
};

struct HistoryLine {
  std::string change;
  std::string author;
  std::string device;
  int64_t device_time_ms = 0;
  int64_t admitted_time_ms = 0;  // 0 = not yet
  int64_t uncertainty_ms = 0;
  uint64_t sequence = 0;
  ChangeState state = ChangeState::kWaiting;
  std::string json;  // the fields as they were set
  std::vector<std::string> cleared;
  std::vector<FieldWords> words;  // both, as a screen says it
  std::string settled;            // reason
  std::string resolves;           // the parked change that this one answers
  std::string withdrawn_because;  // it takes that one back
  bool from_server = false;
};

// A change of somebody else's that the server lost when it was restored from a backup, as this
// replica still held it.
struct Rescued {
  std::string change;
  std::string record;
  std::string kind;
  std::string file;
  std::string tier;
  std::string author;
  int64_t time_ms = 0;
  std::string json;  // the fields that it was the last word on
  std::vector<FieldWords> words;
};

struct CompartmentInfo {
  std::string file;
  std::string tier;
  std::string digest;  // 32 hexadecimal digits
  uint64_t records = 0;
};
struct DigestInfo {
  uint64_t checkpoint = 0;
  std::string digest;                         // over all compartments
  std::vector<CompartmentInfo> compartments;  // in order of (file, tier)
};

struct ReplicaStatus {
  std::string tenant;
  std::string site;
  std::string site_file;
  std::string device;
  std::string device_name;
  std::string user;  // the default author
  std::string server;
  std::string schema_hash;
  uint64_t checkpoint = 0;
  int64_t up_to_date_at_ms = 0;  // the server's time at the last complete sync; 0 = never
  bool complete = false;         // false: the first sync has not finished
  uint64_t records = 0;
  uint64_t expected_records = 0;  // while not complete: about how many there will be
  uint64_t waiting = 0;           // changes without outcome
  uint64_t needs_you = 0;         // refused or held changes
  uint64_t conflicts = 0;
  uint64_t notices = 0;  // that nobody has marked as read
  // Attachments that are here and that the server has not confirmed, and their bytes that it has
  // not acknowledged: apart from changes, which go before them.
  uint64_t attachments_waiting = 0;
  uint64_t attachment_bytes_waiting = 0;
  // Who opens it, each with a PIN or passphrase of their own; empty: whoever has the device.
  std::vector<std::string> people;
  bool recovery = false;  // the tenant's operator can help when nobody can open it any more
};

struct SyncProgress {
  enum class Step {
    kConnecting,
    kSending,
    kReceiving,
    kApplying,
    kAttachments,
    kDone
  } step = Step::kConnecting;
  uint64_t changes_sent = 0;
  uint64_t changes_to_send = 0;
  uint64_t records_received = 0;
  uint64_t records_to_receive = 0;  // about
  uint64_t bytes_sent = 0;          // of message bodies
  uint64_t bytes_received = 0;
  // Of attachments: bytes of those that this sync sends and receives.
  uint64_t attachment_bytes_sent = 0;
  uint64_t attachment_bytes_to_send = 0;
  uint64_t attachment_bytes_received = 0;
  uint64_t attachment_bytes_to_receive = 0;
};

struct SyncResult {
  SyncProgress totals;
  uint64_t checkpoint = 0;
  uint64_t applied = 0, merged = 0, conflict = 0, held = 0, rejected = 0;  // outcomes that came
  uint64_t waiting = 0;                                                    // still without outcome
  // The rows here differed from the server's, or the server was restored: every record was received
  // again. Own changes are not touched by that.
  bool repaired = false;
};

}  // namespace doorstep

#endif  // DOORSTEP_TYPES_H_
