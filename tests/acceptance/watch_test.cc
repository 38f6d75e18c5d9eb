// `doorstep sync --watch`: a device that somebody leaves on, while the server comes and goes.
#include <signal.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    server_.AddSite("north-team");
    server_.Start();
    for (const Device* device : {&khan_, &osei_}) device->Init(server_.address());
  }

  // Looks again and again while `watcher` runs, for half a minute.
  static void Await(Process& watcher, const std::string& what, const std::function<bool()>& seen) {
    const auto until = steady_clock::now() + std::chrono::seconds(30);
    while (!seen()) {
      ASSERT_FALSE(watcher.WaitFor(milliseconds(20))) << what << "\n" << watcher.Wait();
      ASSERT_LT(steady_clock::now(), until) << what << "\n" << watcher.out() << watcher.err();
    }
  }
  // Recorded on one device, and then seen on the other, where only khan's syncs by itself.
  void Send(Process& watcher, const std::string& name) {
    const std::string id = osei_.Add("Person", {{"name", name}}, {"--file", "new"});
    osei_.Sync(server_.address());
    Await(watcher, name + " is received", [&] { return khan_.Run({"get", id}).exit == 0; });
  }
  void AwaitSent(Process& watcher, const std::string& id) {
    Await(watcher, id + " is sent", [&] { return khan_.Number("waiting") == 0; });
    osei_.Sync(server_.address());
    EXPECT_EQ(osei_.Run({"get", id}).exit, 0);
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};
};

TEST_F(WatchTest, GoesOnWhenTheServerIsBack) {
  Process watcher(DoorstepCommand(khan_.directory(), {"sync", "--watch", "--json"}), std::nullopt);
  Await(watcher, "the first sync", [&] { return !watcher.out().empty(); });
  Send(watcher, "While it watches");
  AwaitSent(watcher, khan_.Add("Person", {{"name", "Recorded beside it"}}, {"--file", "new"}));

  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "killed" : "stopped");
    const size_t said = watcher.err().size();
    if (killed) {
      server_.Kill();
    } else {
      server_.Stop();
    }
    const std::string offline = khan_.Add("Person", {{"name", "Offline"}}, {"--file", "new"});
    Await(watcher, "that it is told", [&] { return watcher.err().size() > said; });
    EXPECT_THAT(watcher.err().substr(said), HasSubstr("no link to " + server_.address()));
    EXPECT_THAT(watcher.err().substr(said), HasSubstr("next_ms"));
    EXPECT_EQ(khan_.Number("waiting"), 1);
    server_.StartAgain();
    AwaitSent(watcher, offline);
    Send(watcher, "And it watches again");
  }

  watcher.Signal(SIGINT);
  const auto begun = steady_clock::now();
  EXPECT_EQ(watcher.Wait().exit, 0);
  EXPECT_LT(steady_clock::now() - begun, std::chrono::seconds(2));
  khan_.Sync(server_.address());
  EXPECT_EQ(khan_.Digests(), osei_.Digests());
  server_.Stop();
}

// Nobody is there from the start, and somebody stops it in the middle of waiting.
TEST_F(WatchTest, WaitsForAServerThatIsNotThere) {
  server_.Stop();
  Process watcher(DoorstepCommand(khan_.directory(), {"sync", "--watch"}), std::nullopt);
  Await(watcher, "that it is told", [&] { return !watcher.err().empty(); });
  EXPECT_THAT(watcher.err(), HasSubstr("What you recorded is safe here; trying again in"));
  watcher.Signal(SIGTERM);
  EXPECT_EQ(watcher.Wait().exit, 0);
  // What trying again does not mend ends it at once.
  const RunResult refused = khan_.Run({"sync", "--watch", "--server", "192.0.2.1:7400"});
  EXPECT_EQ(refused.exit, 1) << refused;
  EXPECT_THAT(refused.err, HasSubstr("192.0.2.1:7400"));
}

}  // namespace
}  // namespace doorstep::testing
