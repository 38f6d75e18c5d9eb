// A device for tests: a replica in a directory of its own, with a clock and entropy that the test
// holds.
#ifndef TESTS_CLIENT_DEVICE_H_
#define TESTS_CLIENT_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/replica_impl.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"

namespace doorstep {

// Ends the test program with the status when `result` is not OK: for steps that are not the matter
// of the test.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    abort();
  }
  return *std::move(result);
}
inline void Must(const absl::Status& status) {
  if (!status.ok()) {
    ADD_FAILURE() << status;
    abort();
  }
}

// A directory that goes with its owner.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// 2026-11-22T09:00:00Z
inline constexpr int64_t kNine = 1'795'338'000'000;

class Device {
 public:
  // Made and opened. `test_key`: see Environment; "plain" for tests that look for words in its
  // files.
  explicit Device(const std::string& directory, const std::string& name = "tablet",
                  const std::string& site = "north", uint64_t seed = 1,
                  const std::string& test_key = "");

  Replica& replica() { return *replica_; }
  client::Store& store() { return *replica_->inside().store; }
  Database& db() { return store().db(); }
  ManualClock& clock() { return clock_; }
  SeededEntropy& entropy() { return entropy_; }
  const std::string& directory() const { return directory_; }
  const std::string& name() const { return name_; }

  Environment environment();
  void Close() { replica_ = nullptr; }
  void Reopen(const OpenOptions& options = {});
  // Continues from a copy of the directory, as after a restored backup.
  void ReopenAt(const std::string& directory);

  // The edit advances the clock by a second.
  absl::StatusOr<std::string> Add(absl::string_view kind, absl::string_view json,
                                  const AddOptions& options = {});
  absl::Status Edit(absl::string_view id, absl::string_view json);
  // By M Osei, whose versions are none of the others.
  absl::Status Settle(absl::string_view case_id, const Decision& decision);
  nlohmann::json Json(absl::string_view id);
  // Rows of an SQL query, as arrays.
  nlohmann::json Rows(absl::string_view sql);

 private:
  std::string directory_;
  std::string name_;
  std::string test_key_;
  ManualClock clock_{kNine};
  SeededEntropy entropy_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace doorstep

#endif  // TESTS_CLIENT_DEVICE_H_
