// Several programs on one replica at once.
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kLoops = 4;
constexpr int kEach = 25;

// Four loops of `doorstep add`, all begun before any has ended, while a fifth program syncs again
// and again: all records are there and on the server, and none twice.
TEST(SeveralProcesses, FourRecordOnOneReplicaWhileItSyncs) {
  TempDir dir;
  ServerProcess server(dir.File("server"));
  server.AddSite("north-team");
  server.Start();
  const Device tablet(dir.File("tablet"), "north-team", "A Khan");
  tablet.Init(server.address());
  // Stops at the first command that fails, busy or not, with its exit code.
  const std::string adds =
      "loop=$1; i=0; while [ $i -lt $2 ]; do"
      "  echo \"{\\\"name\\\":\\\"Loop $loop, $i\\\"}\" |"
      "    \"$3\" --replica \"$4\" add Person - --file new || exit $?;"
      "  i=$((i+1)); done";
  std::vector<std::unique_ptr<Process>> loops;
  for (int loop = 0; loop < kLoops; ++loop) {
    loops.push_back(std::make_unique<Process>(
        std::vector<std::string>{"sh", "-c", adds, "adds", absl::StrCat(loop), absl::StrCat(kEach),
                                 ProgramPath("doorstep"), tablet.directory()}));
  }
  const auto running = [&] {
    return std::count_if(loops.begin(), loops.end(), [](const std::unique_ptr<Process>& loop) {
      return !loop->WaitFor(std::chrono::microseconds(0));
    });
  };
  EXPECT_EQ(running(), kLoops);
  int syncs_beside = 0;
  while (running() > 0) {
    const RunResult sync = tablet.Run({"sync"});
    EXPECT_EQ(sync.exit, 0) << sync;
    syncs_beside += running() > 0 ? 1 : 0;
  }
  EXPECT_GT(syncs_beside, 0);

  std::multiset<std::string> ids;
  for (const auto& loop : loops) {
    const RunResult done = loop->Wait();
    EXPECT_EQ(done.exit, 0) << done;
    for (absl::string_view id : absl::StrSplit(done.out, '\n', absl::SkipEmpty())) {
      ids.emplace(id);
    }
  }
  EXPECT_THAT(ids, SizeIs(kLoops * kEach));
  const std::string count = "SELECT count(*), count(DISTINCT id), count(DISTINCT name) FROM person";
  const json all = {kLoops * kEach, kLoops * kEach, kLoops * kEach};
  EXPECT_THAT(tablet.Json({"sql", count})["rows"], ElementsAre(all));
  for (const std::string& id : ids) EXPECT_EQ(ids.count(id), 1u);
  tablet.Sync(server.address());
  const json changes = tablet.Json({"outbox", "--all"})["changes"];
  EXPECT_THAT(changes, SizeIs(kLoops * kEach));
  std::set<std::string> names;
  for (const json& change : changes) {
    names.insert(change.value("change", ""));
    EXPECT_EQ(change.value("state", ""), "APPLIED") << change;
    EXPECT_EQ(ids.count(change.value("record", "")), 1u) << change;
  }
  EXPECT_THAT(names, SizeIs(kLoops * kEach)) << "two changes of one number";
  EXPECT_THAT(tablet.Json({"outbox"})["changes"], IsEmpty());

  const Device other(dir.File("other"), "north-team", "M Osei");
  other.Init(server.address());
  other.Sync(server.address());
  EXPECT_THAT(other.Json({"sql", count})["rows"], ElementsAre(all));
  EXPECT_EQ(other.Digests(), tablet.Digests());
  server.Stop();
}

}  // namespace
}  // namespace doorstep::testing
