// A link that breaks in the middle of a first sync: the sync goes on from what it has.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/link.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int kRecords = 20'000;
constexpr int kCuts = 2;

std::string People(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const json line = {
        {"kind", "Person"},
        {"record",
         {{"name", absl::StrCat("Person ", i)},
          {"communication_needs", absl::StrCat("Large print; note ", i * 7919 % 9973)}}}};
    absl::StrAppend(&lines, line.dump(), "\n");
  }
  return lines;
}

TEST(CutLink, AFirstSyncGoesOnFromWhatItHas) {
  TempDir dir;
  ServerProcess server(dir.File("server"));
  server.AddSite("north-team");
  server.Start();
  const Device manager(dir.File("manager"), "north-team", "M Osei");
  manager.Init(server.address());
  WriteAll(dir.File("people.jsonl"), People(kRecords));
  EXPECT_EQ(manager.Json({"import", dir.File("people.jsonl")})["imported"], kRecords);
  EXPECT_EQ(manager.Sync(server.address())["waiting"], 0);

  // What an uncut first sync costs.
  const Device calm(dir.File("calm"), "north-team", "C Alm");
  calm.Init(server.address());
  const auto whole = calm.Sync(server.address()).value("bytes_received", int64_t{0});
  ASSERT_GT(whole, 100'000);

  Link link("cut_proxy.mjs", server.address(),
            {"--after", absl::StrCat(whole / 4), "--cuts", absl::StrCat(kCuts)});

  const Device late(dir.File("late"), "north-team", "N Ew");
  late.Init(link.address());
  // What is recorded before the first sync has finished waits, and is not lost.
  const std::string own = late.Add("Person", {{"name", "Recorded early"}}, {"--file", "new"});
  int64_t held = 1;
  int cuts = 0;
  RunResult result = late.Run({"sync", "--json"});
  for (; result.exit != 0 && cuts <= kCuts; result = late.Run({"sync", "--json"})) {
    ++cuts;
    EXPECT_EQ(result.exit, 5) << result;
    EXPECT_THAT(result.err, HasSubstr("safe")) << result;
    const json status = late.Json({"status"});
    EXPECT_EQ(status["complete"], false);
    const auto now = status.value("records", int64_t{0});
    EXPECT_GT(now, held) << "after cut " << cuts;
    EXPECT_LT(now, kRecords) << "after cut " << cuts;
    held = now;
    EXPECT_EQ(late.Record(own)["name"], "Recorded early");
  }
  ASSERT_EQ(result.exit, 0) << result;
  EXPECT_EQ(cuts, kCuts);
  EXPECT_EQ(link.Stop().value("cuts", 0), kCuts);

  const json last = json::parse(result.out, nullptr, false);
  ASSERT_TRUE(last.is_object()) << result;
  // Two quarters went through before; at each cut a batch was under way, and batches grow from
  // small ones, which compress less.
  EXPECT_LT(last.value("bytes_received", whole), whole * 9 / 10);
  EXPECT_EQ(last["waiting"], 0);

  manager.Sync(server.address());
  late.Sync(server.address());
  EXPECT_EQ(late.Json({"status"})["complete"], true);
  EXPECT_EQ(late.Number("records"), kRecords + 1);
  EXPECT_EQ(late.Digests(), manager.Digests());
  EXPECT_EQ(late.Out({"export"}), manager.Out({"export"}));
  server.Stop();
}

}  // namespace
}  // namespace doorstep::testing
