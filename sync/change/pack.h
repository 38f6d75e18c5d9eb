// Compression of message bodies. zstd does the work; this adds the limits.
#ifndef SYNC_CHANGE_PACK_H_
#define SYNC_CHANGE_PACK_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep::v1 {
class Packed;
}
namespace google::protobuf {
class MessageLite;
}

namespace doorstep {

// Serializes `message` into `packed`, compressed when that is allowed and makes it smaller.
void Pack(const google::protobuf::MessageLite& message, bool compress, v1::Packed* packed);

// Takes it apart and parses it. Checks the claimed size against `max_raw_bytes` before allocating,
// and never yields more than claimed. kInvalidArgument names what was wrong.
absl::Status Unpack(const v1::Packed& packed, size_t max_raw_bytes,
                    google::protobuf::MessageLite* message);

}  // namespace doorstep

#endif  // SYNC_CHANGE_PACK_H_
