// The calls: who may make them, and what is refused before anything is looked up.
#include "server/sync_core.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/errors.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "sync/change/unit_codec.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SyncCoreTest : public ::testing::Test {
 protected:
  v1::HelloRequest Hello() {
    v1::HelloRequest request;
    *request.mutable_sender() = a_->Sender();
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    return request;
  }

  v1::PushRequest Push(const v1::PushUnits& units) {
    v1::PushRequest request;
    *request.mutable_sender() = a_->Sender();
    Pack(units, true, request.mutable_units());
    return request;
  }

  static v1::PushUnits OneUnit() {
    v1::PushUnits units;
    units.add_authors("A Khan");
    v1::Envelope* envelope = units.add_units();
    envelope->set_counter(1);
    envelope->set_changes(1);
    return units;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
};

TEST_F(SyncCoreTest, HelloTellsHowThingsStand) {
  const v1::HelloResponse response = Must(world_.core().Hello(Hello()));
  EXPECT_EQ(response.protocol(), 1u);
  EXPECT_EQ(response.schema_hash(), Schema::BuiltIn()->hash());
  EXPECT_EQ(response.standing(), v1::WELCOME);
  EXPECT_EQ(response.server_time_ms(), kNine);
  EXPECT_GT(response.epoch(), 0u);
  EXPECT_EQ(response.max_push_bytes(), kMaxPushRawBytes);
  EXPECT_THAT(response.compressions(), SizeIs(1));
}

TEST_F(SyncCoreTest, HelloIsRemembered) {
  v1::HelloRequest request = Hello();
  request.set_pending(17);
  request.set_client("doorstep 0.1");
  world_.clock().Advance(1000);
  Must(world_.core().Hello(request));
  auto view = Must(world_.tenant().store().Read());
  const auto devices = Must(view->Devices());
  ASSERT_THAT(devices, SizeIs(1));
  EXPECT_EQ(devices[0].pending, 17u);
  EXPECT_EQ(devices[0].client, "doorstep 0.1");
  EXPECT_EQ(devices[0].name, "tablet");  // an empty one does not overwrite
  EXPECT_EQ(devices[0].first_contact_ms, kNine);
  EXPECT_EQ(devices[0].last_contact_ms, kNine + 1000);
}

TEST_F(SyncCoreTest, TenantsAndSitesMustExist) {
  v1::HelloRequest request = Hello();
  request.mutable_sender()->set_tenant("elsewhere");
  auto response = world_.core().Hello(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(response.status().message(), HasSubstr("HelloRequest.sender.tenant"));
  EXPECT_THAT(response.status().message(), Not(HasSubstr(world_.path())));
  request = Hello();
  request.mutable_sender()->set_site("nowhere");
  request.mutable_sender()->set_device(std::string(Id(9).AsBytes()));
  response = world_.core().Hello(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(response.status().message(), HasSubstr("HelloRequest.sender.site"));
}

TEST_F(SyncCoreTest, ADeviceBelongsToItsSite) {
  v1::HelloRequest request = Hello();
  request.mutable_sender()->set_site("south");
  EXPECT_EQ(world_.core().Hello(request).status().code(), absl::StatusCode::kPermissionDenied);
  v1::PullRequest pull = a_->NextPull();
  pull.mutable_sender()->set_site("south");
  EXPECT_EQ(world_.core().Pull(pull).status().code(), absl::StatusCode::kPermissionDenied);
  v1::PushRequest push = Push(OneUnit());
  push.mutable_sender()->set_site("south");
  EXPECT_EQ(world_.core().Push(push).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SyncCoreTest, AReplicaBelongsToItsTenant) {
  Tenant* other = Must(world_.core().tenants().Ensure("other"));
  auto write = Must(other->store().Write());
  Must(write->AddSite({"north", "North", ""}));
  Must(write->Commit());
  write.reset();
  v1::HelloRequest request = Hello();
  request.mutable_sender()->set_tenant("other");
  const auto response = world_.core().Hello(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(response.status().message(), HasSubstr("another than the replica belongs to"));
}

TEST_F(SyncCoreTest, HelloComesFirst) {
  TestDevice stranger(&world_, Id(9), "north");
  EXPECT_EQ(world_.core().Pull(stranger.NextPull()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(stranger.PushPayload(1, 1, "x").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SyncCoreTest, AnotherProtocolIsRefused) {
  v1::HelloRequest request = Hello();
  request.set_protocol_min(2);
  request.set_protocol_max(3);
  const auto response = world_.core().Hello(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(response.status().message(), HasSubstr("got 2 to 3"));
}

// Written in a life of the server that this database was restored to before: admitted as ever.
TEST_F(SyncCoreTest, AUnitOfAnUnknownEpochIsAdmitted) {
  v1::PushUnits units = OneUnit();
  units.mutable_units(0)->set_epoch(a_->hello.epoch() + 1);
  const auto response = world_.core().Push(Push(units));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->receipts(0).status(), v1::Receipt::STORED);
}

// Each is refused before anything is looked up, by the path of the field.
TEST_F(SyncCoreTest, EveryFieldIsChecked) {
  auto hello = [&](const std::function<void(v1::HelloRequest&)>& spoil) {
    v1::HelloRequest request = Hello();
    spoil(request);
    return world_.core().Hello(request).status();
  };
  auto push = [&](const std::function<void(v1::PushUnits&)>& spoil) {
    v1::PushUnits units = OneUnit();
    spoil(units);
    return world_.core().Push(Push(units)).status();
  };
  auto pull = [&](const std::function<void(v1::PullRequest&)>& spoil) {
    v1::PullRequest request = a_->NextPull();
    spoil(request);
    return world_.core().Pull(request).status();
  };
  const std::string long_text(1000, 'x');
  const std::vector<std::pair<std::string, absl::Status>> cases = {
      {"HelloRequest.sender.tenant", hello([](auto& r) { r.mutable_sender()->set_tenant(""); })},
      {"HelloRequest.sender.tenant",
       hello([](auto& r) { r.mutable_sender()->set_tenant("../default"); })},
      {"HelloRequest.sender.tenant",
       hello([&](auto& r) { r.mutable_sender()->set_tenant(long_text); })},
      {"HelloRequest.sender.site",
       hello([](auto& r) { r.mutable_sender()->set_site(std::string("a\0b", 3)); })},
      {"HelloRequest.sender.device: got 3 bytes",
       hello([](auto& r) { r.mutable_sender()->set_device("abc"); })},
      {"HelloRequest.sender.device",
       hello([](auto& r) { r.mutable_sender()->set_device(std::string(16, '\0')); })},
      {"HelloRequest.sender.incarnation",
       hello([](auto& r) { r.mutable_sender()->clear_incarnation(); })},
      {"HelloRequest.protocol_min", hello([](auto& r) { r.set_protocol_min(5); })},
      {"HelloRequest.schema_hash", hello([](auto& r) { r.set_schema_hash("x"); })},
      {"HelloRequest.device_name", hello([&](auto& r) { r.set_device_name(long_text); })},
      {"HelloRequest.device_name", hello([](auto& r) { r.set_device_name("a\x1b[2J"); })},
      {"HelloRequest.client", hello([](auto& r) { r.set_client("\xff"); })},
      {"HelloRequest.pending", hello([](auto& r) { r.set_pending(UINT64_MAX); })},
      {"PushRequest.units.authors[0]", push([](auto& u) { u.set_authors(0, ""); })},
      {"PushRequest.units.authors[0]", push([&](auto& u) { u.set_authors(0, long_text); })},
      {"PushRequest.units.units[0].counter",
       push([](auto& u) { u.mutable_units(0)->set_counter(0); })},
      {"PushRequest.units.units[0].counter",
       push([](auto& u) { u.mutable_units(0)->set_counter(UINT64_MAX); })},
      {"PushRequest.units.units[0].changes",
       push([](auto& u) { u.mutable_units(0)->set_changes(0); })},
      {"PushRequest.units.units[0].changes",
       push([](auto& u) { u.mutable_units(0)->set_changes(1001); })},
      {"PushRequest.units.units[0].author",
       push([](auto& u) { u.mutable_units(0)->set_author(1); })},
      {"PushRequest.units.units[0].signature",
       push([](auto& u) { u.mutable_units(0)->set_signature("s"); })},
      {"PushRequest.units.units[0].schema_hash",
       push([](auto& u) { u.mutable_units(0)->set_schema_hash("s"); })},
      {"PushRequest.units.units[0].checkpoint",
       push([](auto& u) { u.mutable_units(0)->set_checkpoint(UINT64_MAX); })},
      {"PullRequest.cursor", pull([](auto& r) { r.set_cursor(UINT64_MAX); })},
      {"PullRequest.cursor", pull([](auto& r) { r.set_cursor(1); })},
      {"PullRequest.first_from", pull([](auto& r) { r.set_first_from(UINT64_MAX); })},
      {"PullRequest.schema_hash", pull([](auto& r) { r.set_schema_hash("x"); })},
      {"PullRequest.position.row",
       pull([](auto& r) { r.mutable_position()->set_row(UINT64_MAX); })},
      {"PullRequest.position.stage", pull([](auto& r) { r.mutable_position()->set_stage(1); })},
  };
  for (const auto& [path, status] : cases) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr(path));
    EXPECT_TRUE(IsForCaller(status));
  }
}

TEST_F(SyncCoreTest, ABodyThatIsNoneIsRefused) {
  v1::PushRequest request;
  *request.mutable_sender() = a_->Sender();
  v1::Packed* packed = request.mutable_units();
  packed->set_data("no units");
  packed->set_raw_size(8);
  EXPECT_THAT(world_.core().Push(request).status().message(), HasSubstr("PushRequest.units"));
  packed->set_raw_size(UINT32_MAX);
  EXPECT_EQ(world_.core().Push(request).status().code(), absl::StatusCode::kInvalidArgument);
  packed->set_compression(v1::ZSTD);
  packed->set_raw_size(1000);
  EXPECT_EQ(world_.core().Push(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SyncCoreTest, TooManyUnitsAreRefused) {
  v1::PushUnits units = OneUnit();
  for (size_t i = 0; i < kMaxPushUnits; ++i) *units.add_units() = units.units(0);
  EXPECT_THAT(world_.core().Push(Push(units)).status().message(),
              HasSubstr("PushRequest.units.units: got 20001"));
}

TEST_F(SyncCoreTest, AnEmptyPushIsFine) {
  EXPECT_THAT(Must(world_.core().Push(Push({}))).receipts(), IsEmpty());
}

// Bytes changed at random in a good request: an answer or a refusal, never anything worse.
TEST_F(SyncCoreTest, SpoiledRequestsAreAnswered) {
  const Unit unit = a_->Prepare(
      Id(1), {Create("CaseStudy", Id(100), R"({"title": "x", "barriers": ["STAFFING"]})")});
  v1::PushUnits good = OneUnit();
  good.mutable_units(0)->set_payload(Must(EncodeUnit(unit)));
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    SeededEntropy random(seed);
    v1::PushUnits units = good;
    std::string* payload = units.mutable_units(0)->mutable_payload();
    for (uint64_t i = 0; i <= random.Below(4); ++i) {
      (*payload)[random.Below(payload->size())] = static_cast<char>(random.Next());
    }
    units.mutable_units(0)->set_counter(seed);
    const auto response = world_.core().Push(Push(units));
    ASSERT_TRUE(response.ok()) << response.status();
  }
  Must(a_->PullBatch());
}

TEST_F(SyncCoreTest, FaultsOfTheServerTellNothing) {
  const absl::Status inner = absl::DataLossError("k_case_study: no row 7 in /srv/secret.db");
  const absl::Status outer = Outward(inner);
  EXPECT_EQ(outer.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(outer.message(), Not(HasSubstr("secret")));
  EXPECT_THAT(Detail(outer), HasSubstr("secret"));
  EXPECT_EQ(Outward(absl::AbortedError("busy")).code(), absl::StatusCode::kUnavailable);
  const absl::Status mine = ForCaller(absl::NotFoundError("site: got x"));
  EXPECT_EQ(Outward(mine), mine);
  EXPECT_THAT(Detail(mine), IsEmpty());
}

}  // namespace
}  // namespace doorstep::server
