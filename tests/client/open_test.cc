// Making and opening replicas, and what happens when that is not possible.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OpenTest : public ::testing::Test {
 protected:
  absl::Status Open(const std::string& directory, bool read_only = false) {
    OpenOptions options;
    options.read_only = read_only;
    options.environment.clock = &clock_;
    return Replica::Open(directory, options).status();
  }
  absl::Status Init(const std::string& directory) {
    InitOptions options;
    options.site = "north";
    options.device_name = "tablet";
    options.user = "A Khan";
    return Replica::Init(directory, options);
  }
  // Overwrites part of the database file.
  void Damage(const std::string& directory, int64_t offset, size_t bytes) {
    std::fstream file(directory + "/replica.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << std::string(bytes, '\x5a');
  }

  TestDirectory directory_;
  std::string at_ = directory_.path() + "/a";
  ManualClock clock_{kNine};
};

TEST_F(OpenTest, NoReplica) {
  const absl::Status status = Open(at_);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("doorstep init"));
}

TEST_F(OpenTest, InitOnce) {
  Must(Init(at_));
  EXPECT_EQ(Init(at_).code(), absl::StatusCode::kAlreadyExists);
  Must(Open(at_));
}

TEST_F(OpenTest, InitNeedsNames) {
  EXPECT_EQ(Replica::Init(at_, {}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(OpenTest, ADamagedDatabaseIsSetAsideWithItsLog) {
  Device device(at_);
  Must(device.Add("Person", R"({"name":"Peter"})"));
  device.Close();
  Damage(at_, 0, 4096);
  const absl::Status status = Open(at_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("replica.db.damaged-20261122T090000Z"));
  EXPECT_THAT(status.message(), HasSubstr("doorstep init"));
  EXPECT_TRUE(fs::exists(at_ + "/replica.db.damaged-20261122T090000Z"));
  EXPECT_TRUE(fs::exists(at_ + "/replica.db.damaged-20261122T090000Z-keyring"));
  EXPECT_FALSE(fs::exists(at_ + "/replica.db"));
  EXPECT_FALSE(fs::exists(at_ + "/keyring"));
  EXPECT_EQ(Open(at_).code(), absl::StatusCode::kNotFound);
  // A second one in the same second gets a name of its own.
  Must(Init(at_));
  Damage(at_, 0, 4096);
  EXPECT_EQ(Open(at_).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(fs::exists(at_ + "/replica.db.damaged-20261122T090000Z.2"));
  Must(Init(at_));
  Must(Open(at_));
}

TEST_F(OpenTest, UnsentChangesThatCanStillBeReadAreCounted) {
  Device device(at_);
  Must(device.Add("Person", R"({"name":"Peter"})"));
  // The root page of a table that every opening reads, and the outbox does not need.
  const int64_t page =
      device.Rows("SELECT rootpage FROM sqlite_schema WHERE name = '_record'")[0][0];
  device.Close();
  Damage(at_, (page - 1) * 4096, 4096);
  const absl::Status status = Open(at_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("can still be read: 1"));
}

TEST_F(OpenTest, AFileThatIsNoDatabase) {
  Must(Init(at_));
  std::ofstream(at_ + "/replica.db") << std::string(10000, 'x');
  EXPECT_EQ(Open(at_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(OpenTest, AReaderDoesNotSetAside) {
  Must(Init(at_));
  Damage(at_, 0, 4096);
  EXPECT_EQ(Open(at_, /*read_only=*/true).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(fs::exists(at_ + "/replica.db"));
}

TEST_F(OpenTest, ANewerReplica) {
  {
    Device device(at_);
    Must(device.db().Exec("PRAGMA user_version = 99"));
  }
  const absl::Status status = Open(at_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(fs::exists(at_ + "/replica.db"));
}

TEST_F(OpenTest, AReplicaWithANewerSchema) {
  {
    Device device(at_);
    Must(
        device.db().Exec("ALTER TABLE k_person ADD COLUMN shoe_size INTEGER;"
                         "UPDATE _state SET value = x'00' WHERE key = 'schema_hash';"));
  }
  const absl::Status status = Open(at_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("k_person.shoe_size"));
}

TEST_F(OpenTest, AnOlderSchemaIsBroughtUpToDate) {
  {
    Device device(at_);
    Must(device.Add("Person", R"({"name":"Peter","gp":"Dr Lee"})"));
    Must(
        device.db().Exec("DROP VIEW person; DROP VIEW case_study; DROP TABLE k_case_study;"
                         "UPDATE _state SET value = x'00' WHERE key = 'schema_hash';"));
  }
  EXPECT_EQ(Open(at_, /*read_only=*/true).code(), absl::StatusCode::kFailedPrecondition);
  OpenOptions options;
  const auto replica = Must(Replica::Open(at_, options));
  Must(replica->Transact(
      {}, [](Edits& edits) { return edits.AddJson("CaseStudy", R"({"title":"t"})").status(); }));
}

TEST_F(OpenTest, ADirectoryThatCannotBeWritten) {
  fs::create_directories(at_);
  Must(Init(at_));
  // Root may write anywhere: become somebody who may not.
  constexpr uid_t kNobody = 65534;
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
    ASSERT_EQ(chown(at_.c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(chown((at_ + "/replica.db").c_str(), kNobody, kNobody), 0);
  }
  ASSERT_EQ(chmod(at_.c_str(), 0500), 0);
  if (root) {
    ASSERT_EQ(seteuid(kNobody), 0);
  }
  const absl::Status opened = Open(at_);
  const absl::Status made = Init(at_ + "/below");
  const absl::Status again = Init(at_);
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  ASSERT_EQ(chmod(at_.c_str(), 0700), 0);
  EXPECT_EQ(opened.code(), absl::StatusCode::kPermissionDenied) << opened;
  EXPECT_THAT(opened.message(), HasSubstr(at_));
  EXPECT_EQ(made.code(), absl::StatusCode::kPermissionDenied) << made;
  EXPECT_EQ(again.code(), absl::StatusCode::kPermissionDenied) << again;
}

}  // namespace
}  // namespace doorstep
