// A replica and a server's database as version 1 left them: opened, upgraded, compared with what
// was in them then, and brought together. They are the two sides of tests/fuzz/stage.h.
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/history.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/sqlite/rekey.h"
#include "tests/client/world.h"
#include "tests/fuzz/stage.h"
#include "tests/golden/golden.h"
#include "tests/support/core_transport.h"
#include "tests/support/process.h"

namespace doorstep {
namespace {

using testing::GoldenPath;
using testing::ReadAll;
using testing::WriteAll;
using testing::WritesGolden;

constexpr size_t kMaxDatabaseBytes = 16u << 20;

std::string Compressed(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 19);
  if (ZSTD_isError(size) != 0) abort();
  out.resize(size);
  return out;
}

std::string Decompressed(const std::string& bytes) {
  std::string out(kMaxDatabaseBytes, '\0');
  const size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) return "";
  out.resize(size);
  return out;
}

class GoldenDatabase : public ::testing::Test {
 protected:
  GoldenDatabase() {
    if (WritesGolden()) {
      std::filesystem::create_directories(GoldenPath(""));
      fuzz::Stage& stage = fuzz::Stage::Get();
      WriteAll(GoldenPath("replica.db.zst"), Compressed(ReadAll(stage.replica_file())));
      WriteAll(GoldenPath("server.db.zst"), Compressed(ReadAll(stage.server_file())));
    }
    device_.Close();
    // Version 1 was not encrypted, and had no keyring.
    std::filesystem::remove(directory_.path() + "/tablet/keyring");
    WriteAll(directory_.path() + "/tablet/replica.db",
             Decompressed(ReadAll(GoldenPath("replica.db.zst"))));
    std::filesystem::create_directories(directory_.path() + "/server/tenants");
    WriteAll(directory_.path() + "/server/tenants/default.db",
             Decompressed(ReadAll(GoldenPath("server.db.zst"))));
  }

  // Records as people see them, and the outbox: a line each, in order.
  static std::string Dump(Device& device) {
    std::vector<std::string> lines;
    for (const auto& [id, state] : World::Stored(device)) {
      lines.push_back(absl::StrCat(id.ToString(), " ", device.Json(id.ToString()).dump()));
    }
    std::sort(lines.begin(), lines.end());
    for (const OwnChange& change : Must(device.replica().Outcomes())) {
      lines.push_back(absl::StrCat(change.record, " ", static_cast<int>(change.state), " ",
                                   change.sent ? "sent" : "not sent"));
    }
    std::string dump;
    for (const std::string& line : lines) absl::StrAppend(&dump, line, "\n");
    return dump;
  }

  TestDirectory directory_;
  ManualClock clock_{kNine + 3'600'000};
  SeededEntropy entropy_{5};
  Device device_{directory_.path() + "/tablet"};
};

TEST_F(GoldenDatabase, IsOpenedUpgradedAndGoesOn) {
  device_.Reopen();
  EXPECT_FALSE(Must(IsPlainDatabase(directory_.path() + "/tablet/replica.db")));
  const std::string dump = Dump(device_);
  if (WritesGolden()) WriteAll(GoldenPath("replica.txt"), dump);
  EXPECT_EQ(dump, ReadAll(GoldenPath("replica.txt")));
  EXPECT_EQ(Must(device_.replica().Digest(false)).digest,
            Must(device_.replica().Digest(true)).digest);
  EXPECT_TRUE(World::Stored(device_) == World::Refolded(device_));

  server::TenantsOptions options;
  options.data_dir = directory_.path() + "/server";
  options.clock = &clock_;
  options.entropy = &entropy_;
  server::SyncCore core(options);
  server::Tenant* const tenant = Must(core.tenants().Find("default"));
  {
    const auto view = Must(tenant->store().Read());
    const server::HistoryReport report = Must(server::VerifyHistory(*view));
    EXPECT_TRUE(report.faults.empty()) << report.faults[0];
    EXPECT_GT(report.entries, 0u);
  }

  // The old device hands over what it held, and a new one receives all of it.
  testing::CoreTransport link(&core);
  const auto synced = device_.replica().Sync(link, {});
  ASSERT_TRUE(synced.ok()) << synced.status();
  EXPECT_EQ(synced->waiting, 0u);
  EXPECT_EQ(synced->rejected, 0u);
  EXPECT_FALSE(synced->repaired) << "the digests of version 1 are no longer what is computed";
  Device fresh(directory_.path() + "/fresh", "fresh", "north", 9);
  Must(fresh.replica().Sync(link, {}).status());
  EXPECT_TRUE(World::Stored(fresh) == World::Stored(device_));
}

}  // namespace
}  // namespace doorstep
