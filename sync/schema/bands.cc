#include "sync/schema/bands.h"

#include "absl/strings/str_cat.h"
#include "doorstep/v1/bands.pb.h"
#include "google/protobuf/descriptor.h"
#include "sync/base/status.h"
#include "sync/schema/field_rules.h"

namespace doorstep {
namespace {

// Null: the field holds no message, or one that says nothing of bands.
const google::protobuf::Descriptor* WithBands(const FieldSpec& field) {
  const google::protobuf::Descriptor* message =
      field.descriptor == nullptr ? nullptr : field.descriptor->message_type();
  return message != nullptr && message->options().HasExtension(v1::bands) ? message : nullptr;
}

}  // namespace

bool SaysBands(const FieldSpec& field) { return WithBands(field) != nullptr; }

BandLimits BandLimitsOf(const FieldSpec& field) {
  const google::protobuf::Descriptor* message = WithBands(field);
  if (message == nullptr) return {};
  const v1::Bands& bands = message->options().GetExtension(v1::bands);
  return {bands.low(), bands.moderate(), bands.high()};
}

absl::Status CheckBands(const FieldSpec& field) {
  const google::protobuf::Descriptor* message = WithBands(field);
  if (message == nullptr) return absl::OkStatus();
  const v1::Bands& bands = message->options().GetExtension(v1::bands);
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(message->full_name(), bands));
  if (field.likelihood < 0 || field.severity < 0) {
    return Contradiction(message->full_name(), "bands on what has no score",
                         "an atomic message with likelihood and severity");
  }
  if (bands.low() > 0 && bands.moderate() > bands.low() && bands.high() > bands.moderate()) {
    return absl::OkStatus();
  }
  return Contradiction(
      message->full_name(),
      absl::StrCat("bands up to ", bands.low(), ", ", bands.moderate(), ", ", bands.high()),
      "three scores, each above the one before");
}

}  // namespace doorstep
