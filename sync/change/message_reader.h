// Reads one message of a unit's payload, entry by entry, from bytes that nobody vouches for.
#ifndef SYNC_CHANGE_MESSAGE_READER_H_
#define SYNC_CHANGE_MESSAGE_READER_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/change/wire_cursor.h"

namespace doorstep {

// kInvalidArgument "path: got, wanted".
inline absl::Status Wrong(absl::string_view path, absl::string_view got, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": got ", got, ", wanted ", wanted));
}

// The entries of one message of the payload. A field may be repeated only where `repeated` has its
// bit; a field above `highest` is a newer program's.
class MessageReader {
 public:
  MessageReader(absl::string_view message, uint32_t highest, uint32_t repeated)
      : cursor_(message), highest_(highest), repeated_(repeated) {}

  bool Next(WireField* out) {
    if (!status_.ok() || cursor_.done()) return false;
    if (!cursor_.Next(out)) {
      status_ = Wrong("message", absl::StrCat("bytes that are no field at ", cursor_.offset()),
                      "a serialized message");
      return false;
    }
    if (out->field > highest_) {
      status_ = absl::UnimplementedError(
          absl::StrCat("message: got field ", out->field, ", wanted 1 to ", highest_));
      return false;
    }
    const uint32_t bit = 1u << out->field;
    if ((seen_ & bit & ~repeated_) != 0) {
      status_ = Wrong(absl::StrCat("field ", out->field), "two values", "one");
      return false;
    }
    seen_ |= bit;
    return true;
  }

  // Each fails the message when the entry has another wire type.
  absl::string_view Bytes(const WireField& raw) {
    Expect(raw, WireType::kBytes);
    return status_.ok() ? raw.body : absl::string_view();
  }
  uint64_t Varint(const WireField& raw) {
    Expect(raw, WireType::kVarint);
    return raw.number;
  }
  int64_t Signed(const WireField& raw) { return static_cast<int64_t>(Varint(raw)); }
  uint64_t Fixed64(const WireField& raw) {
    Expect(raw, WireType::kFixed64);
    return raw.number;
  }
  // A 32-bit number.
  uint32_t Small(const WireField& raw) {
    if (raw.number > std::numeric_limits<uint32_t>::max()) {
      Fail(raw, "more than 32 bits", "less");
      return 0;
    }
    return static_cast<uint32_t>(Varint(raw));
  }
  Uuid Id(const WireField& raw) {
    const auto id = Uuid::FromBytes(Bytes(raw));
    if (!id.ok() || id->IsNil()) {
      Fail(raw, absl::StrCat(raw.body.size(), " bytes"), "an id of 16 bytes, not all 0");
      return Uuid();
    }
    return *id;
  }
  // Numbers of a repeated uint32, packed or not.
  void Numbers(const WireField& raw, std::vector<uint32_t>* out) {
    if (raw.type == WireType::kVarint) {
      out->push_back(Small(raw));
      return;
    }
    WireCursor packed(Bytes(raw));
    while (status_.ok() && !packed.done()) {
      WireField element = raw;
      element.type = WireType::kVarint;
      if (!packed.ReadVarint(&element.number)) {
        Fail(raw, "bytes that are no numbers", "packed numbers");
        return;
      }
      out->push_back(Small(element));
    }
  }
  void Fail(const WireField& raw, absl::string_view got, absl::string_view wanted) {
    if (status_.ok()) status_ = Wrong(absl::StrCat("field ", raw.field), got, wanted);
  }
  const absl::Status& status() const { return status_; }

 private:
  void Expect(const WireField& raw, WireType type) {
    if (raw.type != type) {
      Fail(raw, absl::StrCat("wire type ", static_cast<int>(raw.type)),
           absl::StrCat(static_cast<int>(type)));
    }
  }

  WireCursor cursor_;
  const uint32_t highest_;
  const uint32_t repeated_;
  uint32_t seen_ = 0;
  absl::Status status_;
};

}  // namespace doorstep

#endif  // SYNC_CHANGE_MESSAGE_READER_H_
