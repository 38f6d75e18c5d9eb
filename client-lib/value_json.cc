#include "client-lib/value_json.h"

#include <string>

#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/change/record_json.h"

namespace doorstep::client {

absl::StatusOr<std::string> ValueJson(const Schema& schema, const KindSpec& kind,
                                      const FieldSpec& field, absl::string_view value) {
  if (value.empty()) return "null";
  DOORSTEP_ASSIGN_OR_RETURN(const std::string message,
                            ValuesToJson(schema, kind, value, /*pretty=*/false));
  const nlohmann::json parsed = nlohmann::json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return message;
  const auto it = parsed.find(field.scalar.name);
  // An enum number of a newer schema stands under another key.
  if (it == parsed.end()) return message;
  const bool element = field.is_set() && it->is_array() && it->size() == 1;
  return (element ? it->front() : *it)
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<Version> VersionOf(const Schema& schema, const KindSpec& kind,
                                  const FieldSpec& field, const Head& head) {
  Version version;
  version.change = head.id.ToString();
  version.author = head.author;
  version.time_ms = head.time_ms;
  version.pending = head.sequence == 0;
  DOORSTEP_ASSIGN_OR_RETURN(version.json, ValueJson(schema, kind, field, head.value));
  version.settled = head.settle.reason;
  version.removes = head.IsProposal();
  return version;
}

}  // namespace doorstep::client
