#include "sync/change/unit_parts.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/message_reader.h"
#include "sync/change/wire_cursor.h"

namespace doorstep {

absl::StatusOr<Stamp> ReadStamp(absl::string_view message) {
  Stamp stamp;
  MessageReader reader(message, 6, 0);
  WireField raw;
  while (reader.Next(&raw)) {
    switch (raw.field) {
      case 1:
        stamp.wall_ms = reader.Signed(raw);
        break;
      case 2:
        stamp.boot = reader.Fixed64(raw);
        break;
      case 3:
        stamp.mono_ms = reader.Signed(raw);
        break;
      case 4:
        stamp.contact_ms = reader.Signed(raw);
        break;
      case 5:
        stamp.contact_mono_ms = reader.Signed(raw);
        break;
      default:
        stamp.contact_boot = reader.Fixed64(raw);
        break;
    }
  }
  if (stamp.contact_boot == 0) stamp.contact_boot = stamp.boot;
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  return stamp;
}

absl::StatusOr<Settle> ReadSettle(absl::string_view message) {
  Settle settle;
  MessageReader reader(message, 2, 0);
  WireField raw;
  while (reader.Next(&raw)) {
    if (raw.field == 1) {
      const uint64_t mode = reader.Varint(raw);
      if (mode > static_cast<uint64_t>(SettleMode::kBoth)) {
        return absl::UnimplementedError(absl::StrCat("mode: got ", mode, ", wanted 1 to 3"));
      }
      settle.mode = static_cast<SettleMode>(mode);
    } else {
      settle.reason = std::string(reader.Bytes(raw));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  if (settle.mode == SettleMode::kNone) return Wrong("mode", "0", "1 to 3");
  if (settle.reason.empty() || settle.reason.size() > kMaxSettleReasonBytes) {
    return Wrong("reason", absl::StrCat(settle.reason.size(), " bytes"),
                 absl::StrCat("1 to ", kMaxSettleReasonBytes));
  }
  if (!IsValidUtf8(settle.reason) || settle.reason.find('\0') != std::string::npos) {
    return InvalidField("reason", settle.reason, "UTF-8 without NUL");
  }
  return settle;
}

bool ChangesRecord(absl::string_view change, const Uuid& record) {
  WireCursor cursor(change);
  WireField field;
  while (cursor.Next(&field)) {
    if (field.field == 1) return field.body == record.AsBytes();
  }
  return false;
}

}  // namespace doorstep
