// Who may call: the authority, invitations, enrolment, renewal, standing, and the register that
// every call is held against. Without sockets; with them in tests/client/secure_link_test.cc.
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/audit/audit.h"
#include "server/identity/authority.h"
#include "server/identity/enrolment.h"
#include "server/identity/invites.h"
#include "server/identity/register.h"
#include "sync/base/file.h"
#include "sync/identity/certificate.h"
#include "sync/identity/limits.h"
#include "sync/identity/proof.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 24 * 60 * kMinute;
constexpr char kPeer[] = "ipv4:10.0.0.1";

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 0777;
}

// A server's identity, and a device that enrols with it by hand.
class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() {
    options_.directory = world_.path() + "/identity";
    authority_ = Must(Authority::Open(options_, kNine, world_.entropy()));
    core_ = std::make_unique<EnrolmentCore>(&world_.core().tenants(), authority_.get(),
                                            EnrolmentOptions{"main:1", "enrol:2", 90 * kDay});
  }

  int64_t Now() { return world_.clock().Read().wall_ms; }
  Invitation NewInvite(int64_t minutes = 30, const std::string& site = "north") {
    return Must(Invite(world_.tenant(), site, "tablet", minutes, Now(), world_.entropy()));
  }
  v1::EnrolRequest RequestFor(const Invitation& invite, const Uuid& device, const PrivateKey& key) {
    v1::EnrolRequest request;
    request.set_code_id(invite.id);
    request.set_secret(invite.secret);
    request.set_tenant("default");
    request.set_device(std::string(device.AsBytes()));
    request.set_request(Must(MakeCertificateRequest(key)));
    return request;
  }
  v1::EnrolResponse Enrol(const Uuid& device, const PrivateKey& key,
                          const std::string& site = "north") {
    return Must(core_->Enrol(RequestFor(NewInvite(30, site), device, key), kPeer));
  }
  v1::DeviceProof Proof(const Uuid& device, const PrivateKey& key, absl::string_view purpose,
                        const std::string& request = "", const std::string& tenant = "default") {
    v1::ChallengeRequest ask;
    ask.set_tenant(tenant);
    ask.set_device(std::string(device.AsBytes()));
    const std::string challenge = Must(core_->Challenge(ask)).challenge();
    v1::DeviceProof proof;
    proof.set_tenant(tenant);
    proof.set_device(std::string(device.AsBytes()));
    proof.set_challenge(challenge);
    proof.set_signature(Must(key.Sign(ProofText(purpose, tenant, device, challenge, request))));
    return proof;
  }
  absl::StatusOr<v1::RenewResponse> Renew(const Uuid& device, const PrivateKey& key,
                                          const PrivateKey& requested) {
    v1::RenewRequest request;
    request.set_request(Must(MakeCertificateRequest(requested)));
    *request.mutable_proof() = Proof(device, key, kProofOfRenewal, request.request());
    return core_->Renew(request, kPeer);
  }
  v1::StandingResponse StandingOf(const Uuid& device, const PrivateKey& key) {
    v1::StandingRequest request;
    *request.mutable_proof() = Proof(device, key, kProofOfStanding);
    return Must(core_->Standing(request, kPeer));
  }
  absl::Status Check(const Caller& caller, const Uuid& device, const std::string& site = "north",
                     const std::string& tenant = "default") {
    const auto view = Must(world_.tenant().store().Read());
    return CheckCaller(*view, caller, {tenant, device, Id(77), site}, Now());
  }

  World world_;
  AuthorityOptions options_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<EnrolmentCore> core_;
  const PrivateKey key_ = Must(PrivateKey::Generate());
  const PrivateKey other_key_ = Must(PrivateKey::Generate());
};

// --- The authority ---

TEST_F(IdentityTest, TheAuthorityIsMadeOnceAndKeptWithCare) {
  EXPECT_EQ(ModeOf(options_.directory), 0700u);
  EXPECT_EQ(ModeOf(options_.directory + "/ca.key"), 0600u);
  EXPECT_EQ(ModeOf(options_.directory + "/server.key"), 0600u);
  const auto again = Must(Authority::Open(options_, kNine + 4000 * kDay, world_.entropy()));
  EXPECT_EQ(again->certificate(), authority_->certificate());
  EXPECT_EQ(again->fingerprint(), authority_->fingerprint());
  EXPECT_TRUE(Must(ReadCertificate(authority_->certificate())).authority);
  EXPECT_FALSE(Must(ReadCertificate(authority_->server_chain())).authority);
}

TEST_F(IdentityTest, TheServersCertificateIsForItsNamesAndForAServer) {
  options_.names = {"records.example.org", "192.0.2.7"};
  const auto named = Must(Authority::Open(options_, kNine, world_.entropy()));
  EXPECT_EQ(named->server_name(), "records.example.org");
  EXPECT_TRUE(
      VerifyServerChain(named->server_chain(), named->certificate(), "records.example.org").ok());
  EXPECT_FALSE(
      VerifyServerChain(named->server_chain(), named->certificate(), "other.example.org").ok());
  EXPECT_TRUE(VerifyServerChain(named->server_chain(), named->certificate(), "192.0.2.7").ok());
  EXPECT_FALSE(VerifyServerChain(named->server_chain(), named->certificate(), "192.0.2.8").ok());
  // A device's certificate of the same authority makes no server of it.
  const std::string device = Must(
      named->IssueForDevice("default", Id(1), Must(key_.PublicKey()), kNine, kNine + 1000 * kDay));
  EXPECT_FALSE(VerifyServerChain(device, named->certificate(), Id(1).ToString()).ok());
  TestDirectory elsewhere;
  AuthorityOptions foreign = options_;
  foreign.directory = elsewhere.path();
  const auto stranger = Must(Authority::Open(foreign, kNine, world_.entropy()));
  EXPECT_FALSE(
      VerifyServerChain(stranger->server_chain(), named->certificate(), "records.example.org")
          .ok());
  options_.names = {"bad name"};
  EXPECT_EQ(Authority::Open(options_, kNine, world_.entropy()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(IdentityTest, AGivenAuthorityIsUsedAndItsKeyIsNotCopied) {
  TestDirectory elsewhere;
  AuthorityOptions given;
  given.directory = elsewhere.path() + "/identity";
  given.ca_cert = options_.directory + "/ca.pem";
  given.ca_key = options_.directory + "/ca.key";
  given.server_cert = options_.directory + "/server.pem";
  given.server_key = options_.directory + "/server.key";
  given.names = {"doorstep-server"};
  const auto authority = Must(Authority::Open(given, kNine, world_.entropy()));
  EXPECT_EQ(authority->fingerprint(), authority_->fingerprint());
  EXPECT_TRUE(absl::IsNotFound(ReadFile(given.directory + "/ca.key").status()));

  given.ca_key = options_.directory + "/server.key";
  EXPECT_THAT(std::string(Authority::Open(given, kNine, world_.entropy()).status().message()),
              AllOf(HasSubstr("/ca.pem"), HasSubstr("another key")));
  given.ca_cert = options_.directory + "/server.pem";
  EXPECT_THAT(std::string(Authority::Open(given, kNine, world_.entropy()).status().message()),
              HasSubstr("may issue no others"));
  given.ca_key = "";
  EXPECT_FALSE(Authority::Open(given, kNine, world_.entropy()).ok());
  given = {};
  given.directory = options_.directory;
  given.server_cert = options_.directory + "/server.pem";
  given.server_key = options_.directory + "/server.key";
  given.names = {"not-its-name"};
  EXPECT_THAT(std::string(Authority::Open(given, kNine, world_.entropy()).status().message()),
              HasSubstr("not-its-name"));
}

TEST_F(IdentityTest, ADamagedKeyIsSaidAndNothingIsMadeAnew) {
  Must(WriteFileAtomically(options_.directory + "/ca.key", "damaged"));
  EXPECT_THAT(std::string(Authority::Open(options_, kNine, world_.entropy()).status().message()),
              HasSubstr("/ca.key"));
  EXPECT_EQ(Must(ReadFile(options_.directory + "/ca.pem")), authority_->certificate());
}

// --- Invitations and enrolment ---

TEST_F(IdentityTest, ADeviceEnrolsAndMayCall) {
  const v1::EnrolResponse response = Enrol(Id(1), key_);
  EXPECT_EQ(response.site(), "north");
  EXPECT_EQ(response.name(), "tablet");
  const v1::DeviceCertificate& given = response.certificate();
  EXPECT_EQ(given.address(), "main:1");
  EXPECT_EQ(given.enrolment_address(), "enrol:2");
  EXPECT_EQ(given.server_name(), "doorstep-server");
  EXPECT_EQ(given.until_ms(), kNine + 90 * kDay);
  const Caller caller = CallerOf(given.chain());
  EXPECT_EQ(caller.device, Id(1));
  EXPECT_EQ(caller.tenant, "default");
  EXPECT_TRUE(Check(caller, Id(1)).ok());
}

TEST_F(IdentityTest, ACodeIsGoodOnceAndAgainOnlyForTheDeviceThatUsedIt) {
  const Invitation invite = NewInvite();
  Must(core_->Enrol(RequestFor(invite, Id(1), key_), kPeer).status());
  // The answer was lost: the same device asks again.
  Must(core_->Enrol(RequestFor(invite, Id(1), key_), kPeer).status());
  EXPECT_EQ(core_->Enrol(RequestFor(invite, Id(1), other_key_), kPeer).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(core_->Enrol(RequestFor(invite, Id(2), other_key_), kPeer).status().code(),
            absl::StatusCode::kPermissionDenied);
}

// Each of these hears the same words, so that who guesses learns nothing.
TEST_F(IdentityTest, CodesThatAreWrongAreAllTheSame) {
  const Invitation used = NewInvite();
  Must(core_->Enrol(RequestFor(used, Id(1), key_), kPeer).status());
  const Invitation fresh = NewInvite();
  Invitation guessed = fresh;
  guessed.secret[0] = static_cast<char>(guessed.secret[0] ^ 1);
  Invitation unknown = fresh;
  unknown.id[0] = static_cast<char>(unknown.id[0] ^ 1);
  const Invitation late = NewInvite(1);
  Must(world_.core().tenants().Ensure("other").status());
  std::vector<v1::EnrolRequest> wrong = {
      RequestFor(used, Id(2), other_key_), RequestFor(guessed, Id(2), other_key_),
      RequestFor(unknown, Id(2), other_key_), RequestFor(late, Id(2), other_key_),
      RequestFor(fresh, Id(2), other_key_)};
  wrong.back().set_tenant("other");  // a code is bound to its tenant
  world_.clock().Advance(kMinute);   // as long as `late` was good
  for (const v1::EnrolRequest& request : wrong) {
    const absl::Status status = core_->Enrol(request, kPeer).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(status.message()), HasSubstr("ask your administrator"));
  }
  // None of them used the good one up.
  Must(core_->Enrol(RequestFor(fresh, Id(2), other_key_), kPeer).status());
}

TEST_F(IdentityTest, GuessingIsLimitedByAddressAndForAMinute) {
  const Invitation fresh = NewInvite();
  Invitation guessed = fresh;
  guessed.secret[3] = static_cast<char>(guessed.secret[3] ^ 64);
  for (int i = 0; i < kMaxWrongProofsPerMinute; ++i) {
    EXPECT_EQ(core_->Enrol(RequestFor(guessed, Id(2), key_), kPeer).status().code(),
              absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(core_->Enrol(RequestFor(fresh, Id(2), key_), kPeer).status().code(),
            absl::StatusCode::kResourceExhausted);
  Must(core_->Enrol(RequestFor(fresh, Id(2), key_), "ipv4:10.0.0.2").status());
  world_.clock().Advance(kMinute);
  Must(core_->Enrol(RequestFor(fresh, Id(2), key_), kPeer).status());
}

TEST_F(IdentityTest, TheSecretIsNowhereOnTheServer) {
  const Invitation invite = NewInvite();
  const std::string path = world_.core().tenants().PathOf("default");
  for (const char* suffix : {"", "-wal"}) {
    const absl::StatusOr<std::string> bytes = ReadFile(path + suffix);
    if (!bytes.ok()) continue;
    EXPECT_FALSE(absl::StrContains(*bytes, invite.secret)) << suffix;
  }
}

TEST_F(IdentityTest, InvitationsAreForSitesThatAreThereAndTimesThatEnd) {
  Tenant& tenant = world_.tenant();
  EXPECT_EQ(Invite(tenant, "nowhere", "t", 5, kNine, world_.entropy()).status().code(),
            absl::StatusCode::kNotFound);
  for (const int64_t minutes : {int64_t{0}, int64_t{-1}, kMaxInviteMinutes + 1}) {
    EXPECT_EQ(Invite(tenant, "north", "t", minutes, kNine, world_.entropy()).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  for (const std::string& name : {std::string(), std::string(256, 'n'), std::string("a\x1b[2J")}) {
    EXPECT_EQ(Invite(tenant, "north", name, 5, kNine, world_.entropy()).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(IdentityTest, FieldsOfRequestsAreBounded) {
  const v1::EnrolRequest good = RequestFor(NewInvite(), Id(1), key_);
  const auto refused = [&](auto change) {
    v1::EnrolRequest request = good;
    change(request);
    return core_->Enrol(request, kPeer).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_code_id("short"); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_secret(std::string(17, 's')); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_tenant(std::string(65, 't')); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_tenant(""); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_device("x"); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_device(std::string(16, '\0')); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_name(std::string(257, 'n')); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_name("a\nb"); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.set_request(std::string(5000, 'r')); }));
  EXPECT_TRUE(refused([](v1::EnrolRequest& r) { r.mutable_request()->back() ^= 1; }));
  v1::EnrolRequest path = good;
  path.set_tenant("../default");
  EXPECT_EQ(core_->Enrol(path, kPeer).status().code(), absl::StatusCode::kPermissionDenied);
  Must(core_->Enrol(good, kPeer).status());
}

// An invitation lets a new device in; it takes no other device's place.
TEST_F(IdentityTest, NobodyEnrolsAsAnotherDevice) {
  Enrol(Id(1), key_);
  EXPECT_EQ(core_->Enrol(RequestFor(NewInvite(), Id(1), other_key_), kPeer).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(core_->Enrol(RequestFor(NewInvite(30, "south"), Id(1), key_), kPeer).status().code(),
            absl::StatusCode::kPermissionDenied);
  // Again with its own key, as after the authority was replaced.
  Enrol(Id(1), key_);
  Must(Revoke(world_.tenant(), Id(1), "lost", Now()));
  EXPECT_EQ(core_->Enrol(RequestFor(NewInvite(), Id(1), key_), kPeer).status().code(),
            absl::StatusCode::kPermissionDenied);
}

// --- Renewal and standing ---

TEST_F(IdentityTest, ACertificateIsRenewedAlsoMonthsAfterItExpired) {
  const v1::EnrolResponse first = Enrol(Id(1), key_);
  const Caller old = CallerOf(first.certificate().chain());
  world_.clock().Advance(300 * kDay);
  EXPECT_EQ(Check(old, Id(1)).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(StandingOf(Id(1), key_).standing(), v1::StandingResponse::EXPIRED);
  const v1::RenewResponse renewed = Must(Renew(Id(1), key_, key_));
  EXPECT_EQ(renewed.certificate().until_ms(), kNine + 390 * kDay);
  EXPECT_TRUE(Check(CallerOf(renewed.certificate().chain()), Id(1)).ok());
  EXPECT_EQ(StandingOf(Id(1), key_).standing(), v1::StandingResponse::ENROLLED);
  EXPECT_EQ(StandingOf(Id(1), key_).until_ms(), kNine + 390 * kDay);
}

TEST_F(IdentityTest, OnlyTheRegisteredKeyRenews) {
  Enrol(Id(1), key_);
  Enrol(Id(2), other_key_);
  EXPECT_EQ(Renew(Id(1), other_key_, other_key_).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Renew(Id(1), key_, other_key_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Renew(Id(3), key_, key_).status().code(), absl::StatusCode::kPermissionDenied);
  Must(Renew(Id(1), key_, key_).status());
}

TEST_F(IdentityTest, AProofIsForOneDevicePurposeRequestAndMinute) {
  Enrol(Id(1), key_);
  Enrol(Id(2), other_key_);
  v1::RenewRequest request;
  request.set_request(Must(MakeCertificateRequest(key_)));
  const auto code = [&] { return core_->Renew(request, kPeer).status().code(); };
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfStanding, request.request());
  EXPECT_EQ(code(), absl::StatusCode::kPermissionDenied);
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfRenewal, "another request");
  EXPECT_EQ(code(), absl::StatusCode::kPermissionDenied);
  // Another device's challenge, one that was made up, and one that is too old.
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfRenewal, request.request());
  request.mutable_proof()->set_device(std::string(Id(2).AsBytes()));
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfRenewal, request.request());
  request.mutable_proof()->set_challenge("99999999999 " + std::string(32, 'x'));
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  for (const std::string& bytes : {std::string(), std::string(5000, 'c'), std::string(" ")}) {
    request.mutable_proof()->set_challenge(bytes);
    EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  }
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfRenewal, request.request());
  request.mutable_proof()->set_signature(std::string(200, 's'));
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfRenewal, request.request());
  world_.clock().Advance(kMinute);
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(IdentityTest, ARevokedDeviceHearsSoAndGetsNothing) {
  Enrol(Id(1), key_);
  const Caller caller = CallerOf(Must(Renew(Id(1), key_, key_)).certificate().chain());
  Must(Revoke(world_.tenant(), Id(1), "left on a bus", Now()));
  EXPECT_EQ(Revoke(world_.tenant(), Id(1), "again", Now()).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Revoke(world_.tenant(), Id(9), "", Now()).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Must(RevokedDevices(world_.tenant())), ElementsAre(Id(1)));
  const v1::StandingResponse standing = StandingOf(Id(1), key_);
  EXPECT_EQ(standing.standing(), v1::StandingResponse::REVOKED);
  // Whoever holds it now is not told why.
  EXPECT_THAT(standing.words() + standing.what_to_do(), Not(HasSubstr("bus")));
  const absl::Status refused = Check(caller, Id(1));
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(kRevokedWords));
  EXPECT_EQ(Renew(Id(1), key_, key_).status().code(), absl::StatusCode::kPermissionDenied);
  Must(Reinstate(world_.tenant(), Id(1)));
  EXPECT_EQ(Reinstate(world_.tenant(), Id(1)).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Check(caller, Id(1)).ok());
}

TEST_F(IdentityTest, StandingTellsStrangersNothing) {
  Enrol(Id(1), key_);
  EXPECT_EQ(StandingOf(Id(1), other_key_).standing(), v1::StandingResponse::UNKNOWN);
  EXPECT_EQ(StandingOf(Id(5), key_).standing(), v1::StandingResponse::UNKNOWN);
  v1::StandingRequest request;
  *request.mutable_proof() = Proof(Id(1), key_, kProofOfStanding, "", "no-such-tenant");
  EXPECT_EQ(Must(core_->Standing(request, kPeer)).standing(), v1::StandingResponse::UNKNOWN);
}

// --- Each call ---

TEST_F(IdentityTest, CallersAreHeldAgainstTheRegister) {
  const std::string chain = Enrol(Id(1), key_).certificate().chain();
  const Caller caller = CallerOf(chain);
  Enrol(Id(2), other_key_);
  const Caller second = CallerOf(Must(authority_->IssueForDevice(
      "default", Id(2), Must(other_key_.PublicKey()), kNine, kNine + kDay)));
  EXPECT_TRUE(Check(second, Id(2)).ok());
  std::vector<absl::Status> refusals = {
      Check({}, Id(1)),                        // no certificate
      Check(CallerOf("no PEM"), Id(1)),        // nothing of a device in it
      Check(second, Id(1)),                    // another device's
      Check(caller, Id(2)),                    // the same, the other way round
      Check(caller, Id(1), "south"),           // another site
      Check(caller, Id(1), "north", "other"),  // another tenant
  };
  // Of the authority, for the right device, with a key that the register does not know; and of a
  // tenant that it is not of.
  const std::string other_key = Must(other_key_.PublicKey());
  refusals.push_back(Check(
      CallerOf(Must(authority_->IssueForDevice("default", Id(1), other_key, kNine, kNine + kDay))),
      Id(1)));
  refusals.push_back(Check(CallerOf(Must(authority_->IssueForDevice(
                               "other", Id(1), Must(key_.PublicKey()), kNine, kNine + kDay))),
                           Id(1)));
  // The authority's and the server's own are no device's.
  refusals.push_back(Check(CallerOf(authority_->certificate()), Id(1)));
  refusals.push_back(Check(CallerOf(authority_->server_chain()), Id(1)));
  for (const absl::Status& status : refusals) {
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(status.message(), RefuseStranger().message());
  }
}

// A shell that forgets to say who calls is refused too: each call, before anything else is told.
TEST_F(IdentityTest, NoCallGetsByWithoutACertificate) {
  const std::unique_ptr<TestDevice> device = world_.NewDevice();
  SyncCore core(world_.Options(), Callers::kEnrolled);
  const auto denied = [](const absl::Status& status) {
    return status.code() == absl::StatusCode::kPermissionDenied &&
           status.message() == RefuseStranger().message();
  };
  v1::Sender sender = device->Sender();
  for (const char* tenant : {"default", "no-such-tenant"}) {
    sender.set_tenant(tenant);
    v1::HelloRequest hello;
    *hello.mutable_sender() = sender;
    hello.set_protocol_min(1);
    hello.set_protocol_max(1);
    EXPECT_TRUE(denied(core.Hello(hello).status()));
    v1::PushRequest push;
    *push.mutable_sender() = sender;
    EXPECT_TRUE(denied(core.Push(push).status()));
    v1::PullRequest pull = device->NextPull();
    *pull.mutable_sender() = sender;
    EXPECT_TRUE(denied(core.Pull(pull).status()));
    v1::HistoryRequest history;
    *history.mutable_sender() = sender;
    history.set_record(std::string(Id(5).AsBytes()));
    EXPECT_TRUE(denied(core.History(history).status()));
    v1::AskAttachmentsRequest ask;
    *ask.mutable_sender() = sender;
    EXPECT_TRUE(denied(core.AskAttachments(ask).status()));
    v1::AttachmentRef attachment;
    attachment.set_file(std::string(Id(1).AsBytes()));
    attachment.set_sha256(std::string(32, 'h'));
    v1::PutChunkRequest put;
    *put.mutable_sender() = sender;
    *put.mutable_attachment() = attachment;
    put.set_size(1);
    EXPECT_TRUE(denied(core.PutChunk(put).status()));
    v1::GetChunkRequest get;
    *get.mutable_sender() = sender;
    *get.mutable_attachment() = attachment;
    EXPECT_TRUE(denied(core.GetChunk(get).status()));
    v1::WatchRequest watch;
    *watch.mutable_sender() = sender;
    EXPECT_TRUE(denied(core.Watch(watch, [](uint64_t) {}).status()));
  }
}

TEST_F(IdentityTest, WhoEnrolsRenewsAndIsRefusedStandsInTheAudit) {
  Enrol(Id(1), key_);
  const Caller caller = CallerOf(Must(Renew(Id(1), key_, key_)).certificate().chain());
  Must(Revoke(world_.tenant(), Id(1), "lost", Now()));
  SyncCore core(world_.Options(), Callers::kEnrolled);
  v1::HelloRequest hello;
  *hello.mutable_sender() = world_.NewDevice()->Sender();
  hello.mutable_sender()->set_device(std::string(Id(1).AsBytes()));
  hello.set_protocol_min(1);
  hello.set_protocol_max(1);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(core.Hello(hello, caller).ok());
  std::vector<std::string> lines;
  for (const AuditRow& row : Must(Must(world_.tenant().store().Read())->AuditAfter(0, 100))) {
    const AuditEntry entry = Must(ParseAudit(row.entry));
    EXPECT_EQ(entry.device, Id(1));
    lines.push_back(absl::StrCat(entry.verb, " ", entry.outcome));
  }
  EXPECT_THAT(lines,
              ElementsAre("device enrolled ", "certificate renewed ",
                          absl::StrCat("call refused ", kRevokedWords, ": ", kRevokedAdvice)));
}

}  // namespace
}  // namespace doorstep::server
