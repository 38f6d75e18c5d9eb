// L10: replicas of two schemas and a server that goes from one to the other converge on what each
// knows and lose nothing that it does not; and no record is received twice for it.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/sqlite_schemas.h"
#include "tests/client/world.h"
#include "tests/support/next_schema.h"

namespace doorstep {
namespace {

using testing::BreakingSchema;
using ::testing::HasSubstr;
using testing::NextSchema;
using ::testing::SizeIs;

// What a sync costs when nothing is to be sent or received.
constexpr uint64_t kIdleBytes = 1000;

class Evolution : public ::testing::Test {
 protected:
  // As `doorstep-server schema push`, and the server's look for it.
  void PushSchema() {
    const std::unique_ptr<Database> db =
        Must(Database::Open(world_.core().tenants().PathOf("default"), {}));
    ASSERT_TRUE(Must(server::PushSchema(*db, NextSchema(), "Anna", kNine)).done);
    std::vector<std::string> taken;
    Must(world_.core().tenants().TakeNewSchemas(&taken));
    ASSERT_THAT(taken, SizeIs(1));
  }
  static void Use(World::Linked& device, const std::shared_ptr<const Schema>& schema) {
    device->Close();
    Must(Replica::UseSchema(device->directory(), schema->descriptor_set(),
                            {.environment = device->environment()}));
    device->Reopen();
  }
  static SyncResult Sync(World::Linked& device) {
    SyncResult result = Must(device.Sync());
    EXPECT_FALSE(result.repaired);
    return result;
  }
  // Neither a record nor the bytes of one.
  static void ExpectIdle(World::Linked& device) {
    const SyncResult result = Sync(device);
    EXPECT_EQ(result.totals.records_received, 0u);
    EXPECT_EQ(result.totals.changes_sent, 0u);
    EXPECT_LT(result.totals.bytes_received, kIdleBytes);
  }
  void ExpectSame(World::Linked& device) {
    EXPECT_EQ(World::DeviceRows(*device.device), world_.ServerRows("north"));
    EXPECT_EQ(World::Stored(*device.device), World::Refolded(*device.device));
    EXPECT_EQ(Must(device.replica().Digest(true)).digest,
              Must(device.replica().Digest(false)).digest);
  }

  World world_;
  World::Linked old_ = world_.NewDevice("old");
  World::Linked new_ = world_.NewDevice("new");
};

TEST_F(Evolution, TheWholeWayWithoutMovingARecordTwice) {
  std::string peter;
  for (int i = 0; i < 50; ++i) peter = Must(old_->Add("Person", R"({"name":"Peter"})"));
  Sync(old_);
  EXPECT_EQ(Sync(new_).totals.records_received, 50u);

  // A device that is ahead of its server: what uses the new schema waits, the rest does not.
  Use(new_, NextSchema());
  ExpectIdle(new_);
  Must(new_->Edit(peter, R"({"shoe_size":"nine"})"));
  const std::string outing =
      Must(new_->Add("Outing", R"({"whither":"the sea","person":")" + peter + R"("})"));
  const std::string study = Must(new_->Add("CaseStudy", R"({"barriers":["NO_LINK","STAFFING"]})"));
  const std::string plain = Must(new_->Add("Person", R"({"name":"Mary"})"));
  EXPECT_EQ(Sync(new_).waiting, 3u);
  EXPECT_EQ(Must(new_.Sync()).waiting, 3u);
  Sync(old_);
  EXPECT_EQ(old_->Json(plain)["name"], "Mary");

  PushSchema();
  ExpectIdle(old_);
  EXPECT_EQ(Sync(new_).waiting, 0u);

  // The old program keeps what it does not know, and edits what it does.
  EXPECT_EQ(Sync(old_).totals.records_received, 3u);
  ExpectSame(old_);
  EXPECT_EQ(old_->Rows("SELECT count(*) FROM _unknown_record")[0][0], 1);
  EXPECT_THAT(old_->Json(peter).dump(), HasSubstr("_unknown"));
  Must(old_->Edit(peter, R"({"gp":"Dr Lee"})"));
  Must(old_->Edit(study, R"({"title":"To the sea"})"));
  Sync(old_);
  Sync(new_);
  EXPECT_EQ(new_->Json(peter)["gp"], "Dr Lee");
  EXPECT_EQ(new_->Json(peter)["shoe_size"], "nine");
  EXPECT_EQ(new_->Json(study)["barriers"], nlohmann::json::parse(R"(["STAFFING","NO_LINK"])"));
  Sync(old_);
  const Rows before = World::DeviceRows(*old_.device);

  // The upgrade of a device that has changes to send.
  Must(old_->Edit(peter, R"({"uprn":"77"})"));
  Use(old_, NextSchema());
  EXPECT_EQ(World::DeviceRows(*old_.device), before);
  EXPECT_EQ(old_->Json(peter)["shoe_size"], "nine");
  EXPECT_EQ(old_->Json(peter)["uprn"], "77");
  EXPECT_EQ(old_->Json(outing)["whither"], "the sea");
  EXPECT_EQ(old_->Rows("SELECT shoe_size FROM person WHERE shoe_size IS NOT NULL")[0][0], "nine");
  EXPECT_EQ(old_->Rows("SELECT count(*) FROM _unknown_record")[0][0], 0);
  EXPECT_THAT(Must(old_.replica().Search("sea", {})), SizeIs(2));
  EXPECT_THAT(Must(old_.replica().Search("nine", {})), SizeIs(1));
  const SyncResult after = Sync(old_);
  EXPECT_EQ(after.totals.records_received, 1u) << "its own edit, admitted";
  EXPECT_EQ(after.applied, 1u);
  ExpectIdle(old_);
  Sync(new_);
  for (World::Linked* device : {&old_, &new_}) ExpectSame(*device);
  EXPECT_EQ(old_->Json(peter), new_->Json(peter));
}

TEST_F(Evolution, AProgramThatIsBuiltWithMoreReadsWhatWasKept) {
  const std::string peter = Must(old_->Add("Person", R"({"name":"Peter"})"));
  Sync(old_);
  PushSchema();
  Use(new_, NextSchema());
  Sync(new_);
  Must(new_->Edit(peter, R"({"shoe_size":"nine"})"));
  Sync(new_);
  Sync(old_);
  OpenOptions later;
  later.environment.schema = NextSchema();
  old_->Reopen(later);
  EXPECT_EQ(old_->Json(peter)["shoe_size"], "nine");
  ExpectIdle(old_);
  ExpectSame(old_);
}

TEST_F(Evolution, AFirstSyncBringsOldProgramsWhatTheyDoNotKnow) {
  PushSchema();
  Use(new_, NextSchema());
  const std::string outing = Must(new_->Add("Outing", R"({"whither":"the sea"})"));
  Sync(new_);
  EXPECT_EQ(Sync(old_).totals.records_received, 1u);
  ExpectSame(old_);
  Use(old_, NextSchema());
  EXPECT_EQ(old_->Json(outing)["whither"], "the sea");
  ExpectIdle(old_);
}

TEST_F(Evolution, WhatAReplicaWasGivenLeads) {
  Use(old_, NextSchema());
  const std::string outing = Must(old_->Add("Outing", R"({"whither":"the sea"})"));
  old_->Reopen();  // by a program that was built without it
  EXPECT_EQ(old_->Json(outing)["whither"], "the sea");
  OpenOptions later;
  later.environment.schema = NextSchema();
  old_->Reopen(later);
  EXPECT_EQ(old_->Json(outing)["whither"], "the sea");
  // Once more is no change.
  Use(old_, NextSchema());
}

TEST_F(Evolution, WhatBreaksARuleIsRefusedByName) {
  old_->Close();
  const absl::Status status =
      Replica::UseSchema(old_->directory(), BreakingSchema()->descriptor_set());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Person.gp (1.6): got merge TEXT"));
  EXPECT_EQ(Replica::UseSchema(old_->directory(), "x").code(), absl::StatusCode::kInvalidArgument);
  old_->Reopen();
  EXPECT_EQ(old_.replica().schema().hash(), Schema::BuiltIn()->hash());
}

TEST_F(Evolution, AReplicaMadeWithASchemaOfItsOwn) {
  TestDirectory directory;
  InitOptions init;
  init.site = "north";
  init.device_name = "third";
  init.user = "M Osei";
  init.descriptor_set = NextSchema()->descriptor_set();
  Must(Replica::Init(directory.path() + "/r", init));
  const auto replica = Must(Replica::Open(directory.path() + "/r", {}));
  EXPECT_EQ(replica->schema().hash(), NextSchema()->hash());
  init.descriptor_set = "x";
  EXPECT_EQ(Replica::Init(directory.path() + "/s", init).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace doorstep
