// What a row shows: the server's row with pending changes on top.
#include "client-lib/fold.h"

#include <string>

#include "client-lib/outbox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/change/wire.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FoldTest : public ::testing::Test {
 protected:
  // Stores a state of the record as the server's, as an apply does.
  void ServerHas(const std::string& id, uint32_t field, const std::string& value, uint64_t sequence,
                 int64_t time_ms) {
    Write write = Must(Write::Begin(device_.store()));
    client::Fold fold(device_.store());
    client::Outbox outbox(device_.store());
    RecordState state = *Must(device_.store().tables().Load(Must(Uuid::Parse(id))));
    state.fields.clear();
    Head head;
    head.id = {Must(Uuid::Parse("11111111-1111-4111-8111-111111111111")), sequence};
    head.time_ms = time_ms;
    head.sequence = sequence;
    head.author = "somebody";
    head.value = value;
    FieldState& at = state.At(field);
    at.sequence = sequence;
    at.heads = {head};
    const bool pending = Must(outbox.IsPending(state.id));
    Must(fold.SetServerState(state.id, pending, &state));
    if (pending) Must(fold.Refold(state.id));
    Must(write.Commit());
  }
  // The unit leaves the fold, as when its outcome came.
  void SettleAll() {
    Write write = Must(Write::Begin(device_.store()));
    client::Fold fold(device_.store());
    client::Outbox outbox(device_.store());
    for (const auto& row : device_.Rows("SELECT unit FROM _outbox")) {
      const std::vector<Uuid> records = Must(outbox.RecordsOf(row[0]));
      Must(outbox.Settle(row[0]));
      for (const Uuid& record : records) Must(fold.Refold(record));
    }
    Must(write.Commit());
  }
  std::string Text(absl::string_view json) {
    const KindSpec& kind = *Schema::BuiltIn()->FindByName("Person");
    Scalar scalar;
    scalar.present = true;
    scalar.bytes = json;
    return EncodeScalar(kind.FindByName("name")->scalar, scalar);
  }

  using Write = client::Write;
  TestDirectory directory_;
  Device device_{directory_.path()};
};

TEST_F(FoldTest, APendingRecordHasNoShadow) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  client::Fold fold(device_.store());
  EXPECT_FALSE(Must(fold.ServerState(Must(Uuid::Parse(id)))).has_value());
  const RecordState row = *Must(device_.store().tables().Load(Must(Uuid::Parse(id))));
  EXPECT_EQ(row.fields[0].sequence, 0u);
  EXPECT_EQ(row.fields[0].heads[0].sequence, 0u);
  EXPECT_EQ(row.fields[0].heads[0].time_ms, kNine + 1000);
}

TEST_F(FoldTest, TheServersRowStandsBehindPendingChanges) {
  const std::string id = Must(device_.Add("Person", R"({"gp":"Dr Lee"})"));
  ServerHas(id, 1, Text("Peter"), 7, kNine);
  EXPECT_EQ(device_.Json(id), nlohmann::json::parse(R"({"name":"Peter","gp":"Dr Lee"})"));
  EXPECT_EQ(device_.Rows("SELECT count(*) FROM _shadow")[0][0], 1);
  SettleAll();
  EXPECT_EQ(device_.Json(id), nlohmann::json::parse(R"({"name":"Peter"})"));
  EXPECT_EQ(device_.Rows("SELECT count(*) FROM _shadow")[0][0], 0);
}

TEST_F(FoldTest, ARefusedCreationLeavesNothing) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  SettleAll();
  EXPECT_EQ(device_.replica().Get(id).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(device_.Rows("SELECT count(*) FROM _record")[0][0], 0);
}

TEST_F(FoldTest, PendingChangesOfOneFieldStandOnEachOther) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  Must(device_.Edit(id, R"({"address":"2 High St"})"));
  Must(device_.Edit(id, R"({"address":"3 High St"})"));
  const RecordInfo info = Must(device_.replica().Get(id)).Info();
  ASSERT_THAT(info.fields, SizeIs(1));
  ASSERT_THAT(info.fields[0].versions, SizeIs(1));
  EXPECT_EQ(info.fields[0].versions[0].json, R"("3 High St")");
  EXPECT_TRUE(info.fields[0].versions[0].pending);
}

TEST_F(FoldTest, APendingTimeIsLaterThanItsBases) {
  const std::string id = Must(device_.Add("Person", R"({"gp":"Dr Lee"})"));
  // The server's clock is far ahead of this device's.
  ServerHas(id, 1, Text("Peter"), 7, kNine + 1'000'000'000);
  Must(device_.Edit(id, R"({"name":"Pete"})"));
  EXPECT_EQ(device_.Json(id)["name"], "Pete");
  const RecordInfo info = Must(device_.replica().Get(id)).Info();
  EXPECT_EQ(info.fields[0].versions[0].time_ms, kNine + 1'000'000'001);
}

TEST_F(FoldTest, AnOwnChangeThatLatestHidesIsABaseAllTheSame) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  // Somebody's later value wins over the pending one.
  ServerHas(id, 1, Text("Piotr"), 7, kNine + 1'000'000'000);
  EXPECT_EQ(device_.Json(id)["name"], "Piotr");
  Must(device_.Edit(id, R"({"name":"Pete"})"));
  client::Outbox outbox(device_.store());
  const Unit unit = Must(outbox.Decode(Must(outbox.Load(2))));
  EXPECT_THAT(unit.changes[0].edits[0].base, SizeIs(2));
}

TEST_F(FoldTest, AgreedIsTheLastConflictFreeServerValue) {
  const std::string id = Must(device_.Add("CaseStudy", R"({"situation":"a"})"));
  client::Outbox outbox(device_.store());
  Must(device_.Edit(id, R"({"situation":"b"})"));
  Unit unit = Must(outbox.Decode(Must(outbox.Load(2))));
  EXPECT_EQ(unit.changes[0].edits[0].agreed, Agreed());
  SettleAll();
  EXPECT_EQ(device_.replica().Get(id).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace doorstep
