#include "sync/change/record_json.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::util::TypeResolver;

constexpr char kUnknownKey[] = "_unknown";
constexpr char kTypePrefix[] = "type.googleapis.com";
// Names that an error suggests, at most.
constexpr size_t kMaxSuggestions = 3;

// Edits (insert, delete, replace) that turn `a` into `b`.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string NearNames(const Descriptor& message, absl::string_view name) {
  std::vector<std::pair<size_t, std::string>> near;
  for (int i = 0; i < message.field_count(); ++i) {
    const std::string& known = message.field(i)->name();
    if (name.size() > 2 * known.size() + 2) continue;
    const size_t distance = EditDistance(name, known);
    const bool within = name.size() >= 3 && absl::StrContains(known, name);
    // Two neighbouring letters exchanged are two edits.
    const size_t near_enough = std::max<size_t>(2, known.size() / 3);
    if (within || distance <= std::min(near_enough, known.size() - 1)) {
      near.emplace_back(distance, known);
    }
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMaxSuggestions) near.resize(kMaxSuggestions);
  if (near.empty()) return absl::StrCat("a field of ", message.name());
  return absl::StrJoin(near, " or ", [](std::string* out, const auto& candidate) {
    absl::StrAppend(out, candidate.second);
  });
}

const FieldDescriptor* FindField(const Descriptor& message, const std::string& name) {
  const FieldDescriptor* field = message.FindFieldByName(name);
  if (field != nullptr) return field;
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->json_name() == name) return message.field(i);
  }
  return nullptr;
}

// Looks through the text for what protobuf's parser would let pass: repeated keys, loose syntax,
// nesting that no kind has. Makes nothing.
class Checker : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Checker(const KindSpec& kind) : kind_(kind) {}

  const absl::Status& status() const { return status_; }
  bool has_unknown() const { return has_unknown_; }

  bool null() override {
    // Protobuf would leave it out without a word.
    return in_array_ ? Fail("null among elements", "elements") : Scalar();
  }
  bool boolean(bool /*value*/) override { return Scalar(); }
  bool number_integer(number_integer_t /*value*/) override { return Scalar(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return Scalar(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return Scalar();
  }
  bool string(string_t& /*value*/) override { return Scalar(); }
  bool binary(binary_t& /*value*/) override { return Scalar(); }

  bool start_object(std::size_t /*elements*/) override {
    if (levels_.empty()) {
      levels_.push_back({kind_.descriptor, {}});
      return true;
    }
    if (field_ == nullptr || in_array_ || levels_.size() > 1 ||
        field_->type() != FieldDescriptor::TYPE_MESSAGE) {
      return Fail("an object", "no object here");
    }
    levels_.push_back({field_->message_type(), {}});
    return true;
  }
  bool end_object() override {
    levels_.pop_back();
    field_ = nullptr;
    return true;
  }
  bool start_array(std::size_t /*elements*/) override {
    if (field_ == nullptr || in_array_ || !field_->is_repeated()) {
      return Fail("an array", "no array here");
    }
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    field_ = nullptr;
    if (levels_.size() == 1 && name == kUnknownKey) {
      if (has_unknown_) return FailKey(name, "a second time", "each key once");
      has_unknown_ = true;
      return true;
    }
    const FieldDescriptor* field = FindField(*level.message, name);
    if (field == nullptr) {
      return FailKey(Quoted(name), "no such field", NearNames(*level.message, name));
    }
    if (!level.seen.insert(field).second) {
      return FailKey(field->name(), "a second time", "each key once");
    }
    field_ = field;
    if (levels_.size() == 1) top_ = field;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(kind_.name, ": got text that is no JSON at byte ", position, " (",
                       error.what(), "), wanted a JSON object"));
    }
    return false;
  }

 private:
  struct Level {
    const Descriptor* message;
    std::set<const FieldDescriptor*> seen;
  };

  bool Scalar() { return !levels_.empty() || Fail("no object", "a JSON object"); }

  // The place, as "Person.residual_rating.likelihood".
  std::string Path() const {
    std::string path = kind_.name;
    if (levels_.size() > 1) absl::StrAppend(&path, ".", top_->name());
    if (field_ != nullptr) absl::StrAppend(&path, ".", field_->name());
    return path;
  }
  bool Fail(absl::string_view got, absl::string_view wanted) {
    status_ = absl::InvalidArgumentError(absl::StrCat(Path(), ": got ", got, ", wanted ", wanted));
    return false;
  }
  bool FailKey(absl::string_view name, absl::string_view got, absl::string_view wanted) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(Path(), ".", name, ": got ", got, ", wanted ", wanted));
    return false;
  }

  const KindSpec& kind_;
  std::vector<Level> levels_;
  const FieldDescriptor* top_ = nullptr;    // the last key of the outermost object
  const FieldDescriptor* field_ = nullptr;  // the last key
  bool in_array_ = false;
  bool has_unknown_ = false;
  absl::Status status_;
};

std::unique_ptr<TypeResolver> Resolver(const Schema& schema) {
  return std::unique_ptr<TypeResolver>(
      google::protobuf::util::NewTypeResolverForDescriptorPool(kTypePrefix, schema.pool()));
}

std::string TypeUrl(const KindSpec& kind) { return absl::StrCat(kTypePrefix, "/", kind.full_name); }

std::string Joined(const std::vector<FieldValues>& fields) {
  std::string out;
  for (const FieldValues& field : fields) {
    for (const std::string& value : field.values) out += value;
  }
  return out;
}

// Takes "_unknown" out of the text.
absl::StatusOr<std::string> TakeUnknown(const KindSpec& kind, absl::string_view json,
                                        std::string* rest) {
  const std::string path = absl::StrCat(kind.name, ".", kUnknownKey);
  nlohmann::json document =
      nlohmann::json::parse(json.data(), json.data() + json.size(), nullptr, false);
  const auto it = document.find(kUnknownKey);
  std::string bytes;
  if (it == document.end() || !it->is_string() ||
      !absl::Base64Unescape(it->get_ref<const std::string&>(), &bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": got another value, wanted base64"));
  }
  document.erase(kUnknownKey);
  *rest = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> JsonToValues(const Schema& schema, const KindSpec& kind,
                                         absl::string_view json) {
  if (json.size() > kMaxRecordJsonBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        kind.name, ": got ", json.size(), " bytes of JSON, wanted at most ", kMaxRecordJsonBytes));
  }
  Checker checker(kind);
  if (!nlohmann::json::sax_parse(json.data(), json.data() + json.size(), &checker)) {
    if (!checker.status().ok()) return checker.status();
    return absl::InvalidArgumentError(absl::StrCat(kind.name, ": got no JSON, wanted an object"));
  }
  std::string text(json);
  std::string unknown;
  if (checker.has_unknown()) {
    DOORSTEP_ASSIGN_OR_RETURN(unknown, TakeUnknown(kind, json, &text));
  }
  std::string message;
  const auto parsed = google::protobuf::util::JsonToBinaryString(Resolver(schema).get(),
                                                                 TypeUrl(kind), text, &message);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        kind.name, ": got ", absl::string_view(parsed.message().data(), parsed.message().size()),
        ", wanted JSON of the kind"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> fields,
                            ParseValues(kind, message, Unknown::kRefuse));
  if (!unknown.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(
        fields, ParseValues(kind, absl::StrCat(Joined(fields), unknown), Unknown::kKeep));
  }
  return Joined(fields);
}

absl::StatusOr<std::string> ValuesToJson(const Schema& schema, const KindSpec& kind,
                                         absl::string_view message, bool pretty) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> fields,
                            ParseValues(kind, message, Unknown::kKeep));
  std::string known;
  std::string unknown;
  std::vector<std::pair<std::string, std::string>> others;  // key and JSON value
  for (const FieldValues& field : fields) {
    if (const FieldSpec* mark = MarkField(field.field); mark != nullptr) {
      const Scalar reason = DecodeScalar(mark->scalar, field.values.front()).value_or(Scalar());
      others.emplace_back(mark->scalar.name, nlohmann::json(std::string(reason.bytes)).dump());
      continue;
    }
    const FieldSpec* spec = kind.Find(field.field);
    for (const std::string& value : field.values) {
      // What is kept and would be refused is a newer schema's.
      const bool spelled = spec != nullptr && ParseValue(kind, *spec, value, Unknown::kRefuse).ok();
      (spelled ? known : unknown) += value;
    }
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = pretty;
  std::string json;
  const auto printed = google::protobuf::util::BinaryToJsonString(
      Resolver(schema).get(), TypeUrl(kind), known, &json, options);
  if (!printed.ok()) {
    return absl::InternalError(absl::StrCat(
        kind.name, ": ", absl::string_view(printed.message().data(), printed.message().size())));
  }
  if (!unknown.empty()) {
    others.emplace_back(kUnknownKey, absl::StrCat("\"", absl::Base64Escape(unknown), "\""));
  }
  if (others.empty()) return json;
  json.resize(json.rfind('}'));
  while (!json.empty() && (json.back() == '\n' || json.back() == ' ')) json.pop_back();
  for (const auto& [key, value] : others) {
    const bool first = json == "{";
    absl::StrAppend(&json, first ? "" : ",", pretty ? "\n " : "", "\"", key,
                    "\":", pretty ? " " : "", value);
  }
  return absl::StrCat(json, pretty ? "\n}\n" : "}");
}

}  // namespace doorstep
