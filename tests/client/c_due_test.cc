// doorstep.h: what is due, and what everybody must know.
#include <string>

#include "doorstep.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/client/c_interface.h"

namespace doorstep {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CDueTest : public CInterfaceTest {
 protected:
  json Due(const char* options) {
    char* text = nullptr;
    EXPECT_EQ(doorstep_due(replica_, options, &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text));
  }
  json News(int all) {
    char* text = nullptr;
    EXPECT_EQ(doorstep_news(replica_, all, &text, nullptr), DOORSTEP_OK);
    return json::parse(Taken(text));
  }
};

TEST_F(CDueTest, DaysAndInstantsAreListedAndStopped) {
  const std::string peter = Add("Person", R"({"name":"Peter Hall"})");
  const json task = {{"person", peter}, {"what", "tea"}, {"due", "2020-01-02"}};
  const std::string of_day = Add("Task", task.dump().c_str());
  const std::string at =
      Add("ReinstatementItem", R"({"what":"meals","due_ms":"1577955600000"})");  // 2020-01-02T09:00
  const json due = Due(nullptr);
  ASSERT_THAT(due, SizeIs(2));
  EXPECT_EQ(due[0]["record"], at);
  EXPECT_EQ(due[0]["day"], "2020-01-02");
  EXPECT_EQ(due[0]["at"], "2020-01-02T09:00:00.000Z");
  EXPECT_EQ(due[0]["overdue"], true);
  EXPECT_EQ(due[1]["record"], of_day);
  EXPECT_FALSE(due[1].contains("at"));
  EXPECT_THAT(Due(R"({"until":"2020-01-01"})"), IsEmpty());

  doorstep_record* record = Get(peter);
  ASSERT_EQ(
      doorstep_edits_update_json(edits_, record, R"({"date_of_death":"2026-11-20"})", nullptr),
      DOORSTEP_OK);
  Commit();
  doorstep_record_free(record);
  EXPECT_THAT(Due(nullptr), SizeIs(1));
  const json all = Due(R"({"stopped":true})");
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[1]["stopped"], true);
}

TEST_F(CDueTest, NewsIsToldOnce) {
  EXPECT_THAT(News(1), IsEmpty());
  const std::string id = Add("Person", R"({"name":"Peter Hall","date_of_death":"2026-11-20"})");
  json news = News(0);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0]["record"], id);
  EXPECT_THAT(news[0]["words"].get<std::string>(), HasSubstr("Peter Hall died on 20 November"));
  const json read = json::array({id});
  EXPECT_EQ(doorstep_news_read(replica_, read.dump().c_str(), nullptr), DOORSTEP_OK);
  EXPECT_THAT(News(0), IsEmpty());
  news = News(1);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0]["read"], true);
  EXPECT_EQ(doorstep_news_read(replica_, nullptr, nullptr), DOORSTEP_OK);
}

TEST_F(CDueTest, WhatIsWrongIsNamed) {
  char* text = nullptr;
  EXPECT_THAT(Fails([&](auto** error) {
                return doorstep_due(replica_, R"({"until":"soon"})", &text, error);
              }).message,
              HasSubstr("until: got \"soon\""));
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_due(replica_, R"({"untl":"x"})", &text, error);
            }).message,
            "options_json.untl: got a key that is not known here");
  EXPECT_THAT(
      Fails([&](auto** error) { return doorstep_due(nullptr, nullptr, &text, error); }).message,
      HasSubstr("replica"));
  EXPECT_THAT(
      Fails([&](auto** error) { return doorstep_news(replica_, 0, nullptr, error); }).message,
      HasSubstr("json"));
  EXPECT_EQ(Fails([&](auto** error) { return doorstep_news_read(replica_, "[1]", error); }).message,
            "records_json: wanted NULL, or an array of one or more ids");
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_news_read(replica_, R"(["018f0000-0000-7000-8000-000000000001"])",
                                        error);
            }).code,
            DOORSTEP_NOT_FOUND);
}

}  // namespace
}  // namespace doorstep
