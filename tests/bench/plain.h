// The limit: a plain program over plain SQLite, the same build and settings, without heads, merge,
// outbox or digests.
#ifndef TESTS_BENCH_PLAIN_H_
#define TESTS_BENCH_PLAIN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tests/bench/records.h"

struct sqlite3;
struct sqlite3_stmt;

namespace doorstep::bench {

class PlainDatabase {
 public:
  enum class Sync { kNormal, kFull };

  // A new database with one table: id, the twelve columns, and the indexes that the kind declares.
  static absl::StatusOr<std::unique_ptr<PlainDatabase>> Make(const std::string& path, Sync sync);
  ~PlainDatabase();

  absl::Status SetSync(Sync sync);
  absl::Status Begin() { return Exec("BEGIN IMMEDIATE"); }
  absl::Status Commit() { return Exec("COMMIT"); }
  absl::Status Insert(const Row& row);
  absl::Status UpdateLocation(const Uuid& id, const std::string& location);
  absl::StatusOr<Row> Read(const Uuid& id);
  absl::StatusOr<int64_t> Count();
  // How many of the records have the location that an edit gave them.
  absl::StatusOr<int64_t> CountLocation(const std::string& location);

  // Inserts all rows, `per_transaction` to a commit.
  absl::Status InsertAll(absl::Span<const Row> rows, int64_t per_transaction);

 private:
  explicit PlainDatabase(sqlite3* db) : db_(db) {}
  absl::Status Exec(const std::string& sql);
  absl::StatusOr<sqlite3_stmt*> Prepared(const std::string& sql);
  absl::Status Error() const;

  sqlite3* db_;
  std::map<std::string, sqlite3_stmt*> statements_;
};

std::string SqliteVersion();

// page_count * page_size of the database at `path`, after its WAL was copied into it; no VACUUM.
absl::StatusOr<int64_t> SizeOf(const std::string& path);

// The same for every SQLite file below a directory.
absl::StatusOr<int64_t> SizeOfAllIn(const std::string& directory);

// A loop that does nothing but insert `n` rows of 600 bytes by rowid into a new file, never synced:
// what all figures of this machine are compared with.
absl::Status BareInsert(const std::string& path, int64_t n);

// `n` times: append a page to a file and wait for the disk.
absl::Status BareSync(const std::string& path, int64_t n);

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_PLAIN_H_
