// Who vouches for devices and for this server: a certificate authority, made on first start or
// given, with the files that it lives in.
//
//   DIR/ca.pem, ca.key          the authority that the server made; a given one stays where it is
//   DIR/server.pem, server.key  the server's own certificate with its chain, and its key
//
// Files with keys have mode 0600. Threads: a const Authority may be used from any.
#ifndef SERVER_IDENTITY_AUTHORITY_H_
#define SERVER_IDENTITY_AUTHORITY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"
#include "sync/identity/private_key.h"

namespace doorstep::server {

struct AuthorityOptions {
  std::string directory;  // made with mode 0700 if needed
  // Files of a given authority, both or neither; and of a certificate for this server that somebody
  // else issued under it, both or neither.
  std::string ca_cert, ca_key;
  std::string server_cert, server_key;
  // Of the server's certificate; devices expect the first. Host names or addresses.
  std::vector<std::string> names;
};

class Authority {
 public:
  // Loads, or makes what is missing. kFailedPrecondition: a file is not what it should be, or does
  // not fit another; the message says which.
  static absl::StatusOr<std::unique_ptr<Authority>> Open(const AuthorityOptions& options,
                                                         int64_t now_ms, Entropy& entropy);

  // A certificate for the device's key, valid from an hour before `now_ms` to `until_ms`: PEM, with
  // the authority's behind it.
  absl::StatusOr<std::string> IssueForDevice(absl::string_view tenant, const Uuid& device,
                                             absl::string_view public_key, int64_t now_ms,
                                             int64_t until_ms) const;

  const std::string& certificate() const { return certificate_; }  // PEM
  const std::string& fingerprint() const { return fingerprint_; }  // SHA-256, 32 bytes
  const std::string& server_chain() const { return server_chain_; }
  const std::string& server_key() const { return server_key_; }
  const std::string& server_name() const { return server_name_; }

 private:
  explicit Authority(PrivateKey key, Entropy* entropy) : key_(std::move(key)), entropy_(*entropy) {}

  absl::Status OpenServerCertificate(const AuthorityOptions& options);

  PrivateKey key_;
  Entropy& entropy_;
  std::string certificate_;
  std::string fingerprint_;
  std::string server_chain_;
  std::string server_key_;
  std::string server_name_;
};

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_AUTHORITY_H_
