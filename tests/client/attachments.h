// Attachments of devices that sync with one server in the same process.
#ifndef TESTS_CLIENT_ATTACHMENTS_H_
#define TESTS_CLIENT_ATTACHMENTS_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client-lib/shelf.h"
#include "doorstep/attachments.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "tests/client/world.h"

namespace doorstep {

inline constexpr int64_t kHourMs = int64_t{60} * 60 * 1000;
inline constexpr int64_t kDayMs = 24 * kHourMs;

inline std::string Photo(int from, size_t bytes) {
  std::string out;
  for (int i = from; out.size() < bytes; ++i) absl::StrAppend(&out, i, " ");
  out.resize(bytes);
  return out;
}

class AttachmentsTest : public ::testing::Test {
 protected:
  AttachmentsTest() {
    person_ = Must(a_->Add("Person", R"({"name": "Peter"})", {.file = "new"}));
    Must(a_.Sync());
    Must(b_.Sync());
  }

  // On the person's file.
  std::string Attach(World::Linked& device, absl::string_view bytes,
                     const std::string& caption = "the step") {
    AttachOptions options;
    options.json = absl::StrCat(R"({"caption": ")", caption, R"(", "media_type": "image/jpeg"})");
    options.place.file = person_;
    device->clock().Advance(1000);
    return Must(AttachBytes(device.replica(), bytes, options));
  }
  static std::string ReadAll(World::Linked& device, const std::string& record) {
    std::string out;
    while (true) {
      const std::string piece = Must(ReadAttachment(device.replica(), record, out.size(), 10'000));
      if (piece.empty()) return out;
      out += piece;
    }
  }
  static AttachmentInfo Info(World::Linked& device, const std::string& record) {
    return Must(FindAttachment(device.replica(), record));
  }
  static bool AnyFileContains(World::Linked& device, const std::string& bytes) {
    for (const auto& entry : std::filesystem::directory_iterator(device->directory())) {
      if (Must(ReadFile(entry.path().string())).find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  // By its bytes, in the person's file.
  BlobId BlobOf(absl::string_view bytes) const {
    Sha256 hash;
    hash.Add(bytes);
    return {Must(Uuid::Parse(person_)), hash.Finish()};
  }
  // Whether all of it is kept on the device, whoever may read it.
  bool Keeps(World::Linked& device, absl::string_view bytes) const {
    client::Shelf* shelf = Must(device->store().Attachments(false, device->entropy()));
    return shelf != nullptr && Must(shelf->Find(BlobOf(bytes))).whole;
  }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked b_ = world_.NewDevice("b");
  std::string person_;
  const std::string photo_ = Photo(10'000, 200'000);
};

}  // namespace doorstep

#endif  // TESTS_CLIENT_ATTACHMENTS_H_
