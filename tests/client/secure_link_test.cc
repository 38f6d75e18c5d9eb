// The link as it is in use: TLS 1.3 both ways, certificates of devices, and what people hear when
// one is refused. The server's shells run in this process, by the machine's clock, because TLS
// does.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/device_identity.h"
#include "client-lib/replica_impl.h"
#include "client-lib/sender.h"
#include "doorstep.h"
#include "doorstep/enrolment.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/v1/enrolment.grpc.pb.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "server/grpc_enrolment.h"
#include "server/grpc_server.h"
#include "server/identity/authority.h"
#include "server/identity/enrolment.h"
#include "server/identity/invites.h"
#include "server/identity/register.h"
#include "server/sync_core.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/identity/certificate.h"
#include "sync/identity/enrolment_code.h"
#include "sync/identity/private_key.h"
#include "tests/support/process.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

constexpr int64_t kDay = 24LL * 60 * 60 * 1000;

// Ends the test program when `result` is not OK: for steps that are not the matter of the test.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    abort();
  }
  return *std::move(result);
}
void Must(const absl::Status& status) {
  if (status.ok()) return;
  ADD_FAILURE() << status;
  abort();
}

int64_t Now() { return SystemClock()->Read().wall_ms; }

// A server with its two listeners.
class Server {
 public:
  struct Options {
    std::string name;  // in its certificate; empty: the default
    int threads = 4;
  };

  explicit Server(const std::string& directory) : Server(directory, Options()) {}
  Server(const std::string& directory, const Options& wanted)
      : core_({.data_dir = directory}, server::Callers::kEnrolled) {
    tenant_ = Must(core_.tenants().Ensure("default"));
    const absl::Status added = server::AddSite(*tenant_, {"north", "North", ""}, *SystemEntropy());
    if (!absl::IsAlreadyExists(added)) Must(added);
    server::AuthorityOptions options;
    options.directory = directory + "/identity";
    if (!wanted.name.empty()) options.names = {wanted.name};
    authority_ = Must(server::Authority::Open(options, Now(), *SystemEntropy()));
    const std::string& chain = authority_->server_chain();
    const std::string& key = authority_->server_key();
    server::GrpcServerOptions main;
    main.threads = wanted.threads;
    main.tls = server::TlsOptions{chain, key, authority_->certificate()};
    main_ = Must(server::GrpcServer::Start(&core_, main));
    enrolment_ = Must(server::EnrolmentListener::Start({"127.0.0.1", 0, {chain, key, ""}}));
    enrolment_core_ = std::make_unique<server::EnrolmentCore>(
        &core_.tenants(), authority_.get(),
        server::EnrolmentOptions{address(), enrolment_address(), 90 * kDay});
    enrolment_->Serve(enrolment_core_.get());
  }
  ~Server() {
    enrolment_->Stop(0);
    main_->Stop(0);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", main_->port()); }
  std::string enrolment_address() const { return absl::StrCat("127.0.0.1:", enrolment_->port()); }
  server::Tenant& tenant() { return *tenant_; }
  server::Authority& authority() { return *authority_; }
  void StopMain() { main_->Stop(0); }
  void StopEnrolment() { enrolment_->Stop(0); }

  EnrolmentCode Code(const std::string& name) {
    const server::Invitation invite =
        Must(server::Invite(*tenant_, "north", name, 30, Now(), *SystemEntropy()));
    return {invite.id,
            invite.secret,
            authority_->fingerprint(),
            enrolment_address(),
            authority_->server_name(),
            "default",
            "north",
            name};
  }

 private:
  server::SyncCore core_;
  server::Tenant* tenant_ = nullptr;
  std::unique_ptr<server::Authority> authority_;
  std::unique_ptr<server::GrpcServer> main_;
  std::unique_ptr<server::EnrolmentListener> enrolment_;
  std::unique_ptr<server::EnrolmentCore> enrolment_core_;
};

class SecureLinkTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { Must(UseOnlyTls13()); }

  std::unique_ptr<Replica> NewReplica(const std::string& name) {
    InitOptions options;
    options.site = "north";
    options.device_name = name;
    options.user = "A Khan";
    Must(Replica::Init(dir_.File(name), options));
    return Must(Replica::Open(dir_.File(name), {}));
  }
  std::unique_ptr<Replica> Enrolled(Server& server, const std::string& name) {
    std::unique_ptr<Replica> replica = NewReplica(name);
    Must(Enrol(*replica, FormatEnrolmentCode(server.Code(name))));
    return replica;
  }
  static std::string Add(Replica& replica, const std::string& name) {
    std::string id;
    Must(replica.Transact({}, [&](Edits& edits) -> absl::Status {
      auto added = edits.AddJson("Person", absl::StrCat(R"({"name":")", name, "\"}"));
      if (added.ok()) id = *added;
      return added.status();
    }));
    return id;
  }
  static absl::Status Sync(Replica& replica, const std::string& address) {
    return replica.Sync(*MakeGrpcTransport(address), {}).status();
  }
  static DeviceIdentity IdentityOf(Replica& replica) {
    return Must(client::LoadIdentity(*replica.inside().store));
  }
  static std::string DeviceId(Replica& replica) { return Must(ReadIdentity(replica)).device; }

  TempDir dir_;
};

TEST_F(SecureLinkTest, TwoDevicesEnrolAndSync) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  auto b = Enrolled(server, "b");
  const IdentityInfo info = Must(ReadIdentity(*a));
  EXPECT_TRUE(info.enrolled);
  EXPECT_EQ(info.server, server.address());
  EXPECT_GT(info.until_ms, Now() + 89 * kDay);
  const std::string id = Add(*a, "Peter");
  Must(Sync(*a, server.address()));
  Must(Sync(*b, server.address()));
  EXPECT_TRUE(b->Get(id).ok());
  EXPECT_TRUE(a->History(id, MakeGrpcTransport(server.address()).get()).ok());
}

// Without an identity the link is plain text, to which this server does not answer.
TEST_F(SecureLinkTest, WhoHasNotEnrolledGetsNoAnswer) {
  Server server(dir_.File("server"));
  auto a = NewReplica("a");
  EXPECT_EQ(Sync(*a, server.address()).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Sync(*a, "192.0.2.1:7400").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Must(ReadIdentity(*a)).enrolled);
}

// A client that trusts the server and shows nothing: the main listener hears no call of it, the
// enrolment listener does.
TEST_F(SecureLinkTest, TheMainListenerAsksForACertificateAndTheOtherDoesNot) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  const auto connect = [&](const std::string& address, const DeviceIdentity& shown) {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(server.authority().server_name());
    return grpc::CreateCustomChannel(
        address, grpc::SslCredentials({server.authority().certificate(), shown.key, shown.chain}),
        arguments);
  };
  const auto ask = [&](const std::string& address, const DeviceIdentity& shown) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::ChallengeRequest request;
    request.set_tenant("default");
    request.set_device(std::string(16, 'd'));
    v1::ChallengeResponse response;
    return v1::Enrolment::NewStub(connect(address, shown))
        ->Challenge(&context, request, &response)
        .error_code();
  };
  EXPECT_EQ(ask(server.address(), {}), grpc::StatusCode::UNAVAILABLE);
  // Heard, with a certificate; the call itself is the other listener's.
  EXPECT_EQ(ask(server.address(), IdentityOf(*a)), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(ask(server.enrolment_address(), {}), grpc::StatusCode::OK);

  // What a load balancer asks: grpc.health.v1, of the server as a whole. 08 01 is SERVING.
  const auto health = [&](const std::string& address) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    grpc::GenericStub stub(connect(address, {}));
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    if (!done.get_future().get().ok()) return std::string("no answer");
    grpc::Slice bytes;
    return response.DumpToSingleSlice(&bytes).ok()
               ? ToHex(
                     absl::string_view(reinterpret_cast<const char*>(bytes.begin()), bytes.size()))
               : std::string("none");
  };
  EXPECT_EQ(health(server.enrolment_address()), "0801");
  EXPECT_EQ(health(server.address()), "no answer");
}

// B has A's certificate and key, and says that it is B; or it is A, and says so of B's.
TEST_F(SecureLinkTest, AnotherDevicesCertificateIsRefused) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  auto b = Enrolled(server, "b");
  DeviceIdentity stolen = IdentityOf(*a);
  stolen.device = IdentityOf(*b).device;
  Must(client::SaveIdentity(*b->inside().store, stolen));
  const absl::Status refused = Sync(*b, server.address());
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied) << refused;
  EXPECT_EQ(refused.message(), server::RefuseStranger().message());
  Must(Sync(*a, server.address()));
}

// The certificate of a foreign authority for the device's own key: the connection is closed without
// a word, and the enrolment listener, which knows the key, says that it would be let in.
TEST_F(SecureLinkTest, AForeignAuthoritysCertificateIsRefused) {
  Server server(dir_.File("server"));
  Server foreign(dir_.File("foreign"));
  auto a = Enrolled(server, "a");
  Add(*a, "Peter");
  DeviceIdentity forged = IdentityOf(*a);
  const PrivateKey key = Must(PrivateKey::FromPem(forged.key));
  const Uuid device = Must(Uuid::FromBytes(forged.device));
  forged.chain = Must(foreign.authority().IssueForDevice("default", device, Must(key.PublicKey()),
                                                         Now(), Now() + kDay));
  Must(client::SaveIdentity(*a->inside().store, forged));
  EXPECT_EQ(Sync(*a, server.address()).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Must(a->Outbox()).size(), 1u);
}

// A certificate that has expired by the server's clock: the next sync renews it and goes through.
TEST_F(SecureLinkTest, AnExpiredCertificateIsRenewedByTheNextSync) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  DeviceIdentity old = IdentityOf(*a);
  const PrivateKey key = Must(PrivateKey::FromPem(old.key));
  old.chain = Must(server.authority().IssueForDevice("default", Must(Uuid::FromBytes(old.device)),
                                                     Must(key.PublicKey()), Now() - 100 * kDay,
                                                     Now() - kDay));
  Must(client::SaveIdentity(*a->inside().store, old));
  // The register says the same of it.
  {
    const auto transaction = Must(server.tenant().store().Write());
    auto row = Must(transaction->FindEnrolment(Must(Uuid::FromBytes(old.device))));
    row->until_ms = Now() - kDay;
    Must(transaction->PutEnrolment(*row));
    Must(transaction->Commit());
  }
  const std::string id = Add(*a, "Peter");
  Must(Sync(*a, server.address()));
  EXPECT_GT(Must(ReadIdentity(*a)).until_ms, Now());
  EXPECT_TRUE(Must(a->Outbox()).empty());
}

// Long before it expires, and by the server's clock as it was last heard.
TEST_F(SecureLinkTest, ACertificateIsRenewedWhenAThirdIsLeft) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  Must(Sync(*a, server.address()));
  DeviceIdentity old = IdentityOf(*a);
  EXPECT_FALSE(client::IsRenewalDue(old, Now() + 59 * kDay));
  EXPECT_TRUE(client::IsRenewalDue(old, Now() + 61 * kDay));
  const PrivateKey key = Must(PrivateKey::FromPem(old.key));
  old.chain = Must(server.authority().IssueForDevice("default", Must(Uuid::FromBytes(old.device)),
                                                     Must(key.PublicKey()), Now() - 70 * kDay,
                                                     Now() + 20 * kDay));
  Must(client::SaveIdentity(*a->inside().store, old));
  Must(Sync(*a, server.address()));
  EXPECT_GT(Must(ReadIdentity(*a)).until_ms, Now() + 80 * kDay);
  const std::string renewed = IdentityOf(*a).chain;
  Must(Sync(*a, server.address()));
  EXPECT_EQ(IdentityOf(*a).chain, renewed);
}

TEST_F(SecureLinkTest, ARevokedDeviceIsRefusedAndItsOpenStreamEnds) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  Must(Sync(*a, server.address()));
  const auto link = MakeGrpcTransport(server.address());
  absl::Status ended;
  OpenOptions reading;
  reading.read_only = true;
  auto watching = Must(Replica::Open(dir_.File("a"), reading));
  std::thread watcher([&] { ended = watching->Watch(*link, [](uint64_t) { return true; }); });
  const Uuid device = Must(Uuid::Parse(DeviceId(*a)));
  Must(server::Revoke(server.tenant(), device, "lost", Now()));
  const int64_t begun_ms = SystemClock()->Read().mono_ms;
  watcher.join();
  EXPECT_LT(SystemClock()->Read().mono_ms - begun_ms, 10'000);
  EXPECT_EQ(ended.code(), absl::StatusCode::kPermissionDenied) << ended;
  Add(*a, "Peter");
  const absl::Status refused = Sync(*a, server.address());
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(server::kRevokedWords));
  EXPECT_EQ(Must(a->Outbox()).size(), 1u);
  // And where the connection itself is refused, as of a revoked device whose certificate expired,
  // the words are the same.
  Must(server::Reinstate(server.tenant(), device));
  Must(Sync(*a, server.address()));
}

// It does not read what it asked for, so that its pull is still under way when it is revoked. With
// room for one pull, another device waits for its end.
TEST_F(SecureLinkTest, ARevokedDevicesPullEndsAlsoWhenItIsNotRead) {
  Server::Options options;
  options.threads = 2;
  Server server(dir_.File("server"), options);
  auto a = Enrolled(server, "a");
  auto b = Enrolled(server, "b");
  const std::string text(50'000, 'x');
  for (int i = 0; i < 60; ++i) {
    Must(a->Transact({}, [&](Edits& edits) {
      return edits.AddJson("CaseStudy", absl::StrCat(R"({"situation":")", text, "\"}")).status();
    }));
  }
  Must(Sync(*a, server.address()));
  const DeviceIdentity identity = IdentityOf(*a);
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(identity.server_name);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // it takes in 64 KiB unasked, and no more
  const auto stub = v1::Sync::NewStub(grpc::CreateCustomChannel(
      server.address(), grpc::SslCredentials({identity.authority, identity.key, identity.chain}),
      arguments));
  v1::PullRequest request;  // not compressed
  *request.mutable_sender() = Must(client::MakeSender(*a->inside().store));
  request.set_first(true);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stream = stub->Pull(&context, request);
  v1::PullBatch batch;
  ASSERT_TRUE(stream->Read(&batch));

  const absl::Status busy = Sync(*b, server.address());
  ASSERT_EQ(busy.code(), absl::StatusCode::kUnavailable) << busy;
  ASSERT_THAT(std::string(busy.message()), HasSubstr("too many pulls"));
  Must(server::Revoke(server.tenant(), Must(Uuid::FromBytes(identity.device)), "lost", Now()));
  const int64_t begun_ms = SystemClock()->Read().mono_ms;
  absl::Status got = busy;
  while (!got.ok() && SystemClock()->Read().mono_ms - begun_ms < 10'000) {
    got = Sync(*b, server.address());
  }
  EXPECT_TRUE(got.ok()) << "the lost device's pull still holds its place: " << got;
  while (stream->Read(&batch)) EXPECT_FALSE(batch.complete() || batch.first_done());
  EXPECT_FALSE(stream->Finish().ok());
}

// As after a backup was put back that is older than the device.
TEST_F(SecureLinkTest, ADeviceThatTheRegisterDoesNotKnowHearsWhatToDo) {
  { const Server empty(dir_.File("server")); }
  std::filesystem::copy(dir_.File("server"), dir_.File("backup"),
                        std::filesystem::copy_options::recursive);
  std::unique_ptr<Replica> a;
  {
    Server server(dir_.File("server"));
    a = Enrolled(server, "a");
    Must(Sync(*a, server.address()));
  }
  Server restored(dir_.File("backup"));
  Add(*a, "Peter");
  const absl::Status refused = Sync(*a, restored.address());
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("enrol it with a new code"));
  EXPECT_EQ(Must(a->Outbox()).size(), 1u);
  const std::string key = Must(ReadIdentity(*a)).key_sha256;
  Must(Enrol(*a, FormatEnrolmentCode(restored.Code("a"))));
  Must(Sync(*a, restored.address()));
  EXPECT_EQ(Must(ReadIdentity(*a)).key_sha256, key);
}

TEST_F(SecureLinkTest, ALostLinkStaysALostLink) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  server.StopMain();
  for (int i = 0; i < 2; ++i) {
    const absl::Status lost = Sync(*a, server.address());
    EXPECT_EQ(lost.code(), absl::StatusCode::kUnavailable) << lost;
    EXPECT_THAT(std::string(lost.message()), HasSubstr("nobody answers there"));
    server.StopEnrolment();
  }
}

// Somebody else's server at its address, as in a network that answers for everybody, or after the
// authority was replaced: said as what it is, and tried again, for another network may mend it.
TEST_F(SecureLinkTest, AStrangerInTheServersPlaceIsSaid) {
  Server server(dir_.File("server"));
  auto a = Enrolled(server, "a");
  Server stranger(dir_.File("stranger"));
  const std::string home = server.address();
  DeviceIdentity identity = IdentityOf(*a);
  identity.enrolment_address = stranger.enrolment_address();
  Must(client::SaveIdentity(*a->inside().store, identity));
  Add(*a, "Peter");
  const absl::Status refused = Sync(*a, stranger.address());
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("is not the server that this device was"));
  EXPECT_EQ(Must(a->Outbox()).size(), 1u);
  Must(Sync(*a, home));
}

TEST_F(SecureLinkTest, AServerIsKnownByItsAddressToo) {
  Server::Options options;
  options.name = "127.0.0.1";
  Server server(dir_.File("server"), options);
  auto a = Enrolled(server, "a");
  Must(Sync(*a, server.address()));
  EXPECT_EQ(Must(ReadIdentity(*a)).server_name, "127.0.0.1");
}

// Whoever answers at the code's address must be its server: otherwise not even the code is sent.
TEST_F(SecureLinkTest, AnotherServerAtTheCodesAddressGetsNoCode) {
  Server server(dir_.File("server"));
  Server impostor(dir_.File("impostor"));
  auto a = NewReplica("a");
  EnrolmentCode code = server.Code("a");
  code.address = impostor.enrolment_address();
  const absl::Status refused = Enrol(*a, FormatEnrolmentCode(code));
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated) << refused;
  code.address = server.enrolment_address();
  code.server = "another-name";
  EXPECT_FALSE(Enrol(*a, FormatEnrolmentCode(code)).ok());
  code.server = server.authority().server_name();
  Must(Enrol(*a, FormatEnrolmentCode(code)));
}

TEST_F(SecureLinkTest, ACodeForAnotherPlaceIsSaidBeforeAnyoneIsAsked) {
  auto a = NewReplica("a");
  EnrolmentCode code{std::string(8, 'i'),
                     std::string(16, 's'),
                     std::string(32, 'f'),
                     "127.0.0.1:1",
                     "doorstep-server",
                     "default",
                     "south",
                     "a"};
  EXPECT_EQ(Enrol(*a, FormatEnrolmentCode(code)).code(), absl::StatusCode::kFailedPrecondition);
  code.site = "north";
  code.tenant = "other";
  EXPECT_EQ(Enrol(*a, FormatEnrolmentCode(code)).code(), absl::StatusCode::kFailedPrecondition);
  code.tenant = "default";
  GrpcOptions soon;
  soon.connect_timeout_ms = 2000;
  EXPECT_EQ(Enrol(*a, FormatEnrolmentCode(code), soon).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Enrol(*a, "nonsense").code(), absl::StatusCode::kInvalidArgument);
}

// doorstep.h: the same, for other languages.
TEST_F(SecureLinkTest, ADeviceEnrolsThroughTheCInterface) {
  Server server(dir_.File("server"));
  doorstep_error* error = nullptr;
  const std::string directory = dir_.File("c");
  ASSERT_EQ(doorstep_init(directory.c_str(),
                          R"({"site":"north","device_name":"c","user":"A Khan"})", &error),
            DOORSTEP_OK);
  doorstep_replica* replica = nullptr;
  ASSERT_EQ(doorstep_open(directory.c_str(), nullptr, &replica, &error), DOORSTEP_OK);
  const auto identity = [&] {
    char* text = nullptr;
    EXPECT_EQ(doorstep_identity(replica, &text, &error), DOORSTEP_OK);
    const nlohmann::json out = nlohmann::json::parse(text);
    doorstep_free(text);
    return out;
  };
  EXPECT_EQ(identity()["enrolled"], false);
  EXPECT_EQ(doorstep_enrol(replica, "nonsense", &error), DOORSTEP_INVALID_ARGUMENT);
  EXPECT_THAT(doorstep_error_message(error), HasSubstr("code"));
  doorstep_error_free(error);
  error = nullptr;
  const std::string code = FormatEnrolmentCode(server.Code("c"));
  ASSERT_EQ(doorstep_enrol(replica, code.c_str(), &error), DOORSTEP_OK)
      << doorstep_error_message(error);
  EXPECT_EQ(identity()["enrolled"], true);
  EXPECT_EQ(identity()["server"], server.address());
  doorstep_link* link = nullptr;
  ASSERT_EQ(doorstep_link_new(server.address().c_str(), nullptr, &link, &error), DOORSTEP_OK);
  char* result = nullptr;
  EXPECT_EQ(doorstep_sync(replica, link, nullptr, nullptr, &result, &error), DOORSTEP_OK)
      << doorstep_error_message(error);
  doorstep_free(result);
  doorstep_link_free(link);
  doorstep_close(replica);
}

}  // namespace
}  // namespace doorstep
