// doorstep.h: what a caller in C sees, with wrong arguments in particular. (Other languages, a
// server and the exported symbols: tests/contract/node/embed_test.mjs.)
#include <string>
#include <vector>

#include "doorstep.h"
#include "doorstep/care/v1/people.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kInit = R"({"site":"north","device_name":"tablet","user":"A Khan"})";

// The code and message of one call, and the case that it named.
struct Failure {
  int code = 0;
  std::string message;
  std::string case_id;
};

template <typename Call>
Failure Fails(Call call) {
  doorstep_error* error = nullptr;
  Failure out{call(&error), "", ""};
  EXPECT_EQ(out.code == DOORSTEP_OK, error == nullptr);
  EXPECT_EQ(out.code, doorstep_error_code(error));
  out.message = doorstep_error_message(error);
  out.case_id = doorstep_error_case(error);
  doorstep_error_free(error);
  return out;
}

std::string Taken(char* text) {
  std::string out = text == nullptr ? "(null)" : text;
  doorstep_free(text);
  return out;
}

class CInterfaceTest : public ::testing::Test {
 protected:
  CInterfaceTest() {
    doorstep_error* error = nullptr;
    EXPECT_EQ(doorstep_init(directory_.path().c_str(), kInit, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
    EXPECT_EQ(doorstep_open(directory_.path().c_str(), nullptr, &replica_, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
  }
  ~CInterfaceTest() override {
    doorstep_edits_free(edits_);
    doorstep_close(replica_);
  }

  // The commit of what edits_ holds: its ids.
  json Commit() {
    char* ids = nullptr;
    doorstep_error* error = nullptr;
    EXPECT_EQ(doorstep_commit(replica_, edits_, &ids, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
    return json::parse(Taken(ids));
  }
  std::string Add(const char* kind, const char* values) {
    EXPECT_EQ(doorstep_edits_add_json(edits_, kind, values, R"({"file":"new"})", nullptr), 0);
    return Commit()[0].get<std::string>();
  }
  doorstep_record* Get(const std::string& id) {
    doorstep_record* record = nullptr;
    EXPECT_EQ(doorstep_get(replica_, id.c_str(), &record, nullptr), DOORSTEP_OK);
    return record;
  }
  json Status() {
    char* text = nullptr;
    EXPECT_EQ(doorstep_status(replica_, &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text));
  }

  TestDirectory directory_;
  doorstep_replica* replica_ = nullptr;
  doorstep_edits* edits_ = doorstep_edits_new(nullptr);
};

TEST_F(CInterfaceTest, RecordsGoInAndOutAsJsonAndAsBytes) {
  const std::string id = Add("Person", R"({"name":"Peter Hall"})");
  doorstep_record* record = Get(id);
  EXPECT_EQ(doorstep_record_id(record), id);
  EXPECT_STREQ(doorstep_record_kind(record), "Person");
  unsigned char* bytes = nullptr;
  size_t size = 0;
  ASSERT_EQ(doorstep_record_bytes(record, &bytes, &size, nullptr), DOORSTEP_OK);
  care::v1::Person person;
  ASSERT_TRUE(person.ParseFromArray(bytes, static_cast<int>(size)));
  doorstep_free(bytes);
  EXPECT_EQ(person.name(), "Peter Hall");

  person.set_preferred_name("Pete");
  const std::string now = person.SerializeAsString();
  const auto* data = reinterpret_cast<const unsigned char*>(now.data());
  ASSERT_EQ(doorstep_edits_update_bytes(edits_, record, data, now.size(), nullptr), DOORSTEP_OK);
  ASSERT_EQ(doorstep_edits_add_bytes(edits_, "Person", data, now.size(), nullptr, nullptr), 0);
  doorstep_record_free(record);  // the edits hold what they need
  const json ids = Commit();
  ASSERT_THAT(ids, SizeIs(2));
  EXPECT_TRUE(ids[0].is_null());

  record = Get(id);
  char* text = nullptr;
  ASSERT_EQ(doorstep_record_json(record, &text, nullptr), DOORSTEP_OK);
  EXPECT_EQ(json::parse(Taken(text)), json({{"name", "Peter Hall"}, {"preferred_name", "Pete"}}));
  ASSERT_EQ(doorstep_record_info(record, &text, nullptr), DOORSTEP_OK);
  EXPECT_EQ(json::parse(Taken(text))["fields"]["preferred_name"]["versions"][0]["author"],
            "A Khan");
  doorstep_record_free(record);
  EXPECT_EQ(Status()["waiting"], 3);
}

TEST_F(CInterfaceTest, ACommitIsAllOrNothingAndMayBeTriedAgain) {
  ASSERT_EQ(doorstep_edits_add_json(edits_, "Person", R"({"name":"A"})", nullptr, nullptr), 0);
  ASSERT_EQ(doorstep_edits_add_json(edits_, "Person", R"({"name":5})", nullptr, nullptr), 0);
  for (int i = 0; i < 2; ++i) {
    const Failure failure =
        Fails([&](auto** error) { return doorstep_commit(replica_, edits_, nullptr, error); });
    EXPECT_EQ(failure.code, DOORSTEP_INVALID_ARGUMENT);
    EXPECT_THAT(failure.message, HasSubstr("name"));
  }
  EXPECT_EQ(Status()["records"], 0);
}

TEST_F(CInterfaceTest, AConflictIsNamedListedAndDecided) {
  const std::string id =
      Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})");
  doorstep_record* first = Get(id);
  doorstep_record* second = Get(id);
  doorstep_edits_update_json(edits_, first, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                             nullptr);
  Commit();
  doorstep_edits* other = doorstep_edits_new("J Price");
  doorstep_edits_update_json(other, second, R"({"residual_rating":{"likelihood":4,"severity":3}})",
                             nullptr);
  ASSERT_EQ(doorstep_commit(replica_, other, nullptr, nullptr), DOORSTEP_OK);
  doorstep_record_free(first);
  doorstep_record_free(second);

  char* text = nullptr;
  ASSERT_EQ(doorstep_conflicts(replica_, &text, nullptr), DOORSTEP_OK);
  const json cases = json::parse(Taken(text));
  ASSERT_THAT(cases, SizeIs(1));
  const std::string case_id = cases[0]["case"];
  const std::string seen = cases[0]["seen"];

  doorstep_record* third = Get(id);
  doorstep_edits_update_json(other, third, R"({"residual_rating":{"likelihood":3,"severity":3}})",
                             nullptr);
  const Failure failure =
      Fails([&](auto** error) { return doorstep_commit(replica_, other, nullptr, error); });
  EXPECT_EQ(failure.code, DOORSTEP_FAILED_PRECONDITION);
  EXPECT_EQ(failure.case_id, case_id);
  doorstep_record_free(third);
  doorstep_edits_free(other);

  doorstep_edits* reviewer = doorstep_edits_new("M Osei");
  const json decision = {{"seen", seen}, {"keep", 2}, {"reason", "seen together"}};
  ASSERT_EQ(doorstep_edits_settle(reviewer, case_id.c_str(), decision.dump().c_str(), nullptr),
            DOORSTEP_OK);
  ASSERT_EQ(doorstep_commit(replica_, reviewer, nullptr, nullptr), DOORSTEP_OK);
  doorstep_edits_free(reviewer);
  EXPECT_EQ(Status()["conflicts"], 0);
}

TEST_F(CInterfaceTest, VisitorsSeeEachRowAndMayStop) {
  for (const char* name : {"A", "B", "C"}) Add("Person", json({{"name", name}}).dump().c_str());
  std::vector<std::string> names;
  const doorstep_visit visit = [](void* context, const char* text) {
    auto& seen = *static_cast<std::vector<std::string>*>(context);
    seen.push_back(json::parse(text)["record"]["name"]);
    return seen.size() < 2 ? 0 : 1;
  };
  const Failure stopped = Fails([&](auto** error) {
    return doorstep_list(replica_, "Person", nullptr, visit, &names, error);
  });
  EXPECT_EQ(stopped.code, DOORSTEP_CANCELLED);
  EXPECT_THAT(names, SizeIs(2));

  json row;
  const doorstep_visit keep = [](void* context, const char* text) {
    *static_cast<json*>(context) = json::parse(text);
    return 0;
  };
  ASSERT_EQ(doorstep_query(replica_, "SELECT count(*) AS n FROM Person", keep, &row, nullptr), 0);
  EXPECT_EQ(row, json({{"columns", {"n"}}, {"cells", {3}}}));
}

TEST_F(CInterfaceTest, OptionsAreReadStrictly) {
  const auto open = [&](const char* options) {
    doorstep_replica* other = nullptr;
    Failure failure = Fails([&](auto** error) {
      return doorstep_open(directory_.path().c_str(), options, &other, error);
    });
    EXPECT_EQ(other != nullptr, failure.code == DOORSTEP_OK) << options;
    doorstep_close(other);
    return failure.message;
  };
  EXPECT_THAT(open(R"({"read_only":true,"durability":"normal"})"), IsEmpty());
  EXPECT_EQ(open("[1]"), "options_json: got [1], wanted a JSON object");
  EXPECT_EQ(open("{"), "options_json: got text that is not JSON, wanted a JSON object");
  EXPECT_EQ(open(R"({"readonly":true})"),
            "options_json.readonly: got a key that is not known here");
  EXPECT_EQ(open(R"({"read_only":"yes"})"),
            "options_json.read_only: got \"yes\", wanted true or false");
  EXPECT_EQ(open(R"({"durability":"some"})"),
            "options_json.durability: got \"some\", wanted \"full\" or \"normal\"");
  doorstep_link* link = nullptr;
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_link_new("127.0.0.1:1", R"({"call_timeout_ms":18446744073709551615})",
                                       &link, error);
            }).message,
            "options_json.call_timeout_ms: got 18446744073709551615, wanted a whole number from 1 "
            "to 86400000");
  for (const char* decision : {R"({"reason":"x"})", R"({"keep":1,"both":true,"reason":"x"})",
                               R"({"both":false,"reason":"x"})"}) {
    EXPECT_THAT(Fails([&](auto** error) {
                  return doorstep_edits_settle(edits_, "1234", decision, error);
                }).message,
                HasSubstr("exactly one of"))
        << decision;
  }
}

TEST_F(CInterfaceTest, NullIsAnErrorWhereSomethingMustBeGiven) {
  char* text = nullptr;
  size_t size = 0;
  EXPECT_EQ(Fails([&](auto** error) { return doorstep_status(nullptr, &text, error); }).message,
            "replica: got NULL");
  EXPECT_EQ(Fails([&](auto** error) { return doorstep_status(replica_, nullptr, error); }).message,
            "json: got NULL");
  EXPECT_EQ(doorstep_open(nullptr, nullptr, &replica_, nullptr), DOORSTEP_INVALID_ARGUMENT);
  EXPECT_EQ(doorstep_record_bytes(nullptr, nullptr, &size, nullptr), DOORSTEP_INVALID_ARGUMENT);
  EXPECT_EQ(doorstep_list(replica_, "Person", nullptr, nullptr, nullptr, nullptr),
            DOORSTEP_INVALID_ARGUMENT);
  EXPECT_EQ(doorstep_edits_add_bytes(edits_, "Person", nullptr, 3, nullptr, nullptr),
            DOORSTEP_INVALID_ARGUMENT);
  EXPECT_EQ(doorstep_get(replica_, nullptr, nullptr, nullptr), DOORSTEP_INVALID_ARGUMENT);
  EXPECT_STREQ(doorstep_record_id(nullptr), "");
  doorstep_free(nullptr);
  doorstep_close(nullptr);
  doorstep_record_free(nullptr);
  doorstep_edits_free(nullptr);
  doorstep_link_free(nullptr);
  doorstep_link_cancel(nullptr);
  doorstep_error_free(nullptr);
}

TEST_F(CInterfaceTest, SyncWithoutALinkSaysSo) {
  doorstep_link* link = nullptr;
  ASSERT_EQ(doorstep_link_new("127.0.0.1:1", R"({"connect_timeout_ms":200})", &link, nullptr), 0);
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_sync(replica_, link, nullptr, nullptr, nullptr, error);
            }).code,
            DOORSTEP_UNAVAILABLE);
  doorstep_link_cancel(link);
  EXPECT_EQ(doorstep_sync(replica_, link, nullptr, nullptr, nullptr, nullptr), DOORSTEP_CANCELLED);
  doorstep_link_free(link);
}

}  // namespace
}  // namespace doorstep
