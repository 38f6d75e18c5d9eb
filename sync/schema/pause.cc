#include "sync/schema/pause.h"

#include <optional>
#include <string>

#include "doorstep/v1/pause.pb.h"
#include "google/protobuf/descriptor.h"
#include "sync/base/status.h"
#include "sync/schema/field_rules.h"

namespace doorstep {

std::optional<PausedBy> PausedByOf(const FieldSpec& field) {
  if (field.descriptor == nullptr || !field.descriptor->options().HasExtension(v1::paused_by)) {
    return std::nullopt;
  }
  const v1::PausedBy& option = field.descriptor->options().GetExtension(v1::paused_by);
  for (size_t i = 0; i < field.parts.size(); ++i) {
    if (field.parts[i].name == option.part() && field.parts[i].format == StringFormat::kRecordId) {
      return PausedBy{i, option.field(), option.value()};
    }
  }
  return std::nullopt;
}

absl::Status CheckPauseOption(const FieldSpec& field) {
  if (!field.descriptor->options().HasExtension(v1::paused_by)) return absl::OkStatus();
  const std::string& path = field.descriptor->full_name();
  const v1::PausedBy& option = field.descriptor->options().GetExtension(v1::paused_by);
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, option));
  if (field.effective != EffectiveRule::kLastAgreed || field.dominant == 0) {
    return Contradiction(path, "paused_by without a value that pauses",
                         "merge REVIEW with effective LAST_AGREED, and dominant");
  }
  if (!PausedByOf(field).has_value() || option.field().empty() || option.value().empty()) {
    return Contradiction(path, "paused_by that names no record",
                         "a part with format RECORD_ID, a field and a value");
  }
  return absl::OkStatus();
}

}  // namespace doorstep
