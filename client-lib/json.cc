#include "doorstep/json.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace doorstep {
namespace {

using nlohmann::json;

const char* VerdictWord(Duplicate::Verdict verdict) {
  switch (verdict) {
    case Duplicate::Verdict::kSuggested:
      return "SUGGESTED";
    case Duplicate::Verdict::kSame:
      return "SAME";
    case Duplicate::Verdict::kDifferent:
      break;
  }
  return "DIFFERENT";
}

}  // namespace

json Parsed(const std::string& text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? json(text) : value;
}

std::string Utc(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

absl::string_view StateWord(ChangeState state) {
  switch (state) {
    case ChangeState::kWaiting:
      return "WAITING";
    case ChangeState::kApplied:
      return "APPLIED";
    case ChangeState::kMerged:
      return "MERGED";
    case ChangeState::kConflict:
      return "CONFLICT";
    case ChangeState::kHeld:
      return "HELD";
    case ChangeState::kRejected:
      return "REJECTED";
    case ChangeState::kWithdrawn:
      return "WITHDRAWN";
  }
  return "UNKNOWN";
}

namespace {

json WordsJson(const std::vector<FieldWords>& fields) {
  json out = json::array();
  for (const FieldWords& field : fields) {
    json each = {{"field", field.field}, {"label", field.label}, {"words", field.words}};
    if (field.removed) each["removed"] = true;
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace

json ToJson(const Version& version) {
  json out = {{"change", version.change},
              {"author", version.author},
              {"time", Utc(version.time_ms)},
              {"pending", version.pending},
              {"value", Parsed(version.json)}};
  if (!version.words.empty()) out["words"] = version.words;
  if (!version.settled.empty()) out["settled"] = version.settled;
  if (version.removes) out["removes"] = true;
  if (!version.field.empty()) {
    out["field"] = version.field;
    out["record"] = version.record;
  }
  if (version.device_time_ms != 0) out["device_time"] = Utc(version.device_time_ms);
  if (version.uncertainty_ms != 0) out["uncertainty_ms"] = version.uncertainty_ms;
  return out;
}

namespace {

json ToJson(const CasePerson& person) {
  if (person.name.empty()) return nullptr;
  return {{"name", person.name}, {"role", person.role}};
}

}  // namespace

json ToJson(const Conflict& conflict) {
  json versions = json::array();
  for (const Version& version : conflict.versions) versions.push_back(ToJson(version));
  json passed_over = json::array();
  for (const Conflict::PassedOver& over : conflict.passed_over) {
    passed_over.push_back({{"name", over.name}, {"why", over.why}});
  }
  json out = {
      {"case", conflict.case_id},
      {"record", conflict.record},
      {"kind", conflict.kind},
      {"title", conflict.title},
      {"field", conflict.field},
      {"label", conflict.label},
      {"safety", conflict.safety},
      {"versions", versions},
      {"seen", conflict.seen},
      {"until_decided",
       conflict.until_decided_json.empty() ? json(nullptr) : Parsed(conflict.until_decided_json)},
      {"until_decided_words", conflict.until_decided},
      {"unchanged", conflict.unchanged},
      {"paused", conflict.paused},
      {"opened", Utc(conflict.opened_ms)},
      {"due", Utc(conflict.due_ms)},
      {"reviewer", ToJson(conflict.reviewer)},
      {"deputy", ToJson(conflict.deputy)},
      {"duty_contact", ToJson(conflict.duty)},
      {"with", ToJson(conflict.with)},
      {"level", conflict.level},
      {"next", conflict.next_ms == 0 ? json(nullptr) : json(Utc(conflict.next_ms))},
      {"passed_over", passed_over},
      {"you_may_settle", conflict.you_may_settle},
      {"you_may_add", conflict.you_may_add}};
  if (!conflict.advice.empty()) out["advice"] = conflict.advice;
  if (!conflict.nobody.empty()) out["nobody"] = conflict.nobody;
  return out;
}

json ToJson(const AuthorNotice& notice) {
  json out = {{"notice", notice.id},
              {"record", notice.record},
              {"kind", notice.kind},
              {"title", notice.title},
              {"field", notice.field},
              {"label", notice.label},
              {"author", notice.author},
              {"change", notice.change},
              {"yours", notice.yours_json.empty() ? json(nullptr) : Parsed(notice.yours_json)},
              {"yours_words", notice.yours_words},
              {"by_change", notice.by_change},
              {"by", notice.by_author},
              {"at", Utc(notice.by_time_ms)},
              {"state", std::string(StateWord(notice.state))},
              {"now", notice.now_json.empty() ? json(nullptr) : Parsed(notice.now_json)},
              {"now_words", notice.now_words},
              {"read", notice.read}};
  if (!notice.case_id.empty()) out["case"] = notice.case_id;
  return out;
}

json ToJson(const OwnChange& change) {
  json out = {{"change", change.change}, {"record", change.record},
              {"kind", change.kind},     {"author", change.author},
              {"fields", change.fields}, {"state", std::string(StateWord(change.state))},
              {"sent", change.sent},     {"device_time", Utc(change.device_time_ms)},
              {"unit", change.unit},     {"unit_changes", change.unit_changes}};
  if (!change.reason.empty()) out["reason"] = change.reason;
  if (!change.what_to_do.empty()) out["what_to_do"] = change.what_to_do;
  if (change.admitted_time_ms != 0) out["admitted_time"] = Utc(change.admitted_time_ms);
  if (change.sequence != 0) out["sequence"] = change.sequence;
  if (change.receipt != 0) out["receipt"] = change.receipt;
  out["needs_you"] = change.needs_you;
  if (change.sent_again) out["sent_again"] = true;
  if (!change.withdrawn_because.empty()) out["withdrawn_because"] = change.withdrawn_because;
  if (!change.resolves.empty()) out["resolves"] = change.resolves;
  if (change.withdraws) out["withdraws"] = true;
  if (!change.cases.empty()) out["cases"] = change.cases;
  return out;
}

json ToJson(const HistoryLine& line) {
  json out = {{"change", line.change},
              {"author", line.author},
              {"device", line.device},
              {"device_time", Utc(line.device_time_ms)},
              {"state", std::string(StateWord(line.state))},
              {"fields", Parsed(line.json)},
              {"cleared", line.cleared},
              {"words", WordsJson(line.words)},
              {"from_server", line.from_server}};
  if (line.admitted_time_ms != 0) {
    out["admitted_time"] = Utc(line.admitted_time_ms);
    out["uncertainty_ms"] = line.uncertainty_ms;
  }
  if (line.sequence != 0) out["sequence"] = line.sequence;
  if (!line.settled.empty()) out["settled"] = line.settled;
  if (!line.resolves.empty()) out["resolves"] = line.resolves;
  if (!line.withdrawn_because.empty()) out["withdrawn_because"] = line.withdrawn_because;
  return out;
}

json ToJson(const RecordInfo& info) {
  json fields = json::object();
  for (const FieldInfo& field : info.fields) {
    json versions = json::array();
    for (const Version& version : field.versions) versions.push_back(ToJson(version));
    fields[field.field] = {{"label", field.label},
                           {"words", field.words},
                           {"versions", versions},
                           {"provisional", field.provisional}};
  }
  json out = {{"id", info.id},     {"kind", info.kind}, {"label", info.label},
              {"file", info.file}, {"tier", info.tier}, {"pending", info.pending},
              {"fields", fields}};
  if (!info.hidden.empty()) out["hidden"] = info.hidden;
  if (!info.unknown_fields.empty()) out["unknown_fields"] = info.unknown_fields;
  return out;
}

json ToJson(const SignOffInfo& signature) {
  constexpr const char* kStates[] = {"SIGNED", "AMENDED", "UNASSESSED", "INCOMPLETE"};
  return {{"id", signature.id},
          {"author", signature.author},
          {"time", Utc(signature.time_ms)},
          {"pending", signature.pending},
          {"state", kStates[static_cast<int>(signature.state)]},
          {"amended", signature.amended},
          {"not_covered", signature.not_covered},
          {"missing", signature.missing},
          {"words",
           {{"amended", signature.amended_words},
            {"not_covered", signature.not_covered_words},
            {"missing", signature.missing_words}}}};
}

namespace {

const char* StepWord(SyncProgress::Step step) {
  switch (step) {
    case SyncProgress::Step::kConnecting:
      return "CONNECTING";
    case SyncProgress::Step::kSending:
      return "SENDING";
    case SyncProgress::Step::kReceiving:
      return "RECEIVING";
    case SyncProgress::Step::kApplying:
      return "APPLYING";
    case SyncProgress::Step::kAttachments:
      return "ATTACHMENTS";
    case SyncProgress::Step::kDone:
      break;
  }
  return "DONE";
}

}  // namespace

json ToJson(const SyncProgress& progress) {
  return {{"step", StepWord(progress.step)},
          {"sent", progress.changes_sent},
          {"to_send", progress.changes_to_send},
          {"received", progress.records_received},
          {"to_receive", progress.records_to_receive},
          {"bytes_sent", progress.bytes_sent},
          {"bytes_received", progress.bytes_received},
          {"attachment_bytes_sent", progress.attachment_bytes_sent},
          {"attachment_bytes_to_send", progress.attachment_bytes_to_send},
          {"attachment_bytes_received", progress.attachment_bytes_received},
          {"attachment_bytes_to_receive", progress.attachment_bytes_to_receive}};
}

json ToJson(const SyncResult& result) {
  return {{"checkpoint", result.checkpoint},
          {"sent", result.totals.changes_sent},
          {"received", result.totals.records_received},
          {"bytes_sent", result.totals.bytes_sent},
          {"bytes_received", result.totals.bytes_received},
          {"attachment_bytes_sent", result.totals.attachment_bytes_sent},
          {"attachment_bytes_received", result.totals.attachment_bytes_received},
          {"outcomes",
           {{"APPLIED", result.applied},
            {"MERGED", result.merged},
            {"CONFLICT", result.conflict},
            {"HELD", result.held},
            {"REJECTED", result.rejected}}},
          {"waiting", result.waiting},
          {"repaired", result.repaired}};
}

json ErrorJson(const absl::Status& status) {
  return {{"code", static_cast<int>(status.code())}, {"message", std::string(status.message())}};
}

json ToJson(const SyncAttempt& attempt) {
  json out = {{"next_ms", attempt.next_ms}};
  if (attempt.result.ok()) {
    out["result"] = ToJson(*attempt.result);
  } else {
    out["error"] = ErrorJson(attempt.result.status());
  }
  return out;
}

json ToJson(const ReplicaStatus& status) {
  return {{"tenant", status.tenant},
          {"site", status.site},
          {"site_file", status.site_file},
          {"device", status.device},
          {"device_name", status.device_name},
          {"user", status.user},
          {"server", status.server},
          {"schema", status.schema_hash},
          {"checkpoint", status.checkpoint},
          {"up_to_date_at",
           status.up_to_date_at_ms == 0 ? json(nullptr) : json(Utc(status.up_to_date_at_ms))},
          {"complete", status.complete},
          {"records", status.records},
          {"expected_records", status.expected_records},
          {"waiting", status.waiting},
          {"needs_you", status.needs_you},
          {"conflicts", status.conflicts},
          {"notices", status.notices},
          {"attachments_waiting", status.attachments_waiting},
          {"attachment_bytes_waiting", status.attachment_bytes_waiting},
          {"opens_with", status.people.empty() ? "DEVICE" : "PEOPLE"},
          {"people", status.people},
          {"recovery", status.recovery}};
}

json ToJson(const DigestInfo& digest) {
  json compartments = json::array();
  for (const CompartmentInfo& c : digest.compartments) {
    compartments.push_back(
        {{"file", c.file}, {"tier", c.tier}, {"digest", c.digest}, {"records", c.records}});
  }
  return {
      {"checkpoint", digest.checkpoint}, {"digest", digest.digest}, {"compartments", compartments}};
}

json ToJson(const Rescued& each) {
  return {
      {"change", each.change},     {"record", each.record},       {"kind", each.kind},
      {"file", each.file},         {"tier", each.tier},           {"author", each.author},
      {"time", Utc(each.time_ms)}, {"fields", Parsed(each.json)}, {"words", WordsJson(each.words)}};
}

json ToJson(const Duplicate& each) {
  json out = {{"kind", each.kind},
              {"first", each.first},
              {"second", each.second},
              {"equal", each.equal},
              {"verdict", VerdictWord(each.verdict)}};
  if (!each.reason.empty()) out["reason"] = each.reason;
  return out;
}

json ToJson(const SearchHit& hit) {
  json found = json::array();
  for (const FoundWord& word : hit.found) {
    found.push_back(hit.snippet.substr(word.begin, word.end - word.begin));
  }
  json out = {{"record", hit.record}, {"kind", hit.kind},       {"title", hit.title},
              {"file", hit.file},     {"tier", hit.tier},       {"field", hit.field},
              {"label", hit.label},   {"snippet", hit.snippet}, {"found", found}};
  if (!hit.hidden.empty()) out["hidden"] = hit.hidden;
  return out;
}

namespace {

const char* StateWord(AttachmentState state) {
  switch (state) {
    case AttachmentState::kHere:
      return "HERE";
    case AttachmentState::kOnItsWay:
      return "ON_ITS_WAY";
    case AttachmentState::kNotAsked:
      return "NOT_ASKED";
  }
  return "";
}

}  // namespace

json ToJson(const AttachmentInfo& info) {
  return {{"record", info.record},
          {"kind", info.kind},
          {"title", info.title},
          {"file", info.file},
          {"tier", info.tier},
          {"sha256", info.sha256},
          {"size", info.size},
          {"state", StateWord(info.state)},
          {"bytes_here", info.bytes_here},
          {"at_server", info.at_server},
          {"bytes_sent", info.bytes_sent}};
}

json ToJson(const RecordWhy& why) {
  json reasons = json::array();
  for (const WhyReason& reason : why.reasons) {
    json out = {{"code", reason.code}, {"text", reason.text}};
    if (reason.time_ms != 0) out["time"] = Utc(reason.time_ms);
    if (!reason.todo.empty()) out["todo"] = reason.todo;
    reasons.push_back(std::move(out));
  }
  json out = {{"id", why.id}, {"here", why.here}, {"reasons", reasons}};
  if (why.here) {
    out["kind"] = why.kind;
    out["title"] = why.title;
    out["file"] = why.file;
    out["tier"] = why.tier;
  }
  return out;
}

json ToJson(const DueItem& item) {
  json out = {{"record", item.record},   {"kind", item.kind},      {"title", item.title},
              {"field", item.field},     {"label", item.label},    {"day", item.day},
              {"overdue", item.overdue}, {"stopped", item.stopped}};
  if (item.at_ms) out["at"] = Utc(*item.at_ms);
  return out;
}

json ToJson(const News& news) {
  return {{"record", news.record},         {"kind", news.kind},
          {"title", news.title},           {"words", news.words},
          {"taken_back", news.taken_back}, {"by", news.author},
          {"at", Utc(news.time_ms)},       {"read", news.read}};
}

json ToJson(const ExportResult& result) {
  return {{"records", result.records}, {"undecided", result.undecided}};
}

json ToJson(const ImportResult& result, bool dry_run) {
  json errors = json::array();
  for (const ImportError& error : result.first_errors) {
    errors.push_back({{"line", error.line}, {"message", error.message}});
  }
  return {{"imported", dry_run ? 0 : result.added},
          {"would_import", result.added},
          {"records", result.records},
          {"here_already", result.here},
          {"kept_as_here", result.kept},
          {"empty", result.empty},
          {"sign_offs_passed_over", result.sign_offs},
          {"undecided_taken_as_shown", result.undecided},
          {"attachments_missing", result.attachments_missing},
          {"error_count", result.errors},
          {"errors", errors}};
}

}  // namespace doorstep
