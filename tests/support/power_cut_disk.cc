#include "tests/support/power_cut_disk.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace doorstep::testing {
namespace {

void Put(size_t offset, absl::string_view bytes, std::string* file) {
  if (file->size() < offset + bytes.size()) file->resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), file->begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

ForgetfulFile::ForgetfulFile(std::string content)
    : content_(std::move(content)), durable_(content_) {}

void ForgetfulFile::Write(size_t offset, absl::string_view bytes) {
  Put(offset, bytes, &content_);
  pending_.push_back({/*truncate=*/false, offset, std::string(bytes)});
}

void ForgetfulFile::Truncate(size_t size) {
  content_.resize(size, '\0');
  pending_.push_back({/*truncate=*/true, size, ""});
}

void ForgetfulFile::Sync() {
  for (const Change& change : pending_) {
    if (change.truncate) {
      durable_.resize(change.offset, '\0');
    } else {
      Put(change.offset, change.bytes, &durable_);
    }
  }
  pending_.clear();
}

std::string ForgetfulFile::AfterPowerCut(SeededEntropy* tear) const {
  std::string survives = durable_;
  if (tear == nullptr) return survives;
  // From "hardly anything had been written back" to "nearly everything had".
  constexpr uint64_t kEighths = 8;
  const uint64_t luck = 1 + tear->Below(kEighths - 1);
  const auto lucky = [&] { return tear->Below(kEighths) < luck; };
  for (const Change& change : pending_) {
    if (change.truncate) {
      if (lucky()) survives.resize(change.offset, '\0');
      continue;
    }
    for (size_t done = 0; done < change.bytes.size();) {
      const size_t at = change.offset + done;
      const size_t to_boundary = kDiskSectorBytes - at % kDiskSectorBytes;
      const size_t count = std::min(to_boundary, change.bytes.size() - done);
      if (lucky()) Put(at, absl::string_view(change.bytes).substr(done, count), &survives);
      done += count;
    }
  }
  return survives;
}

}  // namespace doorstep::testing
