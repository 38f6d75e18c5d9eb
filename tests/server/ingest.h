// What becomes of units that devices push: three devices of two sites.
#ifndef TESTS_SERVER_INGEST_H_
#define TESTS_SERVER_INGEST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/world.h"

namespace doorstep::server {

inline const Uuid kFile = Id(1);
inline const Uuid kRecord = Id(100);
inline constexpr char kStudy[] = R"({"title": "To the newsagent"})";

class IngestTest : public ::testing::Test {
 protected:
  // The only receipt of one unit.
  v1::Receipt Push(TestDevice& device, const Unit& unit) {
    const std::vector<v1::Receipt> receipts = Must(device.Push({unit}));
    EXPECT_THAT(receipts, ::testing::SizeIs(1));
    return receipts[0];
  }

  // Pushes a unit, pulls, and gives its outcome.
  v1::Outcome Outcome(TestDevice& device, std::vector<ChangeData> changes, const Uuid& file = kFile,
                      uint8_t tier = 0) {
    const Unit unit = device.Do(file, std::move(changes), tier);
    device.Pull();
    return device.OutcomeOf(unit);
  }

  static std::vector<int> WordsOf(const v1::Outcome& outcome) {
    return {outcome.words().begin(), outcome.words().end()};
  }

  void ExpectRejected(const v1::Outcome& outcome, const std::string& reason) {
    EXPECT_THAT(WordsOf(outcome), ::testing::ElementsAre(v1::Outcome::REJECTED));
    EXPECT_THAT(outcome.reason(), ::testing::HasSubstr(reason));
    EXPECT_THAT(outcome.what_to_do(), ::testing::Not(::testing::IsEmpty()));
  }

  const FieldState& FieldOf(const RecordState& state, const char* kind, const char* field) {
    const FieldState* found = state.Find(FieldNumber(kind, field));
    if (found == nullptr) abort();
    return *found;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> other_ = world_.NewDevice("south");
};

}  // namespace doorstep::server

#endif  // TESTS_SERVER_INGEST_H_
