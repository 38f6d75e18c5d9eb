// The shell: sockets, streams, watchers, and an orderly end.
#include "server/grpc_server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;

constexpr char kStudy[] = R"({"title": "To the newsagent"})";

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() {
    server_ = Must(GrpcServer::Start(&world_.core(), {}));
    Connect();
  }

  void Connect() {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
    stub_ =
        v1::Sync::NewStub(grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                                    grpc::InsecureChannelCredentials(), arguments));
  }

  // No call of a test takes longer.
  static void Deadline(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }

  v1::WatchRequest Watch(const TestDevice& device, uint64_t cursor) {
    v1::WatchRequest request;
    *request.mutable_sender() = device.Sender();
    request.set_cursor(cursor);
    return request;
  }

  // What a call that was sent away is told, in ms; empty: nothing.
  static std::string ToldToWait(const grpc::ClientContext& context) {
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto found = metadata.find("grpc-retry-pushback-ms");
    return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }
  v1::HelloRequest HelloRequest() {
    v1::HelloRequest request;
    *request.mutable_sender() = a_->Sender();
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    return request;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::Sync::Stub> stub_;
};

TEST_F(GrpcServerTest, APullStreamsToTheCheckpoint) {
  for (uint64_t id = 100; id < 120; ++id) {
    a_->Do(Id(1), {Create("CaseStudy", Id(id),
                          absl::StrCat(R"({"situation": ")", std::string(50'000, 'x'), "\"}"))});
  }
  v1::PullRequest request = b_->NextPull();
  request.set_first(false);
  grpc::ClientContext context;
  Deadline(&context);
  auto stream = stub_->Pull(&context, request);
  v1::PullBatch batch;
  int batches = 0;
  while (stream->Read(&batch)) ++batches;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_GE(batches, 4);
  EXPECT_TRUE(batch.complete());
  EXPECT_EQ(batch.checkpoint(), world_.Head());
}

TEST_F(GrpcServerTest, ErrorsCarryTheirCodeAndPath) {
  v1::HelloRequest request;
  *request.mutable_sender() = a_->Sender();
  request.mutable_sender()->set_device("abc");
  v1::HelloResponse response;
  grpc::ClientContext context;
  Deadline(&context);
  const grpc::Status status = stub_->Hello(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("HelloRequest.sender.device: got 3 bytes"));
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsRefused) {
  v1::PushRequest request;
  request.mutable_units()->set_data(std::string(kMaxGrpcMessageBytes + 1, 'x'));
  v1::PushResponse response;
  grpc::ClientContext context;
  Deadline(&context);
  EXPECT_EQ(stub_->Push(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcServerTest, AWatcherHearsOfACommit) {
  grpc::ClientContext context;
  Deadline(&context);
  auto stream = stub_->Watch(&context, Watch(*b_, 0));
  v1::Notice notice;
  ASSERT_TRUE(stream->Read(&notice));  // behind already
  EXPECT_EQ(notice.head(), world_.Head());
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  ASSERT_TRUE(stream->Read(&notice));
  EXPECT_EQ(notice.head(), world_.Head());
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(GrpcServerTest, AWatchThatIsRefusedSaysWhy) {
  TestDevice stranger(&world_, Id(9), "north");
  grpc::ClientContext context;
  Deadline(&context);
  auto stream = stub_->Watch(&context, Watch(stranger, 0));
  v1::Notice notice;
  EXPECT_FALSE(stream->Read(&notice));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(GrpcServerTest, WatchersComeAndGo) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        grpc::ClientContext context;
        Deadline(&context);
        auto stream = stub_->Watch(&context, Watch(*b_, 0));
        v1::Notice notice;
        EXPECT_TRUE(stream->Read(&notice));
        context.TryCancel();
        (void)stream->Finish();
      }
    });
  }
  for (uint64_t id = 100; id < 150; ++id) a_->Do(Id(1), {Create("CaseStudy", Id(id), kStudy)});
  for (std::thread& thread : threads) thread.join();
}

TEST_F(GrpcServerTest, StoppingTellsWatchersToComeBack) {
  grpc::ClientContext context;
  Deadline(&context);
  auto stream = stub_->Watch(&context, Watch(*b_, 0));
  v1::Notice notice;
  ASSERT_TRUE(stream->Read(&notice));
  server_->Stop(60'000);
  while (stream->Read(&notice)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(GrpcServerTest, AServerCanBeStartedAgain) {
  server_.reset();
  server_ = Must(GrpcServer::Start(&world_.core(), {}));
  Connect();
  v1::HelloResponse response;
  grpc::ClientContext context;
  Deadline(&context);
  EXPECT_TRUE(stub_->Hello(&context, HelloRequest(), &response).ok());
}

TEST_F(GrpcServerTest, WhoIsSentAwayWhileAllPlacesAreTakenIsToldWhenToComeBack) {
  const auto serve = [&](int threads) {
    server_.reset();
    GrpcServerOptions options;
    options.threads = threads;
    server_ = Must(GrpcServer::Start(&world_.core(), options));
    Connect();
  };
  // One call at a time, of which half may be pulls: none.
  serve(1);
  {
    grpc::ClientContext context;
    Deadline(&context);
    v1::PullBatch batch;
    auto stream = stub_->Pull(&context, b_->NextPull());
    EXPECT_FALSE(stream->Read(&batch));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(status.error_message(), "too many pulls: try again later");
    EXPECT_EQ(ToldToWait(context), "5000");
  }
  {
    grpc::ClientContext context;
    Deadline(&context);
    v1::HelloResponse response;
    EXPECT_TRUE(stub_->Hello(&context, HelloRequest(), &response).ok());
    EXPECT_EQ(ToldToWait(context), "");
  }
  serve(0);
  const auto expect_sent_away = [&](const auto& call) {
    grpc::ClientContext context;
    Deadline(&context);
    const grpc::Status status = call(&context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(status.error_message(), "too many calls: try again later");
    EXPECT_EQ(ToldToWait(context), "5000");
  };
  expect_sent_away([&](grpc::ClientContext* context) {
    v1::HelloResponse response;
    return stub_->Hello(context, HelloRequest(), &response);
  });
  expect_sent_away([&](grpc::ClientContext* context) {
    v1::PushRequest request;
    *request.mutable_sender() = a_->Sender();
    v1::PushResponse response;
    return stub_->Push(context, request, &response);
  });
}

TEST_F(GrpcServerTest, APortInUseIsAnError) {
  GrpcServerOptions options;
  options.port = server_->port();
  EXPECT_EQ(GrpcServer::Start(&world_.core(), options).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace doorstep::server
