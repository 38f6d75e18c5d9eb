// Being told of commits: by this program, by another connection, by none.
#include "doorstep/observer.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sync/base/mutex.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

constexpr const char* kNames = "SELECT name FROM person ORDER BY name";

// What an observer was told, as one line per call.
class Told {
 public:
  Observer::OnChange Callback() {
    return [this](const absl::StatusOr<Answer>& answer) {
      std::string line = answer.ok() ? "" : std::string(answer.status().message());
      if (answer.ok()) {
        for (const auto& row : answer->cells) absl::StrAppend(&line, row[0], " ");
      }
      MutexLock lock(mu_);
      lines_.push_back(line);
      changed_.NotifyAll();
    };
  }
  // Waits until the last call said this; the test's time limit ends a wait for what never comes.
  void Await(const std::string& line) {
    MutexLock lock(mu_);
    while (lines_.empty() || lines_.back() != line) changed_.Wait(mu_);
  }
  // The same until it says something with `part` in it.
  void AwaitPart(const std::string& part) {
    MutexLock lock(mu_);
    while (lines_.empty() || lines_.back().find(part) == std::string::npos) changed_.Wait(mu_);
  }
  std::vector<std::string> lines() {
    MutexLock lock(mu_);
    return lines_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class ObserverTest : public ::testing::Test {
 protected:
  std::unique_ptr<Observer> Start(const std::string& sql) {
    return Must(Observer::Start(directory_.path(), sql, told_.Callback(), device_.environment()));
  }

  TestDirectory directory_;
  Device device_{directory_.path()};
  Told told_;
};

TEST_F(ObserverTest, TellsTheAnswerOfNowAndOfEachCommitThatChangesIt) {
  Must(device_.Add("Person", R"({"name":"Ann"})", {.file = "new"}));
  const auto observer = Start(kNames);
  told_.Await("\"Ann\" ");
  const std::string bob = Must(device_.Add("Person", R"({"name":"Bob"})", {.file = "new"}));
  told_.Await("\"Ann\" \"Bob\" ");
  Must(device_.Edit(bob, R"({"name":"Rob"})"));
  told_.Await("\"Ann\" \"Rob\" ");
}

TEST_F(ObserverTest, ACommitOfAnotherConnectionCountsToo) {
  const auto observer = Start(kNames);
  told_.Await("");
  Must(Must(Replica::Open(directory_.path(), {}))->Transact({}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Ann"})", {.file = "new"}).status();
  }));
  told_.Await("\"Ann\" ");
}

TEST_F(ObserverTest, CommitsThatChangeNothingThatIsAskedForAreNotTold) {
  const auto observer = Start(kNames);
  told_.Await("");
  for (int i = 0; i < 5; ++i) Must(device_.Add("HandoverNote", R"({"concerns":"none"})"));
  Must(device_.Add("Person", R"({"name":"Ann"})", {.file = "new"}));
  told_.Await("\"Ann\" ");
  EXPECT_EQ(told_.lines(), (std::vector<std::string>{"", "\"Ann\" "}));
}

TEST_F(ObserverTest, AnErrorIsToldOnceAndTheNextCommitTriesAgain) {
  const auto observer = Start(
      "SELECT json_extract(CASE WHEN count(*) = 1 THEN 'x' ELSE '[3]' END, '$[0]') FROM person");
  told_.Await("3 ");
  const std::string ann = Must(device_.Add("Person", R"({"name":"Ann"})", {.file = "new"}));
  told_.AwaitPart("malformed JSON");
  Must(device_.Edit(ann, R"({"name":"Anna"})"));
  Must(device_.Add("Person", R"({"name":"Bob"})", {.file = "new"}));
  told_.Await("3 ");
  EXPECT_EQ(told_.lines().size(), 3u);
}

TEST_F(ObserverTest, NothingIsToldAfterItIsGone) {
  auto observer = Start(kNames);
  told_.Await("");
  observer = nullptr;
  Must(device_.Add("Person", R"({"name":"Ann"})", {.file = "new"}));
  EXPECT_EQ(told_.lines(), (std::vector<std::string>{""}));
}

TEST(ObserverStartTest, WantsAReplica) {
  TestDirectory directory;
  EXPECT_EQ(Observer::Start(directory.path(), kNames, [](const auto&) {}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace doorstep
