// A server that was put back from a backup, with real programs and files: an edit of what the
// backup lacks is held until the record comes back, and is applied once.
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RestoredServer : public ::testing::Test {
 protected:
  // Khan's record and Price's edit of it reach the server after the backup, which is put back.
  void SetUp() override {
    server_.AddSite("north-team");
    khan_.Init("127.0.0.1:1");
    price_.Init("127.0.0.1:1");
    server_.Start();
    khan_.Add("Person", {{"name", "Somebody else"}});
    khan_.Sync(server_.address());
    server_.Stop();
    std::filesystem::copy(server_.data_dir(), dir_.File("backup"),
                          std::filesystem::copy_options::recursive);
    server_.Start();
    peter_ = khan_.Add("Person", {{"name", "Peter Hall"}});
    khan_.Sync(server_.address());
    price_.Sync(server_.address());
    price_.Edit(peter_, {{"gp", "Dr Lee"}});
    price_.Sync(server_.address());
    server_.Stop();
    std::filesystem::remove_all(server_.data_dir());
    std::filesystem::copy(dir_.File("backup"), server_.data_dir(),
                          std::filesystem::copy_options::recursive);
    EXPECT_EQ(server_.Operator({"restored"}).exit, 0);
    server_.Start();
  }

  json Outbox(const Device& device) { return device.Json({"outbox"})["changes"]; }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device price_{dir_.File("price"), "north-team", "J Price"};
  std::string peter_;
};

TEST_F(RestoredServer, AnEditOfALostRecordIsHeldAndAppliedOnceItComesBack) {
  EXPECT_EQ(price_.Sync(server_.address())["outcomes"]["HELD"], 1);
  const json held = Outbox(price_);
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(held[0]["state"], "HELD");
  EXPECT_THAT(held[0]["reason"], HasSubstr(peter_));
  EXPECT_THAT(price_.Out({"outbox"}), HasSubstr("needs you"));
  EXPECT_EQ(price_.Run({"get", peter_}).exit, 3);

  // It is in nobody's way, and outlives the server's process.
  const std::string other = price_.Add("Person", {{"name", "Gwen Evans"}});
  EXPECT_EQ(price_.Sync(server_.address())["outcomes"]["APPLIED"], 1);
  server_.Kill();
  server_.Start();

  khan_.Sync(server_.address());
  server_.Kill();
  server_.Start();
  EXPECT_EQ(price_.Sync(server_.address())["outcomes"]["APPLIED"], 1);
  EXPECT_THAT(Outbox(price_), IsEmpty());
  khan_.Sync(server_.address());
  EXPECT_EQ(price_.Record(peter_)["gp"], "Dr Lee");
  EXPECT_EQ(khan_.Dump(), price_.Dump());
  EXPECT_EQ(khan_.Digests(), price_.Digests());
  EXPECT_EQ(server_.Operator({"history", "verify"}).exit, 0);
}

TEST_F(RestoredServer, WhatIsHeldIsWithdrawnWithAReason) {
  price_.Sync(server_.address());
  const std::string change = Outbox(price_)[0]["change"];
  EXPECT_EQ(price_.Run({"outbox", "withdraw", change}).exit, 2) << "wants a reason";
  price_.Out({"outbox", "withdraw", change, "--reason", "Khan's tablet is lost"});
  EXPECT_EQ(price_.Sync(server_.address())["outcomes"]["APPLIED"], 1);
  EXPECT_THAT(Outbox(price_), IsEmpty());
  khan_.Sync(server_.address());
  price_.Sync(server_.address());
  EXPECT_FALSE(price_.Record(peter_).contains("gp"));
  EXPECT_EQ(khan_.Dump(), price_.Dump());
}

}  // namespace
}  // namespace doorstep::testing
