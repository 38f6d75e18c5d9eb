// doorstep.h: what a caller in C sees. (Other languages, a server and the exported symbols:
// tests/contract/node/embed_test.mjs.)
#include "tests/client/c_interface.h"

#include <algorithm>
#include <string>
#include <vector>

#include "doorstep.h"
#include "doorstep/care/v1/people.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/schema/schema.h"
#include "tests/support/next_schema.h"

namespace doorstep {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

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

TEST_F(CInterfaceTest, WordsAreFound) {
  const std::string id = Add("Person", R"({"name":"Zo\u00eb Hall"})");
  Add("Person", R"({"name":"Zoe Price"})");
  const auto search = [&](const char* words, const char* options) {
    char* text = nullptr;
    EXPECT_EQ(doorstep_search(replica_, words, options, &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text));
  };
  const json hits = search("zoe hal*", nullptr);
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0]["record"], id);
  EXPECT_EQ(hits[0]["found"], json::array({"Zo\u00eb", "Hall"}));
  EXPECT_THAT(search("zoe", nullptr), SizeIs(2));
  EXPECT_THAT(search("zoe", R"({"limit":1})"), SizeIs(1));
  EXPECT_THAT(search("zoe", R"({"kind":"CaseStudy"})"), SizeIs(0));
}

TEST_F(CInterfaceTest, WhyARecordIsHereAndWhyNot) {
  const auto why = [&](const std::string& id) {
    char* text = nullptr;
    EXPECT_EQ(doorstep_why(replica_, id.c_str(), &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text));
  };
  const json here = why(Add("Person", R"({"name":"Peter Hall"})"));
  EXPECT_EQ(here["here"], true);
  EXPECT_EQ(here["title"], "Peter Hall");
  EXPECT_EQ(here["reasons"][0]["code"], "WRITTEN_HERE");
  const json missing = why("0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f");
  EXPECT_EQ(missing["here"], false);
  EXPECT_EQ(missing["reasons"][0]["code"], "ON_ITS_WAY");  // nothing was received yet
}

TEST_F(CInterfaceTest, AVersionIsPutBesideOthersAndDecidesNothing) {
  const std::string id =
      Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})");
  doorstep_record* first = Get(id);
  doorstep_record* second = Get(id);
  doorstep_edits* other = doorstep_edits_new("J Price");
  doorstep_edits_update_json(edits_, first, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                             nullptr);
  doorstep_edits_update_json(other, second, R"({"residual_rating":{"likelihood":4,"severity":3}})",
                             nullptr);
  doorstep_record_free(first);
  doorstep_record_free(second);
  Commit();
  ASSERT_EQ(doorstep_commit(replica_, other, nullptr, nullptr), DOORSTEP_OK);
  doorstep_edits_free(other);
  const auto conflict = [&] {
    char* text = nullptr;
    EXPECT_EQ(doorstep_conflicts(replica_, &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text))[0];
  };
  const std::string case_id = conflict()["case"];
  ASSERT_EQ(doorstep_edits_add_version(edits_, case_id.c_str(), R"({"likelihood":5,"severity":1})",
                                       nullptr),
            DOORSTEP_OK);
  EXPECT_THAT(Commit(), SizeIs(1));
  EXPECT_THAT(conflict()["versions"], SizeIs(3));
  EXPECT_EQ(Status()["conflicts"], 1);
}

// What a caller reads from, and writes to.
struct Text {
  std::string text;
  size_t at = 0;
};
int Write(void* context, const char* bytes, size_t size) {
  static_cast<Text*>(context)->text.append(bytes, size);
  return 0;
}
int Read(void* context, char* buffer, size_t size) {
  auto& from = *static_cast<Text*>(context);
  const size_t count = from.text.copy(buffer, std::min<size_t>(size, 7), from.at);
  from.at += count;
  return static_cast<int>(count);
}

TEST_F(CInterfaceTest, AttachmentsAreKeptReadAndListed) {
  const auto* photo = reinterpret_cast<const unsigned char*>("a photograph");
  const char* options = R"({"file":"new","record":{"caption":"the step"}})";
  char* text = nullptr;
  ASSERT_EQ(doorstep_attach_bytes(replica_, photo, 12, options, &text, nullptr), DOORSTEP_OK);
  const std::string id = Taken(text);
  ASSERT_EQ(doorstep_attachments(replica_, &text, nullptr), DOORSTEP_OK);
  const json listed = json::parse(Taken(text));
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["record"], id);
  EXPECT_EQ(listed[0]["state"], "HERE");
  EXPECT_EQ(listed[0]["size"], 12);
  const auto read = [&](size_t offset, size_t max) {
    unsigned char* bytes = nullptr;
    size_t size = 0;
    EXPECT_EQ(doorstep_attachment_read(replica_, id.c_str(), offset, max, &bytes, &size, nullptr),
              DOORSTEP_OK);
    std::string out(reinterpret_cast<char*>(bytes), size);
    doorstep_free(bytes);
    return out;
  };
  EXPECT_EQ(read(2, 5), "photo");
  EXPECT_EQ(read(12, 5), "");
  EXPECT_EQ(doorstep_attachment_ask(replica_, id.c_str(), nullptr), DOORSTEP_OK);
  const Failure missing = Fails([&](doorstep_error** error) {
    return doorstep_attach_file(replica_, "/nowhere/step.jpg", options, nullptr, error);
  });
  EXPECT_EQ(missing.code, DOORSTEP_NOT_FOUND);
  EXPECT_THAT(missing.message, HasSubstr("/nowhere/step.jpg"));
  const Failure key = Fails([&](doorstep_error** error) {
    return doorstep_attach_bytes(replica_, photo, 12, R"({"fiel":"new"})", nullptr, error);
  });
  EXPECT_EQ(key.code, DOORSTEP_INVALID_ARGUMENT);
  EXPECT_THAT(key.message, HasSubstr("fiel"));
}

TEST_F(CInterfaceTest, RecordsGoOutAndComeInAsText) {
  for (const char* name : {"A", "B"}) Add("Person", json({{"name", name}}).dump().c_str());
  Text file;
  char* text = nullptr;
  ASSERT_EQ(doorstep_export(replica_, nullptr, Write, &file, &text, nullptr), DOORSTEP_OK);
  EXPECT_EQ(json::parse(Taken(text)), json({{"records", 2}, {"undecided", 0}}));
  ASSERT_EQ(doorstep_import(replica_, nullptr, Read, &file, &text, nullptr), DOORSTEP_OK);
  EXPECT_EQ(json::parse(Taken(text))["here_already"], 2);

  Text csv{"_kind,name\nPerson,C\n"};
  ASSERT_EQ(
      doorstep_import(replica_, R"({"format":"csv","dry_run":true})", Read, &csv, &text, nullptr),
      DOORSTEP_OK);
  const json tried = json::parse(Taken(text));
  EXPECT_EQ(tried["would_import"], 1);
  EXPECT_EQ(tried["imported"], 0);
  csv.at = 0;
  ASSERT_EQ(doorstep_import(replica_, R"({"format":"csv"})", Read, &csv, &text, nullptr), 0);
  EXPECT_EQ(json::parse(Taken(text))["imported"], 1);
  Text again;
  ASSERT_EQ(doorstep_export(replica_, R"({"format":"csv","kind":"Person"})", Write, &again, nullptr,
                            nullptr),
            DOORSTEP_OK);
  EXPECT_THAT(again.text, HasSubstr("name"));

  Text wrong{"{\"kind\":\"Person\",\"record\":{\"nmae\":\"D\"}}\n"};
  ASSERT_EQ(doorstep_import(replica_, nullptr, Read, &wrong, &text, nullptr), DOORSTEP_OK);
  const json refused = json::parse(Taken(text));
  EXPECT_EQ(refused["imported"], 0);
  EXPECT_EQ(refused["errors"][0]["line"], 1);
  EXPECT_THAT(refused["errors"][0]["message"].get<std::string>(), HasSubstr("nmae"));
}

// A reader that also hears of progress.
struct Watched {
  Text from;
  std::vector<json> told;
  size_t enough = 100;
};
int ReadWatched(void* context, char* buffer, size_t size) {
  return Read(&static_cast<Watched*>(context)->from, buffer, size);
}
int Hear(void* context, const char* text) {
  auto& watched = *static_cast<Watched*>(context);
  watched.told.push_back(json::parse(text));
  return watched.told.size() < watched.enough ? 0 : 1;
}

TEST_F(CInterfaceTest, AnImportTellsHowFarItIsAndMayBeStopped) {
  std::string rows = "_kind,name\n";
  for (int i = 0; i < 1'200; ++i) rows += "Person,N" + std::to_string(i) + "\n";
  Watched stopped{{rows}, {}, 1};
  EXPECT_EQ(doorstep_import_with_progress(replica_, R"({"format":"csv"})", ReadWatched, Hear,
                                          &stopped, nullptr, nullptr),
            DOORSTEP_CANCELLED);
  EXPECT_EQ(stopped.told, std::vector<json>({json({{"records", 500}})}));
  EXPECT_EQ(Status()["records"], 0);
  Watched whole{{rows}, {}};
  char* text = nullptr;
  ASSERT_EQ(doorstep_import_with_progress(replica_, R"({"format":"csv"})", ReadWatched, Hear,
                                          &whole, &text, nullptr),
            DOORSTEP_OK);
  EXPECT_EQ(json::parse(Taken(text))["imported"], 1'200);
  ASSERT_GE(whole.told.size(), 2u);
  EXPECT_EQ(whole.told[1], json({{"records", 1'000}}));
}

TEST_F(CInterfaceTest, ReadersAndWritersOfTextMayStopAndAreNotBelieved) {
  Add("Person", R"({"name":"A"})");
  const doorstep_sink full = [](void*, const char*, size_t) { return 1; };
  EXPECT_EQ(doorstep_export(replica_, nullptr, full, nullptr, nullptr, nullptr),
            DOORSTEP_CANCELLED);
  const doorstep_source broken = [](void*, char*, size_t) { return -1; };
  EXPECT_EQ(doorstep_import(replica_, nullptr, broken, nullptr, nullptr, nullptr),
            DOORSTEP_CANCELLED);
  const doorstep_source boasting = [](void*, char*, size_t size) {
    return static_cast<int>(size) + 1;
  };
  EXPECT_THAT(Fails([&](auto** error) {
                return doorstep_import(replica_, nullptr, boasting, nullptr, nullptr, error);
              }).message,
              HasSubstr("source: got "));
  EXPECT_EQ(Status()["records"], 1);
}

TEST_F(CInterfaceTest, ASchemaComesOutAndANewerOneGoesIn) {
  unsigned char* bytes = nullptr;
  size_t size = 0;
  ASSERT_EQ(doorstep_schema(replica_, &bytes, &size, nullptr), DOORSTEP_OK);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(bytes), size), Schema::BuiltIn()->descriptor_set());
  doorstep_free(bytes);

  const auto use = [&](const std::string& set) {
    return Fails([&](auto** error) {
      return doorstep_use_schema(directory_.path().c_str(),
                                 reinterpret_cast<const unsigned char*>(set.data()), set.size(),
                                 error);
    });
  };
  EXPECT_EQ(use("x").code, DOORSTEP_INVALID_ARGUMENT);
  EXPECT_THAT(use(testing::BreakingSchema()->descriptor_set()).message, HasSubstr("Person.gp"));
  ASSERT_EQ(use(testing::NextSchema()->descriptor_set()).message, "");
  doorstep_close(replica_);
  ASSERT_EQ(doorstep_open(directory_.path().c_str(), nullptr, &replica_, nullptr), DOORSTEP_OK);
  doorstep_record* record = Get(Add("Outing", R"({"whither":"the newsagent"})"));
  EXPECT_STREQ(doorstep_record_kind(record), "Outing");
  EXPECT_THAT(doorstep_record_full_name(record), HasSubstr(".Outing"));
  doorstep_record_free(record);
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
