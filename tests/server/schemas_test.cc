// The schema of a tenant: pushed while the server serves, kept, and never one that takes away.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/sqlite_schemas.h"
#include "sync/base/bytes.h"
#include "sync/change/record_json.h"
#include "sync/change/wire.h"
#include "tests/server/world.h"
#include "tests/support/next_schema.h"

namespace doorstep::server {
namespace {

using doorstep::testing::BreakingSchema;
using doorstep::testing::NextSchema;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A new record as a program of the next release writes it.
ChangeData CreateNext(absl::string_view kind, const Uuid& record, absl::string_view json) {
  const KindSpec& spec = *NextSchema()->FindByName(kind);
  ChangeData change;
  change.record = record;
  change.kind = spec.number;
  change.create = true;
  const std::string values = Must(JsonToValues(*NextSchema(), spec, json));
  for (FieldValues& field : Must(ParseValues(spec, values, Unknown::kRefuse))) {
    FieldEdit edit;
    edit.field = field.field;
    if (spec.Find(field.field)->is_set()) {
      edit.adds = std::move(field.values);
    } else {
      edit.value = std::move(field.values.front());
    }
    change.edits.push_back(std::move(edit));
  }
  return change;
}

class Schemas : public ::testing::Test {
 protected:
  // As a command beside the server does.
  SchemaPush Push(const std::shared_ptr<const Schema>& schema) {
    return Must(PushSchema(*Open(), schema, "Anna", kNine));
  }
  std::unique_ptr<Database> Open() {
    return Must(Database::Open(world_.core().tenants().PathOf("default"), {}));
  }
  std::vector<std::string> Taken() {
    std::vector<std::string> taken;
    Must(world_.core().tenants().TakeNewSchemas(&taken));
    return taken;
  }
  std::string Hash() { return ToHex(world_.tenant().schema().hash()); }

  World world_;
};

TEST_F(Schemas, ANewTenantHasTheProgramsOwn) {
  const std::vector<SchemaRow> rows = Must(ReadSchemas(*Open()));
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].hash, Schema::BuiltIn()->hash());
  EXPECT_EQ(rows[0].since_ms, kNine);
  EXPECT_EQ(rows[0].sequence, 0u);
  EXPECT_THAT(rows[0].by, HasSubstr("doorstep-server"));
  EXPECT_EQ(rows[0].served_ms, 0);
  EXPECT_THAT(Taken(), IsEmpty());
  EXPECT_EQ(Must(ReadSchemas(*Open()))[0].served_ms, kNine);
}

TEST_F(Schemas, APushIsServedWithoutARestart) {
  const uint64_t head = world_.Head();
  const SchemaPush push = Push(NextSchema());
  EXPECT_TRUE(push.done);
  EXPECT_THAT(push.changes, ::testing::Not(IsEmpty()));
  EXPECT_EQ(Hash(), ToHex(Schema::BuiltIn()->hash()));
  EXPECT_THAT(Taken(), ElementsAre("default"));
  EXPECT_THAT(Taken(), IsEmpty());
  EXPECT_EQ(Hash(), ToHex(NextSchema()->hash()));
  const std::vector<SchemaRow> rows = Must(ReadSchemas(*Open()));
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[1].hash, NextSchema()->hash());
  EXPECT_EQ(rows[1].by, "Anna");
  EXPECT_EQ(rows[1].served_ms, kNine);
  // Whoever watches is woken: units may wait for it.
  EXPECT_EQ(rows[1].sequence, head + 1);
  EXPECT_EQ(world_.Head(), head + 1);
}

TEST_F(Schemas, WhatBreaksARuleChangesNothing) {
  const uint64_t head = world_.Head();
  const SchemaPush push = Push(BreakingSchema());
  EXPECT_FALSE(push.done);
  std::vector<std::string> broken;
  for (const SchemaChange& change : push.changes) {
    if (change.Breaks()) broken.push_back(absl::StrCat(NameOf(change.rule), " ", change.where));
  }
  EXPECT_THAT(broken, ElementsAre("class Person.gp"));
  EXPECT_THAT(Taken(), IsEmpty());
  EXPECT_THAT(Must(ReadSchemas(*Open())), SizeIs(1));
  EXPECT_EQ(world_.Head(), head);
  EXPECT_EQ(Must(Open()->QueryInt(
                "SELECT count(*) FROM pragma_table_info('k_person') WHERE name = 'shoe_size'")),
            0);
}

TEST_F(Schemas, ThePushedOneAgainIsNoChange) {
  EXPECT_TRUE(Push(NextSchema()).done);
  const SchemaPush again = Push(NextSchema());
  EXPECT_FALSE(again.done);
  EXPECT_THAT(again.changes, IsEmpty());
  EXPECT_THAT(Must(ReadSchemas(*Open())), SizeIs(2));
  // The way back would take away.
  EXPECT_FALSE(Push(Schema::BuiltIn()).done);
}

TEST_F(Schemas, UnitsThatUseWhatIsNewWaitAndAreAdmittedThen) {
  const std::unique_ptr<TestDevice> device = world_.NewDevice();
  const std::vector<Unit> units = {
      device->Prepare(Id(1), {CreateNext("Person", Id(1), R"({"name":"P","shoe_size":"9"})")}),
      device->Prepare(Id(1), {CreateNext("Outing", Id(2), R"({"whither":"the sea"})")}),
      device->Prepare(Id(1), {CreateNext("CaseStudy", Id(3), R"({"barriers":["NO_LINK"]})")})};
  for (const v1::Receipt& receipt : Must(device->Push(units))) {
    EXPECT_EQ(receipt.status(), v1::Receipt::WAITS) << receipt.ShortDebugString();
  }
  Push(NextSchema());
  Taken();
  for (const v1::Receipt& receipt : Must(device->Push(units))) {
    EXPECT_EQ(receipt.status(), v1::Receipt::STORED) << receipt.ShortDebugString();
  }
  device->Pull();
  EXPECT_THAT(device->rows(), SizeIs(3));
  for (const Unit& unit : units) EXPECT_EQ(device->OutcomeOf(unit).words(0), v1::Outcome::APPLIED);
  const std::unique_ptr<Database> db = Open();
  EXPECT_EQ(Must(db->QueryText("SELECT shoe_size FROM person")), "9");
  EXPECT_EQ(Must(db->QueryText("SELECT whither FROM outing")), "the sea");
  EXPECT_EQ(Must(db->QueryText("SELECT barriers FROM case_study")), R"(["NO_LINK"])");
}

TEST_F(Schemas, APushMovesNoRecord) {
  const std::unique_ptr<TestDevice> device = world_.NewDevice();
  for (uint64_t i = 1; i <= 20; ++i) {
    device->Do(Id(1), {Create("Person", Id(i), R"({"name":"P"})")});
  }
  device->Pull();
  const uint64_t received = device->records_received();
  Push(NextSchema());
  Taken();
  device->Pull();
  EXPECT_EQ(device->records_received(), received);
  EXPECT_EQ(device->cursor(), world_.Head());
  EXPECT_EQ(Must(device->Hello()).schema_hash(), NextSchema()->hash());
}

TEST_F(Schemas, ARestartServesWhatWasPushed) {
  const std::unique_ptr<TestDevice> device = world_.NewDevice();
  Push(NextSchema());
  // An operator's command of the same program leaves it so, too.
  world_.Restart();
  EXPECT_EQ(Hash(), ToHex(NextSchema()->hash()));
  device->Do(Id(1), {CreateNext("Outing", Id(2), R"({"whither":"the sea"})")});
  EXPECT_THAT(Must(ReadSchemas(*Open())), SizeIs(2));
}

TEST_F(Schemas, AnUpgradedProgramBringsItsOwn) {
  TenantsOptions options = world_.Options();
  options.schema = NextSchema();
  {
    Tenants upgraded(options);
    Tenant* tenant = Must(upgraded.Find("default"));
    EXPECT_EQ(tenant->schema().hash(), NextSchema()->hash());
  }
  // The program that serves is older: it goes on with what is kept.
  EXPECT_THAT(Taken(), ElementsAre("default"));
  EXPECT_EQ(Hash(), ToHex(NextSchema()->hash()));
  const std::vector<SchemaRow> rows = Must(ReadSchemas(*Open()));
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[1].sequence, 0u);
}

TEST_F(Schemas, AProgramWhoseOwnTakesAwayFollowsWhatIsKept) {
  TenantsOptions options = world_.Options();
  options.schema = BreakingSchema();
  Tenants tenants(options);
  EXPECT_EQ(Must(tenants.Find("default"))->schema().hash(), Schema::BuiltIn()->hash());
  EXPECT_THAT(Must(ReadSchemas(*Open())), SizeIs(1));
}

TEST_F(Schemas, ADatabaseOfAnEarlierReleaseTakesTheProgramsOwn) {
  Must(Open()->Exec("DELETE FROM _schema; UPDATE _server SET schema_hash = x'00'"));
  world_.Restart();
  EXPECT_EQ(Hash(), ToHex(Schema::BuiltIn()->hash()));
  EXPECT_THAT(Must(ReadSchemas(*Open())), SizeIs(1));
}

TEST_F(Schemas, WhatOnlyANewerProgramCanReadIsRefusedByName) {
  Must(Open()->Exec("UPDATE _schema SET hash = x'01', descriptor_set = x'ffff'"));
  Tenants tenants(world_.Options());
  const absl::Status status = tenants.Find("default").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("newer program"));
}

// Devices push and pull all the while; each call ends, in the schema in which it began.
TEST_F(Schemas, CallsThatRunAreNotLost) {
  constexpr int kDevices = 4;
  constexpr uint64_t kUnits = 60;
  std::vector<std::unique_ptr<TestDevice>> devices;
  for (int i = 0; i < kDevices; ++i) {
    devices.push_back(world_.NewDevice());
    devices.back()->stamp.wall_ms = kNine;
    devices.back()->sees_clock = false;
  }
  std::atomic<int> stored{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kDevices; ++i) {
    threads.emplace_back([&, i] {
      TestDevice& device = *devices[i];
      for (uint64_t n = 0; n < kUnits; ++n) {
        const Uuid id = Id(1000 * (static_cast<uint64_t>(i) + 1) + n);
        const auto receipts =
            device.Push({device.Prepare(id, {Create("Person", id, R"({"name":"P"})")})});
        if (receipts.ok() && (*receipts)[0].status() == v1::Receipt::STORED) ++stored;
        if (n % 8 == 0) device.Pull();
      }
    });
  }
  std::vector<std::string> taken;
  std::thread ticker([&] {
    while (!done && taken.empty()) Must(world_.core().tenants().TakeNewSchemas(&taken));
  });
  while (stored < 20) std::this_thread::yield();
  EXPECT_TRUE(Push(NextSchema()).done);
  for (std::thread& thread : threads) thread.join();
  done = true;
  ticker.join();
  EXPECT_THAT(taken, ElementsAre("default"));
  EXPECT_EQ(stored, kDevices * static_cast<int>(kUnits));
  EXPECT_EQ(Must(Open()->QueryInt("SELECT count(*) FROM k_person")), stored);
  for (const std::unique_ptr<TestDevice>& device : devices) device->Pull();
  EXPECT_THAT(devices[0]->rows(), SizeIs(kDevices * kUnits));
}

}  // namespace
}  // namespace doorstep::server
