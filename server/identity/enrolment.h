// The four calls of doorstep.v1.Enrolment without a transport: messages in, messages or Status out.
//
// Anybody may call. Nothing is told to whoever has neither a code nor a registered key; what costs
// a signature or a write is done for nobody else.
#ifndef SERVER_IDENTITY_ENROLMENT_H_
#define SERVER_IDENTITY_ENROLMENT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "doorstep/v1/enrolment.pb.h"
#include "server/identity/attempts.h"
#include "server/identity/authority.h"
#include "server/tenants.h"

namespace doorstep::server {

struct EnrolmentOptions {
  std::string address;            // of the main listener, as devices are to call it
  std::string enrolment_address;  // of this one
  int64_t certificate_ms = 0;     // how long a device's certificate is valid
};

// Thread-safe.
class EnrolmentCore {
 public:
  // Borrows both.
  EnrolmentCore(Tenants* tenants, const Authority* authority, EnrolmentOptions options);

  // `peer`: the caller's address, for the limit on guesses.
  absl::StatusOr<v1::EnrolResponse> Enrol(const v1::EnrolRequest& request, const std::string& peer);
  absl::StatusOr<v1::ChallengeResponse> Challenge(const v1::ChallengeRequest& request);
  absl::StatusOr<v1::RenewResponse> Renew(const v1::RenewRequest& request, const std::string& peer);
  absl::StatusOr<v1::StandingResponse> Standing(const v1::StandingRequest& request,
                                                const std::string& peer);

 private:
  absl::StatusOr<v1::EnrolResponse> DoEnrol(const v1::EnrolRequest& request);
  absl::StatusOr<v1::ChallengeResponse> DoChallenge(const v1::ChallengeRequest& request);
  absl::StatusOr<v1::RenewResponse> DoRenew(const v1::RenewRequest& request);
  absl::StatusOr<v1::StandingResponse> DoStanding(const v1::StandingRequest& request);

  // Runs `work` unless the peer was wrong too often; counts it when it is wrong again.
  template <typename Response, typename Work>
  absl::StatusOr<Response> Limited(const std::string& peer, const Work& work);

  // The tag that makes bytes a challenge of this process: for one device, until `expires_ms`.
  std::string Tag(const std::string& tenant, const Uuid& device, absl::string_view head) const;
  // The device whose registered key made the proof. kPermissionDenied: none did.
  struct Proven {
    Tenant* tenant = nullptr;
    EnrolmentRow row;
  };
  absl::StatusOr<Proven> CheckProof(const v1::DeviceProof& proof, const std::string& path,
                                    absl::string_view purpose, absl::string_view request);
  absl::StatusOr<v1::DeviceCertificate> Issue(const std::string& tenant, EnrolmentRow* row);

  Tenants& tenants_;
  const Authority& authority_;
  const EnrolmentOptions options_;
  std::string secret_;  // of the challenges; another in each process
  Attempts attempts_;
};

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_ENROLMENT_H_
