// Databases for tests, in a directory of their own or on a machine that can lose power.
#ifndef TESTS_SQLITE_DATABASE_FIXTURE_H_
#define TESTS_SQLITE_DATABASE_FIXTURE_H_

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "sync/sqlite/database.h"

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

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "doorstep-sqlite-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~DatabaseTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(absl::string_view name = "a.db") const {
    return absl::StrCat(directory_, "/", name);
  }

  // Does not wait for locks.
  static DatabaseOptions Impatient() {
    DatabaseOptions options;
    options.create = true;
    options.busy_timeout_ms = 0;
    return options;
  }

  std::unique_ptr<Database> Open() const { return Must(Database::Open(Path(), Impatient())); }

  static std::unique_ptr<Database> InMemory() {
    return Must(Database::Open(":memory:", Impatient()));
  }

  std::string directory_;
};

}  // namespace doorstep

#endif  // TESTS_SQLITE_DATABASE_FIXTURE_H_
