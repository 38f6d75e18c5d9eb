// doorstep.h: what calls from threads of the library. (With a server: tests/contract/c/smoke.c and
// the rounds of Node.js and Java.)
#include <functional>
#include <string>

#include "doorstep.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/mutex.h"
#include "tests/client/c_interface.h"

namespace doorstep {
namespace {

using nlohmann::json;

// What a thread of the library told last.
class Told {
 public:
  static void Tell(void* context, const char* text) {
    auto& told = *static_cast<Told*>(context);
    MutexLock lock(told.mu_);
    told.last_ = json::parse(text);
    told.news_.NotifyAll();
  }
  // Waits until it is so; the test's time limit ends a wait for what never comes.
  json Await(const std::function<bool(const json&)>& is_so) {
    MutexLock lock(mu_);
    while (last_.is_null() || !is_so(last_)) news_.Wait(mu_);
    return last_;
  }

 private:
  Mutex mu_;
  CondVar news_;
  json last_ ABSL_GUARDED_BY(mu_);
};

class CBackgroundTest : public CInterfaceTest {
 protected:
  // `told_` after the fixture's directory and before what calls it.
  Told told_;
};

TEST_F(CBackgroundTest, AnObserverTellsTheAnswerNowAndAfterCommits) {
  doorstep_observer* observer = nullptr;
  ASSERT_EQ(doorstep_observer_start(directory_.path().c_str(),
                                    "SELECT name, count(*) AS n FROM person GROUP BY name",
                                    Told::Tell, &told_, &observer, nullptr),
            DOORSTEP_OK);
  told_.Await([](const json& now) { return now["rows"] == json::array(); });
  Add("Person", R"({"name":"Peter \"Pete\" Hall"})");
  const json now = told_.Await([](const json& each) { return !each["rows"].empty(); });
  EXPECT_EQ(now, json::parse(R"({"columns":["name","n"],"rows":[["Peter \"Pete\" Hall",1]]})"));
  doorstep_observer_free(observer);
}

TEST_F(CBackgroundTest, AnObserverTellsWhatCannotBeAnswered) {
  doorstep_observer* observer = nullptr;
  ASSERT_EQ(doorstep_observer_start(directory_.path().c_str(), "SELECT nothing FROM person",
                                    Told::Tell, &told_, &observer, nullptr),
            DOORSTEP_OK);
  const json now = told_.Await([](const json& each) { return each.contains("error"); });
  EXPECT_EQ(now["error"]["code"], DOORSTEP_INVALID_ARGUMENT);
  EXPECT_THAT(now["error"]["message"].get<std::string>(), ::testing::HasSubstr("nothing"));
  doorstep_observer_free(observer);
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_observer_start((directory_.path() + "/none").c_str(), "SELECT 1",
                                             Told::Tell, &told_, &observer, error);
            }).code,
            DOORSTEP_NOT_FOUND);
}

// One that opens with a PIN: so does what opens it by itself.
TEST_F(CBackgroundTest, APersonsSecretOpensIt) {
  const std::string at = directory_.path() + "/locked";
  constexpr char kMine[] = R"({"person":"A Khan","secret":"123456"})";
  ASSERT_EQ(
      doorstep_init(at.c_str(),
                    R"({"site":"north","device_name":"tablet","user":"A Khan","secret":"123456"})",
                    nullptr),
      DOORSTEP_OK);
  doorstep_replica* locked = nullptr;
  doorstep_observer* observer = nullptr;
  const Failure wrong = Fails([&](auto** error) {
    return doorstep_open(at.c_str(), R"({"person":"A Khan","secret":"000000"})", &locked, error);
  });
  EXPECT_EQ(wrong.code, DOORSTEP_UNAUTHENTICATED);
  EXPECT_THAT(wrong.message, ::testing::HasSubstr("9 tries left"));
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_observer_start(at.c_str(), "SELECT 1", Told::Tell, &told_, &observer,
                                             error);
            }).code,
            DOORSTEP_UNAUTHENTICATED);
  unsigned char* schema = nullptr;
  size_t size = 0;
  ASSERT_EQ(doorstep_schema(replica_, &schema, &size, nullptr), DOORSTEP_OK);
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_use_schema(at.c_str(), schema, size, error);
            }).code,
            DOORSTEP_UNAUTHENTICATED);
  EXPECT_EQ(doorstep_use_schema_with(at.c_str(), schema, size, kMine, nullptr), DOORSTEP_OK);
  doorstep_free(schema);
  ASSERT_EQ(doorstep_open(at.c_str(), kMine, &locked, nullptr), DOORSTEP_OK);
  ASSERT_EQ(doorstep_observer_start_with(at.c_str(), "SELECT 7 AS n", kMine, Told::Tell, &told_,
                                         &observer, nullptr),
            DOORSTEP_OK);
  told_.Await([](const json& now) { return now["rows"] == json::parse("[[7]]"); });
  doorstep_observer_free(observer);
  doorstep_close(locked);
}

TEST_F(CBackgroundTest, ALoopTellsOfAttemptsIsHintedWokenAndCancelled) {
  doorstep_loop* loop = nullptr;
  ASSERT_EQ(doorstep_loop_start(directory_.path().c_str(), "127.0.0.1:1",
                                R"({"connect_timeout_ms":200,"metered":true})", Told::Tell, nullptr,
                                &told_, &loop, nullptr),
            DOORSTEP_OK);
  const json attempt = told_.Await([](const json&) { return true; });
  EXPECT_EQ(attempt["error"]["code"], DOORSTEP_UNAVAILABLE);
  EXPECT_GT(attempt["next_ms"].get<int64_t>(), 0);
  EXPECT_FALSE(attempt.contains("result"));
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_loop_hints(loop, R"({"metered":1})", error);
            }).message,
            "hints_json.metered: got 1, wanted true or false");
  EXPECT_EQ(doorstep_loop_hints(loop, R"({"battery_low":true})", nullptr), DOORSTEP_OK);
  // Each attempt waits longer than the one before.
  const int64_t first_ms = attempt["next_ms"];
  for (int i = 0; i < 3; ++i) doorstep_loop_wake(loop);
  told_.Await([&](const json& each) { return each["next_ms"] != first_ms; });
  doorstep_loop_cancel(loop);
  EXPECT_EQ(doorstep_loop_wait(loop, nullptr), DOORSTEP_CANCELLED);
  doorstep_loop_free(loop);
}

TEST_F(CBackgroundTest, ALoopWithoutCallbacksIsFreedWhileItRuns) {
  doorstep_loop* loop = nullptr;
  ASSERT_EQ(doorstep_loop_start(directory_.path().c_str(), "127.0.0.1:1", nullptr, nullptr, nullptr,
                                nullptr, &loop, nullptr),
            DOORSTEP_OK);
  doorstep_loop_free(loop);
}

// "It may use a replica of its own."
struct Opens {
  std::string directory;
  Told told;
};

TEST_F(CBackgroundTest, ACallbackMayUseAReplicaOfItsOwn) {
  Opens opens{directory_.path(), {}};
  const doorstep_tell tell = [](void* context, const char*) {
    auto& mine = *static_cast<Opens*>(context);
    doorstep_replica* replica = nullptr;
    char* text = nullptr;
    doorstep_open(mine.directory.c_str(), R"({"read_only":true})", &replica, nullptr);
    doorstep_status(replica, &text, nullptr);
    Told::Tell(&mine.told, text);
    doorstep_free(text);
    doorstep_close(replica);
  };
  doorstep_observer* observer = nullptr;
  ASSERT_EQ(doorstep_observer_start(directory_.path().c_str(), "SELECT count(*) FROM person", tell,
                                    &opens, &observer, nullptr),
            DOORSTEP_OK);
  Add("Person", R"({"name":"Peter Hall"})");
  opens.told.Await([](const json& status) { return status["records"] == 1; });
  doorstep_observer_free(observer);
}

}  // namespace
}  // namespace doorstep
