#include "client-lib/c/arguments.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"

namespace doorstep::c {
namespace {

using nlohmann::json;

constexpr size_t kMaxShown = 60;  // characters of a wrong value in a message
constexpr int64_t kMaxTimeoutMs = 24LL * 60 * 60 * 1000;
constexpr int64_t kMaxLimit = 1'000'000;
constexpr int64_t kMaxBytes = int64_t{1} << 53;  // what every language's numbers can say

std::string Shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = absl::StrCat(text.substr(0, kMaxShown), "...");
  return text;
}

}  // namespace

Options::Options(absl::string_view name, const char* text) : name_(name) {
  if (text == nullptr) return;
  // The library keeps the last of several equal keys and says nothing.
  std::set<std::string> keys;
  std::string twice;
  const auto note = [&](int depth, json::parse_event_t event, const json& value) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !keys.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  json parsed = json::parse(text, note, /*allow_exceptions=*/false);
  if (!twice.empty()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(name_, ".", twice, ": got the key twice, wanted it once"));
    return;
  }
  if (!parsed.is_object()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(
        name_, ": got ", parsed.is_discarded() ? "text that is not JSON" : Shown(parsed),
        ", wanted a JSON object"));
    return;
  }
  object_ = std::move(parsed);
}

bool Options::Take(const char* key, json* value) {
  const auto it = object_.find(key);
  if (it == object_.end()) return false;
  *value = std::move(*it);
  object_.erase(it);
  return true;
}

void Options::Refuse(absl::string_view key, const json& got, absl::string_view wanted) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(name_, ".", key, ": got ", Shown(got), ", wanted ", wanted));
}

void Options::Text(const char* key, std::string* out) {
  json value;
  if (!Take(key, &value)) return;
  if (!value.is_string()) return Refuse(key, value, "text");
  *out = value.get<std::string>();
}

void Options::Secret(const char* key, std::string* out) {
  json value;
  if (!Take(key, &value)) return;
  if (!value.is_string()) return Refuse(key, value.type_name(), "text");
  *out = value.get<std::string>();
}

void Options::Bool(const char* key, bool* out) {
  json value;
  if (!Take(key, &value)) return;
  if (!value.is_boolean()) return Refuse(key, value, "true or false");
  *out = value.get<bool>();
}

void Options::Int(const char* key, int64_t min, int64_t max, int64_t* out) {
  json value;
  if (!Take(key, &value)) return;
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX) &&
                    value.get<int64_t>() >= min && value.get<int64_t>() <= max;
  if (!fits) return Refuse(key, value, absl::StrCat("a whole number from ", min, " to ", max));
  *out = value.get<int64_t>();
}

void Options::Choice(const char* key, const std::vector<std::string>& words, size_t* out) {
  json value;
  if (!Take(key, &value)) return;
  for (size_t i = 0; i < words.size(); ++i) {
    if (value == words[i]) {
      *out = i;
      return;
    }
  }
  Refuse(key, value, absl::StrCat("\"", absl::StrJoin(words, "\" or \""), "\""));
}

void Options::Value(const char* key, std::string* out) {
  json value;
  if (!Take(key, &value)) return;
  *out = value.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::Status Options::Finish() {
  if (!status_.ok() || object_.empty()) return status_;
  return absl::InvalidArgumentError(
      absl::StrCat(name_, ".", object_.begin().key(), ": got a key that is not known here"));
}

namespace {

void TakeUnlock(Options& options, Unlock* out) {
  options.Text("person", &out->person);
  options.Secret("secret", &out->secret);
}

}  // namespace

absl::Status ReadInit(const char* text, InitOptions* out) {
  Options options("options_json", text);
  options.Text("tenant", &out->tenant);
  options.Text("site", &out->site);
  options.Text("device_name", &out->device_name);
  options.Text("user", &out->user);
  options.Text("server", &out->server);
  options.Secret("secret", &out->environment.unlock.secret);
  std::string recovery;
  options.Text("recovery_key", &recovery);
  DOORSTEP_RETURN_IF_ERROR(options.Finish());
  absl::StatusOr<std::string> key = FromHex(recovery);
  if (!key.ok()) return Annotate(key.status(), "options_json.recovery_key");
  out->recovery_key = *std::move(key);
  return absl::OkStatus();
}

absl::Status ReadOpen(const char* text, OpenOptions* out) {
  Options options("options_json", text);
  size_t durability = 0;
  options.Choice("durability", {"full", "normal"}, &durability);
  options.Bool("read_only", &out->read_only);
  options.Bool("check", &out->check);
  TakeUnlock(options, &out->environment.unlock);
  out->durability =
      durability == 0 ? OpenOptions::Durability::kFull : OpenOptions::Durability::kNormal;
  return options.Finish();
}

absl::Status ReadUnlock(const char* text, Unlock* out) {
  Options options("options_json", text);
  TakeUnlock(options, out);
  return options.Finish();
}

absl::Status ReadAdd(const char* text, AddOptions* out) {
  Options options("options_json", text);
  options.Text("file", &out->file);
  options.Text("tier", &out->tier);
  options.Text("id", &out->id);
  return options.Finish();
}

absl::Status ReadAttach(const char* text, AttachOptions* out) {
  Options options("options_json", text);
  options.Text("kind", &out->kind);
  options.Value("record", &out->json);
  options.Text("author", &out->author);
  options.Text("file", &out->place.file);
  options.Text("tier", &out->place.tier);
  options.Text("id", &out->place.id);
  return options.Finish();
}

absl::Status ReadDecision(const char* text, Decision* out) {
  Options options("decision_json", text);
  const int ways = static_cast<int>(options.Has("keep")) + static_cast<int>(options.Has("value")) +
                   static_cast<int>(options.Has("both"));
  int64_t keep = 0;
  bool both = true;
  options.Text("seen", &out->seen);
  options.Int("keep", 1, INT32_MAX, &keep);
  options.Value("value", &out->json);
  options.Bool("both", &both);
  options.Text("reason", &out->reason);
  DOORSTEP_RETURN_IF_ERROR(options.Finish());
  if (ways != 1 || !both) {
    return absl::InvalidArgumentError(
        "decision_json: wanted exactly one of \"keep\", \"value\" and \"both\":true");
  }
  out->keep = static_cast<int>(keep);
  out->mode = keep > 0             ? Decision::Mode::kKeep
              : !out->json.empty() ? Decision::Mode::kNewValue
                                   : Decision::Mode::kBoth;
  return absl::OkStatus();
}

absl::Status ReadSearch(const char* text, SearchOptions* out) {
  Options options("options_json", text);
  auto limit = static_cast<int64_t>(out->limit);
  options.Text("kind", &out->kind);
  options.Bool("hidden", &out->hidden);
  options.Int("limit", 0, kMaxLimit, &limit);
  out->limit = static_cast<size_t>(limit);
  return options.Finish();
}

namespace {

TransferFormat Format(Options& options) {
  size_t format = 0;
  options.Choice("format", {"jsonl", "csv"}, &format);
  return format == 0 ? TransferFormat::kJsonLines : TransferFormat::kCsv;
}

void TakeHints(Options& options, SyncHints* out) {
  options.Bool("online", &out->online);
  options.Bool("metered", &out->metered);
  options.Bool("battery_low", &out->battery_low);
}

void TakeLink(Options& options, GrpcOptions* out) {
  options.Int("connect_timeout_ms", 1, kMaxTimeoutMs, &out->connect_timeout_ms);
  options.Int("call_timeout_ms", 1, kMaxTimeoutMs, &out->call_timeout_ms);
}

void TakeAttachments(Options& options, AttachmentLimits* out) {
  size_t which = out->none ? 2 : out->only_asked ? 1 : 0;
  auto unasked = static_cast<int64_t>(out->unasked_bytes);
  auto budget = static_cast<int64_t>(out->budget_bytes);
  options.Choice("attachments", {"all", "asked", "none"}, &which);
  options.Int("unasked_bytes", 0, kMaxBytes, &unasked);
  options.Int("budget_bytes", 0, kMaxBytes, &budget);
  out->only_asked = which == 1;
  out->none = which == 2;
  out->unasked_bytes = static_cast<uint64_t>(unasked);
  out->budget_bytes = static_cast<uint64_t>(budget);
}

}  // namespace

absl::Status ReadExport(const char* text, ExportOptions* out) {
  Options options("options_json", text);
  out->format = Format(options);
  options.Text("kind", &out->kind);
  return options.Finish();
}

absl::Status ReadImport(const char* text, ImportOptions* out) {
  Options options("options_json", text);
  auto max_errors = static_cast<int64_t>(out->max_errors);
  out->format = Format(options);
  options.Text("kind", &out->kind);
  options.Text("author", &out->author);
  options.Bool("dry_run", &out->dry_run);
  options.Bool("keep_existing", &out->keep_existing);
  options.Int("max_errors", 0, kMaxLimit, &max_errors);
  out->max_errors = static_cast<size_t>(max_errors);
  return options.Finish();
}

absl::Status ReadHints(const char* text, SyncHints* out) {
  Options options("hints_json", text);
  TakeHints(options, out);
  return options.Finish();
}

absl::Status ReadLink(const char* text, GrpcOptions* out) {
  Options options("options_json", text);
  TakeLink(options, out);
  return options.Finish();
}

absl::Status ReadSync(const char* text, AttachmentLimits* out) {
  Options options("options_json", text);
  TakeAttachments(options, out);
  return options.Finish();
}

absl::Status ReadLoop(const char* text, GrpcOptions* link, SyncLoopOptions* loop) {
  Options options("options_json", text);
  TakeLink(options, link);
  TakeHints(options, &loop->hints);
  TakeAttachments(options, &loop->attachments);
  TakeUnlock(options, &loop->environment.unlock);
  return options.Finish();
}

}  // namespace doorstep::c
