#include "client-lib/grpc_enrolment.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/enrolment.grpc.pb.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"
#include "sync/identity/certificate.h"
#include "sync/identity/limits.h"
#include "sync/identity/private_key.h"
#include "sync/identity/proof.h"

namespace doorstep::client {
namespace {

using v1::Enrolment;

constexpr char kRefusedServer[] = "doorstep: not the server: ";

// By what a server is known: its authority's certificate, or only the fingerprint of that, which
// then has to be in the chain that the server shows; and its name.
struct KnownServer {
  std::string authority;
  std::string fingerprint;
  std::string name;
};

absl::Status CheckServer(const KnownServer& known, absl::string_view chain) {
  if (!known.authority.empty()) return VerifyServerChain(chain, known.authority, known.name);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitChain(chain));
  for (const std::string& part : parts) {
    DOORSTEP_ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(part));
    if (certificate.fingerprint == known.fingerprint) {
      return VerifyServerChain(chain, part, known.name);
    }
  }
  return absl::UnauthenticatedError("it shows another authority");
}

// gRPC has looked at nothing else. It decides instead of gRPC so that a server that is not taken
// can be told from one that does not answer.
class ServerVerifier : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit ServerVerifier(KnownServer known) : known_(std::move(known)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* sync_status) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    const absl::Status good = CheckServer(known_, absl::string_view(chain.data(), chain.size()));
    *sync_status = good.ok() ? grpc::Status::OK
                             : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                            absl::StrCat(kRefusedServer, good.message()));
    return true;  // decided at once
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const KnownServer known_;
};

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const KnownServer& known) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);  // the verifier does, which knows by what
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<ServerVerifier>(known));
  return grpc::experimental::TlsCredentials(options);
}

gpr_timespec DeadlineIn(int64_t ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

std::unique_ptr<Enrolment::Stub> Connect(const std::string& address, const KnownServer& known) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxEnrolmentMessageBytes));
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetSslTargetNameOverride(known.name);
  return Enrolment::NewStub(grpc::CreateCustomChannel(address, CredentialsFor(known), arguments));
}

std::unique_ptr<Enrolment::Stub> Connect(const DeviceIdentity& identity) {
  return Connect(identity.enrolment_address, {identity.authority, "", identity.server_name});
}

// `words`: gRPC's, of a connection that was not made. Empty: not because of who answered.
absl::string_view WhyServerWasRefused(absl::string_view words) {
  const size_t at = words.find(kRefusedServer);
  return at == absl::string_view::npos ? "" : words.substr(at + sizeof(kRefusedServer) - 1);
}

template <typename Request, typename Response>
absl::StatusOr<Response> Ask(Enrolment::Stub& stub, const std::string& address,
                             const GrpcOptions& options, const Request& request,
                             grpc::Status (Enrolment::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*)) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineIn(options.connect_timeout_ms));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (status.ok()) return response;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    const std::string words = status.error_message();
    const absl::string_view refused = WhyServerWasRefused(words);
    if (!refused.empty()) {
      return absl::UnauthenticatedError(
          absl::StrCat(address, ": whoever answers there is not the server that this device was ",
                       "told of (", refused, "), and was sent nothing: ask your administrator"));
    }
    return absl::UnavailableError(
        absl::StrCat("no link to ", address, ": ", status.error_message()));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// Signs the server's challenge.
absl::StatusOr<v1::DeviceProof> Prove(Enrolment::Stub& stub, const DeviceIdentity& identity,
                                      const GrpcOptions& options, absl::string_view purpose,
                                      absl::string_view request) {
  v1::ChallengeRequest ask;
  ask.set_tenant(identity.tenant);
  ask.set_device(identity.device);
  DOORSTEP_ASSIGN_OR_RETURN(
      const v1::ChallengeResponse challenge,
      Ask(stub, identity.enrolment_address, options, ask, &Enrolment::Stub::Challenge));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, Uuid::FromBytes(identity.device));
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(identity.key));
  v1::DeviceProof proof;
  proof.set_tenant(identity.tenant);
  proof.set_device(identity.device);
  proof.set_challenge(challenge.challenge());
  DOORSTEP_ASSIGN_OR_RETURN(
      *proof.mutable_signature(),
      key.Sign(ProofText(purpose, identity.tenant, device, challenge.challenge(), request)));
  return proof;
}

// What the server gave, for the key that the device has.
absl::StatusOr<DeviceIdentity> Take(const v1::DeviceCertificate& given,
                                    const DeviceIdentity& identity, const PrivateKey& key) {
  DOORSTEP_ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(given.chain()));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string public_key, key.PublicKey());
  if (certificate.public_key != public_key) {
    return absl::InternalError("enrolment: the server gave a certificate for another key");
  }
  DeviceIdentity taken = identity;
  taken.chain = given.chain();
  taken.authority = given.authority();
  taken.server_name = given.server_name();
  taken.address = given.address();
  taken.enrolment_address = given.enrolment_address();
  return taken;
}

}  // namespace

absl::StatusOr<DeviceIdentity> EnrolIdentity(const DeviceIdentity& identity,
                                             const EnrolmentCode& code, const std::string& name,
                                             const GrpcOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(identity.key));
  v1::EnrolRequest request;
  request.set_code_id(code.id);
  request.set_secret(code.secret);
  request.set_tenant(identity.tenant);
  request.set_device(identity.device);
  request.set_name(name);
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_request(), MakeCertificateRequest(key));
  const std::unique_ptr<Enrolment::Stub> stub =
      Connect(code.address, {"", code.fingerprint, code.server});
  DOORSTEP_ASSIGN_OR_RETURN(const v1::EnrolResponse response,
                            Ask(*stub, code.address, options, request, &Enrolment::Stub::Enrol));
  DOORSTEP_ASSIGN_OR_RETURN(const Certificate authority,
                            ReadCertificate(response.certificate().authority()));
  if (authority.fingerprint != code.fingerprint) {
    return absl::UnauthenticatedError(
        absl::StrCat(code.address, ": the server gave another authority than the code names"));
  }
  return Take(response.certificate(), identity, key);
}

absl::StatusOr<DeviceIdentity> RenewIdentity(const DeviceIdentity& identity,
                                             const GrpcOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(identity.key));
  const std::unique_ptr<Enrolment::Stub> stub = Connect(identity);
  v1::RenewRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_request(), MakeCertificateRequest(key));
  DOORSTEP_ASSIGN_OR_RETURN(*request.mutable_proof(),
                            Prove(*stub, identity, options, kProofOfRenewal, request.request()));
  DOORSTEP_ASSIGN_OR_RETURN(
      const v1::RenewResponse response,
      Ask(*stub, identity.enrolment_address, options, request, &Enrolment::Stub::Renew));
  DOORSTEP_ASSIGN_OR_RETURN(DeviceIdentity taken, Take(response.certificate(), identity, key));
  // Who is believed changes with an enrolment only.
  taken.authority = identity.authority;
  return taken;
}

std::optional<absl::Status> WhyNoLink(const DeviceIdentity& identity, const GrpcOptions& options) {
  const std::unique_ptr<Enrolment::Stub> stub = Connect(identity);
  v1::StandingRequest request;
  absl::StatusOr<v1::DeviceProof> proof = Prove(*stub, identity, options, kProofOfStanding, "");
  // Only this side says so here. On another network the server may answer again.
  if (absl::IsUnauthenticated(proof.status())) {
    return absl::UnavailableError(absl::StrCat("no link to ", proof.status().message()));
  }
  if (!proof.ok()) return std::nullopt;
  *request.mutable_proof() = *std::move(proof);
  const absl::StatusOr<v1::StandingResponse> response =
      Ask(*stub, identity.enrolment_address, options, request, &Enrolment::Stub::Standing);
  if (!response.ok()) return std::nullopt;
  const std::string words = response->what_to_do().empty()
                                ? response->words()
                                : absl::StrCat(response->words(), ": ", response->what_to_do());
  switch (response->standing()) {
    case v1::StandingResponse::REVOKED:
      return absl::PermissionDeniedError(words);
    case v1::StandingResponse::EXPIRED:
    case v1::StandingResponse::UNKNOWN:
      return absl::UnauthenticatedError(words);
    default:
      return std::nullopt;
  }
}

}  // namespace doorstep::client
