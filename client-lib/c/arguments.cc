#include "client-lib/c/arguments.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep::c {
namespace {

using nlohmann::json;

constexpr size_t kMaxShown = 60;  // characters of a wrong value in a message

std::string Shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = absl::StrCat(text.substr(0, kMaxShown), "...");
  return text;
}

}  // namespace

Options::Options(absl::string_view name, const char* text) : name_(name) {
  if (text == nullptr) return;
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
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

absl::Status ReadInit(const char* text, InitOptions* out) {
  Options options("options_json", text);
  options.Text("tenant", &out->tenant);
  options.Text("site", &out->site);
  options.Text("device_name", &out->device_name);
  options.Text("user", &out->user);
  options.Text("server", &out->server);
  return options.Finish();
}

absl::Status ReadOpen(const char* text, OpenOptions* out) {
  Options options("options_json", text);
  std::string durability = "full";
  options.Text("durability", &durability);
  options.Bool("read_only", &out->read_only);
  options.Bool("check", &out->check);
  DOORSTEP_RETURN_IF_ERROR(options.Finish());
  if (durability != "full" && durability != "normal") {
    return absl::InvalidArgumentError(absl::StrCat("options_json.durability: got \"", durability,
                                                   "\", wanted \"full\" or \"normal\""));
  }
  out->durability =
      durability == "full" ? OpenOptions::Durability::kFull : OpenOptions::Durability::kNormal;
  return absl::OkStatus();
}

absl::Status ReadAdd(const char* text, AddOptions* out) {
  Options options("options_json", text);
  options.Text("file", &out->file);
  options.Text("tier", &out->tier);
  options.Text("id", &out->id);
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

}  // namespace doorstep::c
