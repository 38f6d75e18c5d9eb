// The link over gRPC, against the real server's shell in the same process.
#include "doorstep/grpc_transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client-lib/pace.h"
#include "doorstep/sync_loop.h"
#include "doorstep/v1/sync.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/grpc_server.h"
#include "sync/base/mutex.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class GrpcTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { server_ = Must(server::GrpcServer::Start(&world_.core(), {})); }
  std::string Address() { return absl::StrCat("127.0.0.1:", server_->port()); }

  World world_;
  std::unique_ptr<server::GrpcServer> server_;
};

TEST_F(GrpcTransportTest, TwoReplicasSyncThroughAServer) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const std::string prose(20'000, 'x');
  std::string id;
  for (int i = 0; i < 40; ++i) {
    id = Must(a->Add("CaseStudy", absl::StrCat(R"({"title":"t","situation":")", prose, "\"}")));
  }
  const auto link_a = MakeGrpcTransport(Address());
  const auto link_b = MakeGrpcTransport(absl::StrCat("localhost:", server_->port()));
  EXPECT_EQ(Must(a.replica().Sync(*link_a, {})).applied, 40u);
  Must(b.replica().Sync(*link_b, {}).status());
  EXPECT_EQ(World::DeviceRows(*b.device), world_.ServerRows("north"));
  Must(b->Edit(id, R"({"title":"u"})"));
  Must(b.replica().Sync(*link_b, {}).status());
  Must(a.replica().Sync(*link_a, {}).status());
  EXPECT_EQ(a->Json(id)["title"], "u");
  EXPECT_THAT(Must(a.replica().History(id, link_a.get())), SizeIs(2));
}

// The server knows nothing of a device that has never said Hello: not worth a call.
TEST_F(GrpcTransportTest, TheHistoryBeforeTheFirstSync) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("CaseStudy", R"({"title":"t"})"));
  const auto link = MakeGrpcTransport(Address());
  EXPECT_EQ(a.replica().History(id, link.get()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Must(a.replica().History(id)), SizeIs(1));
}

TEST_F(GrpcTransportTest, NobodyThere) {
  const int port = server_->port();
  server_ = nullptr;
  auto a = world_.NewDevice("a");
  const auto link = MakeGrpcTransport(absl::StrCat("127.0.0.1:", port));
  const absl::Status status = a.replica().Sync(*link, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("no link to 127.0.0.1:", port)));
  // When the server comes back, so does the link.
  server::GrpcServerOptions options;
  options.port = port;
  server_ = Must(server::GrpcServer::Start(&world_.core(), options));
  Must(a.replica().Sync(*link, {}).status());
}

TEST_F(GrpcTransportTest, TheServersAnswersComeThrough) {
  auto a = world_.NewDevice("a", "nowhere");
  const auto link = MakeGrpcTransport(Address());
  const absl::Status status = a.replica().Sync(*link, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("nowhere"));
}

TEST_F(GrpcTransportTest, PlainTextStaysOnThisMachine) {
  for (const char* address : {"192.168.1.1:7400", "example.org:7400", "127.example.org:7400",
                              "0.0.0.0:7400", "[2001:db8::1]:7400"}) {
    const auto link = MakeGrpcTransport(address);
    EXPECT_EQ(link->Hello({}).status().code(), absl::StatusCode::kFailedPrecondition) << address;
  }
  for (const char* address : {"", "127.0.0.1", ":7400", "127.0.0.1:0", "127.0.0.1:x"}) {
    const auto link = MakeGrpcTransport(address);
    EXPECT_EQ(link->Hello({}).status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
}

TEST_F(GrpcTransportTest, WatchTellsOfChangesAndEndsWhenCancelled) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const auto link_a = MakeGrpcTransport(Address());
  const auto link_b = MakeGrpcTransport(Address());
  Must(a.replica().Sync(*link_a, {}).status());
  Must(b.replica().Sync(*link_b, {}).status());
  std::atomic<int> notices = 0;
  absl::Status ended;
  std::thread watcher([&] {
    ended = b.replica().Watch(*link_b, [&](uint64_t) {
      ++notices;
      // Another thread ends the watch; here it goes on.
      link_b->Cancel();
      return true;
    });
  });
  Must(a->Add("Person", R"({"name":"Peter"})").status());
  Must(a.replica().Sync(*link_a, {}).status());
  watcher.join();
  EXPECT_GE(notices, 1);
  EXPECT_EQ(ended.code(), absl::StatusCode::kCancelled) << ended;
  EXPECT_EQ(b.replica().Sync(*link_b, {}).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(GrpcTransportTest, WatchEndsWhenItsCallerHasEnough) {
  auto a = world_.NewDevice("a");
  const auto link = MakeGrpcTransport(Address());
  Must(a->Add("Person", R"({"name":"Peter"})").status());
  Must(a.replica().Sync(*link, {}).status());
  auto b = world_.NewDevice("b");
  const auto link_b = MakeGrpcTransport(Address());
  Must(b.replica().Sync(*link_b, {}).status());
  Must(a->Add("Person", R"({"name":"Mary"})").status());
  Must(a.replica().Sync(*link, {}).status());
  // Something has changed since b's checkpoint, so the first notice comes at once.
  Must(b.replica().Watch(*link_b, [](uint64_t) { return false; }));
  Must(b.replica().Sync(*link_b, {}).status());
}

// A server that stops asks its watchers to come back one after the other.
TEST_F(GrpcTransportTest, AServerThatStopsSaysWhenToComeBack) {
  auto a = world_.NewDevice("a");
  const auto link = MakeGrpcTransport(Address());
  Must(a.replica().Sync(*link, {}).status());
  auto b = world_.NewDevice("b");
  const auto link_b = MakeGrpcTransport(Address());
  Must(b->Add("CaseStudy", R"({"title":"told"})").status());
  Mutex mu;
  CondVar told;
  bool watching = false;
  absl::Status ended;
  std::thread watcher([&] {
    ended = a.replica().Watch(*link, [&](uint64_t) {
      MutexLock lock(mu);
      watching = true;
      told.NotifyAll();
      return true;
    });
  });
  Must(b.replica().Sync(*link_b, {}).status());
  {
    MutexLock lock(mu);
    while (!watching) told.Wait(mu);
  }
  server_->Stop(1'000);
  watcher.join();
  EXPECT_TRUE(absl::IsUnavailable(ended)) << ended;
  EXPECT_GE(client::RetryAfterMs(ended), 500) << ended;
}

// A server all of whose places are taken: the loop waits as long as it was asked to.
TEST_F(GrpcTransportTest, ALoopWaitsAsLongAsABusyServerAsks) {
  auto a = world_.NewDevice("a");
  server_.reset();
  server::GrpcServerOptions busy;
  busy.threads = 1;  // half of which may be pulls: none
  server_ = Must(server::GrpcServer::Start(&world_.core(), busy));
  const absl::Status sent_away = a.replica().Sync(*MakeGrpcTransport(Address()), {}).status();
  EXPECT_TRUE(absl::IsUnavailable(sent_away)) << sent_away;
  EXPECT_EQ(client::RetryAfterMs(sent_away), 5'000);

  Mutex mu;
  CondVar tried;
  std::vector<SyncAttempt> attempts;
  SyncLoopOptions options;
  options.environment.schema = a->environment().schema;
  options.on_attempt = [&](const SyncAttempt& attempt) {
    MutexLock lock(mu);
    attempts.push_back(attempt);
    tried.NotifyAll();
  };
  const std::string address = Address();
  const auto loop = Must(SyncLoop::Start(
      a->directory(), [address] { return MakeGrpcTransport(address); }, options));
  {
    MutexLock lock(mu);
    while (attempts.empty()) tried.Wait(mu);
    EXPECT_TRUE(absl::IsUnavailable(attempts[0].result.status()));
    EXPECT_GE(attempts[0].next_ms, 5'000);
    EXPECT_LE(attempts[0].next_ms, 6'250) << "and some by chance";
  }
  loop->Cancel();
  EXPECT_TRUE(absl::IsCancelled(loop->Wait()));
}

// A connection that never comes about is given up as soon as somebody says so.
TEST_F(GrpcTransportTest, AConnectionThatIsBeingMadeIsGivenUp) {
  // Takes connections, and never says a word.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  auto a = world_.NewDevice("a");
  const auto link = MakeGrpcTransport(absl::StrCat("127.0.0.1:", ntohs(at.sin_port)));
  Mutex mu;
  CondVar changed;
  bool begun = false;
  absl::Status ended;
  std::thread syncing([&] {
    {
      MutexLock lock(mu);
      begun = true;
      changed.NotifyAll();
    }
    ended = a.replica().Sync(*link, {}).status();
  });
  {
    MutexLock lock(mu);
    while (!begun) changed.Wait(mu);
    // Into the waiting, whose limit is ten seconds.
    changed.WaitFor(mu, 200);
  }
  const auto cancelled = std::chrono::steady_clock::now();
  link->Cancel();
  syncing.join();
  EXPECT_LT(std::chrono::steady_clock::now() - cancelled, std::chrono::milliseconds(500));
  EXPECT_TRUE(absl::IsCancelled(ended)) << ended;
  close(listener);
}

}  // namespace
}  // namespace doorstep
