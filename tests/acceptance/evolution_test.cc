// A new schema comes while people work: the server takes it without a restart, tablets as they
// come, and nothing is lost or received twice. Real programs, real files.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/next_schema.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Evolution : public ::testing::Test {
 protected:
  Evolution() {
    WriteAll(next_, NextSchema()->descriptor_set());
    WriteAll(breaking_, BreakingSchema()->descriptor_set());
    server_.AddSite("north-team");
    server_.Start();
    for (const Device* device : {&khan_, &price_}) device->Init(server_.address());
  }
  json Operator(std::vector<std::string> args) {
    args.emplace_back("--json");
    const RunResult result = server_.Operator(args);
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }
  static int Received(const json& sync) { return sync.value("received", -1); }

  TempDir dir_;
  const std::string next_ = dir_.File("next.pb");
  const std::string breaking_ = dir_.File("breaking.pb");
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device price_{dir_.File("price"), "north-team", "J Price"};
};

TEST_F(Evolution, WhatBreaksARuleIsRefusedByName) {
  for (const char* command : {"check", "push"}) {
    const RunResult refused = server_.Operator({"schema", command, breaking_});
    EXPECT_EQ(refused.exit, 6) << refused;
    EXPECT_THAT(refused.out, HasSubstr("BREAKS    Person.gp (1.6): got merge TEXT, wanted LATEST"));
    EXPECT_THAT(refused.out, HasSubstr("rule class"));
    EXPECT_THAT(refused.out, HasSubstr("instead: add a field with a new number"));
  }
  EXPECT_EQ(Operator({"schema", "list"})["schemas"].size(), 1u);
  EXPECT_EQ(server_.Operator({"schema", "check", next_}).exit, 0);
  EXPECT_EQ(server_.Operator({"schema", "check", dir_.File("none")}).exit, 3);
  EXPECT_EQ(server_.Operator({"schema", "check", dir_.path()}).exit, 2);
  EXPECT_EQ(khan_.Run({"schema", "use", breaking_}).exit, 2);
}

TEST_F(Evolution, ServerAndTabletsTakeItOneAfterTheOther) {
  const std::string peter = khan_.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
  khan_.Sync(server_.address());
  price_.Sync(server_.address());

  // A tablet that is ahead of its server.
  khan_.Out({"schema", "use", next_});
  const std::string outing = khan_.Add("Outing", {{"whither", "the sea"}, {"person", peter}});
  EXPECT_EQ(khan_.Sync(server_.address())["waiting"], 1);

  const json pushed = Operator({"schema", "push", next_, "--by", "Anna"});
  EXPECT_EQ(pushed["pushed"], true);
  EXPECT_EQ(pushed["served"], true) << server_.Log();
  EXPECT_EQ(Received(price_.Sync(server_.address())), 0);
  EXPECT_EQ(khan_.Sync(server_.address())["waiting"], 0);
  khan_.Edit(peter, {{"shoe_size", "nine"}});
  khan_.Sync(server_.address());

  // A tablet that is behind keeps what it does not know, and its own edit takes nothing away.
  EXPECT_EQ(Received(price_.Sync(server_.address())), 2);
  EXPECT_EQ(price_.Run({"add", "Outing", "-"}, R"({"whither":"x"})").exit, 3);
  price_.Edit(peter, {{"gp", "Dr Lee"}});
  price_.Sync(server_.address());
  khan_.Sync(server_.address());
  EXPECT_EQ(khan_.Record(peter)["gp"], "Dr Lee");
  EXPECT_EQ(khan_.Record(peter)["shoe_size"], "nine");
  EXPECT_EQ(khan_.Digests(), price_.Digests());

  price_.Out({"schema", "use", next_});
  EXPECT_EQ(price_.Record(outing)["whither"], "the sea");
  EXPECT_EQ(price_.Record(peter)["shoe_size"], "nine");
  EXPECT_THAT(price_.Out({"search", "sea"}), HasSubstr("sea"));
  EXPECT_EQ(Received(price_.Sync(server_.address())), 0);
  EXPECT_EQ(price_.Dump(), khan_.Dump());
  EXPECT_EQ(khan_.Digests(), price_.Digests());

  const json schemas = Operator({"schema", "list"})["schemas"];
  ASSERT_EQ(schemas.size(), 2u);
  EXPECT_EQ(schemas[1]["by"], "Anna");
  EXPECT_EQ(schemas[1]["in_use"], true);
  EXPECT_EQ(schemas[1]["schema"], price_.Json({"schema", "show"})["schema"]);
  server_.Stop();
  server_.Start();
  EXPECT_EQ(server_.Operator({"schema", "save", dir_.File("saved.pb")}).exit, 0);
  EXPECT_EQ(ReadAll(dir_.File("saved.pb")), NextSchema()->descriptor_set());
  price_.Edit(outing, {{"whither", "the river"}});
  EXPECT_EQ(price_.Sync(server_.address())["waiting"], 0);
  khan_.Sync(server_.address());
  EXPECT_EQ(khan_.Record(outing)["whither"], "the river");
  // A new tablet, made with it.
  const Device osei(dir_.File("osei"), "north-team", "M Osei");
  osei.Out({"init", "--server", server_.address(), "--site", "north-team", "--device", "third",
            "--user", "M Osei", "--schema", next_});
  osei.Sync(server_.address());
  EXPECT_EQ(osei.Dump(), khan_.Dump());
  server_.Stop();
}

}  // namespace
}  // namespace doorstep::testing
