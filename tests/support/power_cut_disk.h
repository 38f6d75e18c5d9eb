// One file on a disk that forgets: what programs see of it, what is on the platter, and the writes
// in between. No threads, no SQLite.
#ifndef TESTS_SUPPORT_POWER_CUT_DISK_H_
#define TESTS_SUPPORT_POWER_CUT_DISK_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"

namespace doorstep::testing {

// What the disk writes at once, or not at all.
inline constexpr size_t kDiskSectorBytes = 512;

class ForgetfulFile {
 public:
  // A file that holds `content`, durably.
  explicit ForgetfulFile(std::string content = "");

  // What programs see.
  const std::string& content() const { return content_; }

  // Beyond the end, the gap reads as zeros.
  void Write(size_t offset, absl::string_view bytes);
  void Truncate(size_t size);

  // What programs see becomes durable.
  void Sync();

  // What a reader finds after a power cut. With `tear` null: the latest synced content. Otherwise
  // each sector of each later write, and each later truncation, in their order, has reached the
  // disk or not, by chance: so old and new sectors mix, and a sector may hold a version between two
  // syncs. Bytes outside a write are never harmed ("powersafe overwrite", as SQLite assumes).
  std::string AfterPowerCut(SeededEntropy* tear) const;

 private:
  struct Change {
    bool truncate;
    size_t offset;  // or the new size
    std::string bytes;
  };

  std::string content_;
  std::string durable_;
  std::vector<Change> pending_;  // since the latest sync, oldest first
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_POWER_CUT_DISK_H_
