#include "server/epoch.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

TEST(CommonSequence, IsTheLeastOfWhatCameAfter) {
  const std::vector<EpochRow> epochs = {{11, 0}, {22, 80}, {33, 50}, {44, 90}};
  EXPECT_EQ(CommonSequence(epochs, 44), UINT64_MAX);
  EXPECT_EQ(CommonSequence(epochs, 33), 90u);
  EXPECT_EQ(CommonSequence(epochs, 22), 50u);
  EXPECT_EQ(CommonSequence(epochs, 11), 50u);
  EXPECT_EQ(CommonSequence(epochs, 55), 0u);
  EXPECT_EQ(CommonSequence(epochs, 0), 0u);
}

TEST(NewEpoch, FitsIntoADouble) {
  SeededEntropy entropy(5);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t epoch = NewEpoch(entropy);
    EXPECT_GT(epoch, 0u);
    EXPECT_LT(epoch, uint64_t{1} << 53);
  }
}

class NoticeRestoreTest : public ::testing::Test {
 protected:
  size_t Epochs() { return Must(Must(world_.tenant().store().Read())->Epochs()).size(); }
  uint64_t Epoch() { return Must(Must(world_.tenant().store().Read())->Epoch()); }
  void Notice(uint64_t epoch, uint64_t seen, const std::string& history_end = "") {
    Must(NoticeRestore(world_.tenant().store(), {epoch, seen, history_end}, entropy_));
  }
  World world_;
  SeededEntropy entropy_{5};
};

TEST_F(NoticeRestoreTest, OnlyWhoHasHeardMoreOfThisEpochProvesIt) {
  const uint64_t epoch = Epoch();
  const uint64_t head = world_.Head();
  Notice(0, 0);
  Notice(epoch, head);
  Notice(epoch + 1, head + 100);
  EXPECT_EQ(Epochs(), 1u);
  Notice(epoch, head + 1);
  EXPECT_EQ(Epochs(), 2u);
  // The next one to say so speaks of an epoch that is over.
  Notice(epoch, head + 1);
  EXPECT_EQ(Epochs(), 2u);
}

// Others have pushed as much as the device has heard of; what it heard was something else.
TEST_F(NoticeRestoreTest, AHistoryThatDoesNotRunThroughWhatWasHeardProvesIt) {
  const auto device = world_.NewDevice("north");
  Must(device->Hello());
  for (const uint64_t record : {1, 2}) {
    Must(device->Push(
        {device->Prepare(Id(9), {Create("CaseStudy", Id(record), R"({"title":"one"})")})}));
  }
  const auto end = [&] { return Must(Must(world_.tenant().store().Read())->HistoryEnd()); };
  const HistoryRow now = end();
  const std::string heard = EncodeHistoryEnd(now);
  Notice(Epoch(), 0, heard);
  Notice(Epoch(), 0, "no history");
  EXPECT_EQ(Epochs(), 1u);
  HistoryRow other = now;
  other.chain[0] ^= 1;
  Notice(Epoch() + 1, 0, EncodeHistoryEnd(other));
  EXPECT_EQ(Epochs(), 1u) << "of an epoch that is over";
  Notice(Epoch(), 0, EncodeHistoryEnd(other));
  EXPECT_EQ(Epochs(), 2u);
  // Nobody knows how much of the past is shared.
  EXPECT_EQ(Must(Must(world_.tenant().store().Read())->Epochs()).back().from_sequence, 0u);
  other.sequence += 1;
  Notice(Epoch(), 0, EncodeHistoryEnd(other));
  EXPECT_EQ(Epochs(), 3u);
  EXPECT_EQ(EncodeHistoryEnd(HistoryRow()), "");
}

}  // namespace
}  // namespace doorstep::server
