#include "tests/support/opened_replica.h"

#include <sqlite3.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client-lib/open.h"
#include "client-lib/unlock.h"
#include "gtest/gtest.h"

namespace doorstep::testing {

std::string KeyOf(const std::string& directory) {
  const auto access = client::GainAccess(directory, {}, /*read_only=*/true);
  EXPECT_TRUE(access.ok()) << access.status();
  return access.ok() ? std::string(access->key.view()) : "";
}

std::unique_ptr<Database> OpenedReplica(const std::string& directory) {
  DatabaseOptions options;
  options.key = KeyOf(directory);
  auto db = Database::Open(client::DatabasePath(directory), options);
  EXPECT_TRUE(db.ok()) << db.status();
  return db.ok() ? *std::move(db) : nullptr;
}

std::string DecryptedPages(const std::string& directory) {
  const std::string key = absl::StrCat("raw:", KeyOf(directory));
  sqlite3* db = nullptr;
  sqlite3_int64 size = 0;
  unsigned char* pages = nullptr;
  const int rc =
      sqlite3_open_v2(client::DatabasePath(directory).c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  if (rc == SQLITE_OK && sqlite3_key(db, key.data(), static_cast<int>(key.size())) == SQLITE_OK) {
    pages = sqlite3_serialize(db, "main", &size, 0);
  }
  EXPECT_NE(pages, nullptr) << directory << ": " << sqlite3_errmsg(db);
  const std::string out = pages == nullptr ? std::string()
                                           : std::string(reinterpret_cast<const char*>(pages),
                                                         static_cast<size_t>(size));
  sqlite3_free(pages);
  sqlite3_close(db);
  return out;
}

}  // namespace doorstep::testing
