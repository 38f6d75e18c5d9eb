// Reading and writing on one device, without a server.
#include <string>
#include <vector>

#include "doorstep/care/v1/case_work.pb.h"
#include "doorstep/care/v1/people.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/change/site_file.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReplicaTest : public ::testing::Test {
 protected:
  TestDirectory directory_;
  Device device_{directory_.path()};
};

TEST_F(ReplicaTest, StatusOfANewReplica) {
  const ReplicaStatus status = Must(device_.replica().Status());
  EXPECT_EQ(status.tenant, "default");
  EXPECT_EQ(status.site, "north");
  EXPECT_EQ(status.site_file, SiteFile("default", "north").ToString());
  EXPECT_EQ(status.device_name, "tablet");
  EXPECT_EQ(status.user, "tablet user");
  EXPECT_EQ(status.server, "127.0.0.1:1");
  EXPECT_FALSE(status.complete);
  EXPECT_EQ(status.checkpoint, 0u);
  EXPECT_EQ(status.up_to_date_at_ms, 0);
  EXPECT_EQ(status.waiting, 0u);
  EXPECT_EQ(status.records, 0u);
}

TEST_F(ReplicaTest, TypedRecordsComeBackAsTheyWere) {
  care::v1::Person peter;
  peter.set_name("Peter");
  peter.set_date_of_birth("1951-03-04");
  peter.add_allergies("nuts");
  std::string id;
  ASSERT_TRUE(device_.replica()
                  .Transact({.author = "A Khan"},
                            [&](Edits& edits) {
                              id = Must(edits.Add(peter, {.file = "new"}));
                              return absl::OkStatus();
                            })
                  .ok());
  care::v1::Person read;
  ASSERT_TRUE(device_.replica().Get(id, &read).ok());
  EXPECT_EQ(read.SerializeAsString(), peter.SerializeAsString());

  care::v1::CaseStudy other;
  EXPECT_EQ(device_.replica().Get(id, &other).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(device_.replica().Get("01890000-0000-7000-8000-000000000000").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(device_.replica().Get("peter").status().code(), absl::StatusCode::kInvalidArgument);

  const OpenRecord open = Must(device_.replica().Get(id));
  EXPECT_EQ(open.kind(), "Person");
  EXPECT_EQ(open.Info().fields.front().versions.front().author, "A Khan");
  EXPECT_TRUE(open.Info().pending);
  EXPECT_EQ(Must(device_.replica().Status()).waiting, 1u);
  EXPECT_EQ(Must(device_.replica().Status()).records, 1u);
}

TEST_F(ReplicaTest, FileFollowsTheFirstReferenceThenTheSite) {
  const std::string peter = Must(device_.Add("Person", R"({"name":"Peter"})", {.file = "new"}));
  const std::string file = Must(device_.replica().Get(peter)).Info().file;
  const std::string study =
      Must(device_.Add("CaseStudy", R"({"subjects":[")" + peter + R"("],"title":"Out"})"));
  EXPECT_EQ(Must(device_.replica().Get(study)).Info().file, file);
  const std::string risk =
      Must(device_.Add("RiskAssessment", R"({"case_study":")" + study + R"(","activity":"walk"})"));
  EXPECT_EQ(Must(device_.replica().Get(risk)).Info().file, file);

  const std::string measure = Must(device_.Add("BaselineMeasure", R"({"period":"2026-Q1"})"));
  EXPECT_EQ(Must(device_.replica().Get(measure)).Info().file,
            SiteFile("default", "north").ToString());

  const auto lost =
      device_.Add("RiskAssessment",
                  R"({"case_study":"01890000-0000-7000-8000-000000000000","activity":"walk"})");
  EXPECT_EQ(lost.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(lost.status().message(), HasSubstr("RiskAssessment.case_study"));
}

// Mr Evans can read what stands in the couple's file.
TEST_F(ReplicaTest, ARestrictedMatterBeginsAFileOfItsOwn) {
  const std::string mrs = Must(device_.Add("Person", R"({"name":"Gwen Evans"})", {.file = "new"}));
  const std::string concern = Must(
      device_.Add("SafeguardingConcern", R"({"person":")" + mrs + R"(","types":["DOMESTIC"]})"));
  const RecordInfo info = Must(device_.replica().Get(concern)).Info();
  EXPECT_EQ(info.file, concern);
  EXPECT_EQ(info.tier, "RESTRICTED");
  const std::string other =
      Must(device_.Add("SafeguardingConcern", R"({"what_happened":"Said so"})"));
  EXPECT_EQ(Must(device_.replica().Get(other)).Info().file, other);
  // Whoever names a file has thought of it.
  const std::string named =
      Must(device_.Add("SafeguardingConcern", R"({"person":")" + mrs + R"("})", {.file = concern}));
  EXPECT_EQ(Must(device_.replica().Get(named)).Info().file, concern);
}

TEST_F(ReplicaTest, RecordsOfOneTransactionMayNameEachOther) {
  std::string study;
  Must(device_.replica().Transact({}, [&](Edits& edits) {
    const std::string peter = Must(edits.AddJson("Person", R"({"name":"P"})", {.file = "new"}));
    study = Must(edits.AddJson("CaseStudy", R"({"subjects":[")" + peter + R"("]})"));
    return absl::OkStatus();
  }));
  EXPECT_NE(Must(device_.replica().Get(study)).Info().file,
            SiteFile("default", "north").ToString());
  // One file, so one unit of two changes.
  EXPECT_THAT(device_.Rows("SELECT changes FROM _outbox"), ElementsAre(nlohmann::json{2}));
}

TEST_F(ReplicaTest, AFailedCallbackLeavesEverythingAsItWas) {
  const auto status = device_.replica().Transact({}, [&](Edits& edits) {
    Must(edits.AddJson("Person", R"({"name":"P"})"));
    return absl::InvalidArgumentError("no");
  });
  EXPECT_EQ(status.message(), "no");
  EXPECT_THAT(device_.Rows("SELECT id FROM person"), IsEmpty());
  EXPECT_EQ(Must(device_.replica().Status()).waiting, 0u);
  // And the next one works.
  Must(device_.Add("Person", R"({"name":"Q"})"));
}

TEST_F(ReplicaTest, TransactionsDoNotNest) {
  const auto status = device_.replica().Transact({}, [&](Edits&) {
    return device_.replica().Transact({}, [](Edits&) { return absl::OkStatus(); });
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ReplicaTest, QueryReadsViewsAndNothingElse) {
  Must(device_.Add("CaseStudy", R"({"title":"O'Brien \"out\"","weekly_cost_before":3500,
                                    "barriers":["STAFFING","MEMORY_COGNITION"]})"));
  EXPECT_EQ(device_.Rows("SELECT title, weekly_cost_before, barriers, learning FROM case_study"),
            nlohmann::json::parse(
                R"([["O'Brien \"out\"",3500,"[\"MEMORY_COGNITION\",\"STAFFING\"]",null]])"));
  const auto none = [](const std::vector<std::string>&, const std::vector<std::string>&) {
    return absl::OkStatus();
  };
  for (const char* sql : {"DELETE FROM _outbox", "PRAGMA user_version = 9", "VACUUM",
                          "ATTACH 'x' AS x", "INSERT INTO _state VALUES('a', 1)"}) {
    EXPECT_EQ(device_.replica().Query(sql, none).code(), absl::StatusCode::kPermissionDenied)
        << sql;
  }
  EXPECT_EQ(device_.replica().Query("SELECT 1; SELECT 2", none).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ReplicaTest, AQueryThatWouldNeverEndEnds) {
  const auto none = [](const std::vector<std::string>&, const std::vector<std::string>&) {
    return absl::OkStatus();
  };
  EXPECT_EQ(device_.replica()
                .Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                       " SELECT count(*) FROM n",
                       none)
                .code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(device_.Rows("SELECT 1"), nlohmann::json::parse("[[1]]"));
}

TEST_F(ReplicaTest, ListInOrderOfIdAndWithAnExpression) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(Must(device_.Add(
        "CaseStudy", R"({"title":"t","weekly_cost_before":)" + std::to_string(i) + "}")));
  }
  const auto list = [&](absl::string_view where) {
    std::vector<std::string> found;
    const absl::Status status =
        device_.replica().List("CaseStudy", where, [&](const OpenRecord& record) {
          found.push_back(record.id());
          return absl::OkStatus();
        });
    if (!status.ok()) found.push_back(std::string(status.message()));
    return found;
  };
  EXPECT_THAT(list(""), testing::ElementsAreArray(ids));
  EXPECT_THAT(list("weekly_cost_before >= 1 -- two of them"), ElementsAre(ids[1], ids[2]));
  EXPECT_THAT(list("1=1); SELECT (1"), ElementsAre(HasSubstr("")));
  EXPECT_EQ(device_.replica()
                .List("Nothing", "", [](const OpenRecord&) { return absl::OkStatus(); })
                .code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ReplicaTest, OwnChangesAndHistoryWithoutAServer) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter","allergies":["nuts"]})"));
  Must(device_.Edit(id, R"({"name":"Pete","gp":null,"allergies":[]})"));
  const std::vector<OwnChange> outbox = Must(device_.replica().Outbox());
  ASSERT_THAT(outbox, SizeIs(2));
  EXPECT_EQ(outbox[0].record, id);
  EXPECT_THAT(outbox[1].fields, ElementsAre("name", "allergies"));
  EXPECT_EQ(outbox[1].state, ChangeState::kWaiting);
  EXPECT_FALSE(outbox[1].sent);
  EXPECT_EQ(outbox[1].device_time_ms, kNine + 2000);

  const std::vector<HistoryLine> history = Must(device_.replica().History(id));
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[0].json, R"({"name":"Peter","allergies":["nuts"]})");
  EXPECT_EQ(history[1].json, R"({"name":"Pete"})");
  EXPECT_THAT(history[1].cleared, ElementsAre(R"(allergies["nuts"])"));
  EXPECT_EQ(history[1].device, "tablet");
  EXPECT_EQ(device_.replica().History("01890000-0000-7000-8000-000000000000").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ReplicaTest, SeveralProcessesShareAReplica) {
  OpenOptions options;
  options.environment = device_.environment();
  const auto other = Must(Replica::Open(device_.directory(), options));
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  const OpenRecord open = Must(other->Get(id));
  Must(other->Transact({},
                       [&](Edits& edits) { return edits.UpdateJson(open, R"({"name":"Pete"})"); }));
  EXPECT_EQ(device_.Json(id)["name"], "Pete");
  EXPECT_THAT(Must(device_.replica().Outbox()), SizeIs(2));
}

TEST_F(ReplicaTest, EverythingIsThereAfterReopening) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  device_.Reopen();
  EXPECT_EQ(device_.Json(id)["name"], "Peter");
  Must(device_.Edit(id, R"({"name":"Pete"})"));
  EXPECT_THAT(Must(device_.replica().Outbox()), SizeIs(2));
}

TEST_F(ReplicaTest, ReadOnly) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  OpenOptions options;
  options.read_only = true;
  device_.Reopen(options);
  EXPECT_EQ(device_.Json(id)["name"], "Peter");
  EXPECT_EQ(device_.Edit(id, R"({"name":"x"})").code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace doorstep
