// A sync that goes on by itself, against a server in the same process: what hints make of
// attachments, and how a link that is cut often counts.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client-lib/pace.h"
#include "doorstep/attachments.h"
#include "doorstep/sync_loop.h"
#include "doorstep/v1/sync.pb.h"
#include "gtest/gtest.h"
#include "sync/base/mutex.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

constexpr size_t kPhotoBytes = 100'000;  // comes unasked

// A link that is lost at every second piece of an attachment, or before the first.
class CutTransport : public testing::CoreTransport {
 public:
  CutTransport(server::SyncCore* core, bool never) : CoreTransport(core), never_(never) {}
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request) override {
    if (never_ || ++pieces_ % 2 == 0) return absl::UnavailableError("the link is lost");
    return CoreTransport::GetChunk(request);
  }

 private:
  const bool never_;
  int pieces_ = 0;
};

class SyncLoopWorldTest : public ::testing::Test {
 protected:
  SyncLoopWorldTest() {
    AttachOptions options;
    options.json = R"({"caption":"the step","media_type":"image/jpeg"})";
    photo_ = Must(AttachBytes(a_.replica(), std::string(kPhotoBytes, 'x'), options));
    Must(a_.Sync());
  }
  ~SyncLoopWorldTest() override { End(); }

  void Begin(const SyncHints& hints, SyncLoop::MakeTransport make_transport) {
    SyncLoopOptions options;
    options.hints = hints;
    options.environment.schema = b_->environment().schema;
    options.on_attempt = [this](const SyncAttempt& attempt) {
      MutexLock lock(mu_);
      attempts_.push_back(attempt);
      tried_.NotifyAll();
    };
    loop_ = Must(SyncLoop::Start(b_->directory(), std::move(make_transport), std::move(options)));
  }
  SyncLoop::MakeTransport Good() {
    return [this] { return std::make_unique<testing::CoreTransport>(&world_.core()); };
  }
  SyncLoop::MakeTransport Cut(bool never) {
    return [this, never] { return std::make_unique<CutTransport>(&world_.core(), never); };
  }
  // Waits for the n-th attempt to be over (from 1).
  SyncAttempt Attempt(size_t n) {
    MutexLock lock(mu_);
    while (attempts_.size() < n) tried_.Wait(mu_);
    return attempts_[n - 1];
  }
  // One more attempt than there were; the loop waits then.
  SyncAttempt Next() {
    size_t before = 0;
    {
      MutexLock lock(mu_);
      before = attempts_.size();
    }
    loop_->Wake();
    return Attempt(before + 1);
  }
  void End() {
    if (loop_ == nullptr) return;
    loop_->Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_->Wait()));
    loop_.reset();
  }
  AttachmentInfo Photo() { return Must(FindAttachment(b_.replica(), photo_)); }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked b_ = world_.NewDevice("b");
  std::string photo_;
  Mutex mu_;
  CondVar tried_;
  std::vector<SyncAttempt> attempts_;  // guarded by mu_
  std::unique_ptr<SyncLoop> loop_;
};

TEST_F(SyncLoopWorldTest, OverLinksThatCostOnlyWhatWasAskedForComes) {
  for (const bool metered : {true, false}) {
    SyncHints hints;
    hints.metered = metered;
    hints.battery_low = !metered;
    attempts_.clear();
    Begin(hints, Good());
    const SyncAttempt attempt = Attempt(1);
    ASSERT_TRUE(attempt.result.ok()) << attempt.result.status();
    EXPECT_EQ(attempt.result->totals.attachment_bytes_received, 0u);
    EXPECT_EQ(Photo().state, AttachmentState::kNotAsked) << "the record is here";
    End();
  }
  SyncHints metered;
  metered.metered = true;
  attempts_.clear();
  Begin(metered, Good());
  Attempt(1);
  Must(AskForAttachment(b_.replica(), photo_));
  const SyncAttempt asked = Next();
  ASSERT_TRUE(asked.result.ok()) << asked.result.status();
  EXPECT_EQ(Photo().state, AttachmentState::kHere);
}

TEST_F(SyncLoopWorldTest, OverOthersSmallOnesComeUnasked) {
  SyncHints metered;
  metered.metered = true;
  Begin(metered, Good());
  Attempt(1);
  EXPECT_EQ(Photo().bytes_here, 0u);
  loop_->SetHints({});
  const SyncAttempt attempt = Next();
  ASSERT_TRUE(attempt.result.ok()) << attempt.result.status();
  EXPECT_EQ(Photo().state, AttachmentState::kHere);
}

// A large attachment gets on by pieces: that is no reason to wait longer each time.
TEST_F(SyncLoopWorldTest, ACutLinkThatGetsOnIsTriedAsSoonEachTime) {
  Begin({}, Cut(/*never=*/false));
  uint64_t here = 0;
  size_t cuts = 0;
  for (SyncAttempt attempt = Attempt(1); !attempt.result.ok(); attempt = Next()) {
    ASSERT_TRUE(absl::IsUnavailable(attempt.result.status())) << attempt.result.status();
    EXPECT_LE(attempt.next_ms, client::kFirstWaitMs) << cuts;
    EXPECT_GT(Photo().bytes_here, here);
    here = Photo().bytes_here;
    ++cuts;
  }
  EXPECT_GE(cuts, 3u);
  EXPECT_EQ(Photo().state, AttachmentState::kHere);
}

TEST_F(SyncLoopWorldTest, ACutLinkThatBringsNothingIsTriedLessAndLess) {
  Begin({}, Cut(/*never=*/true));
  Attempt(1);
  Next();
  const SyncAttempt third = Next();
  ASSERT_FALSE(third.result.ok());
  EXPECT_GE(third.next_ms, 2 * client::kFirstWaitMs);
}

}  // namespace
}  // namespace doorstep
