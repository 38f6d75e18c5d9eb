// Certificate requests and what is no certificate. What an authority issues is tested with it, in
// tests/server/identity_test.cc.
#include "sync/identity/certificate.h"

#include <openssl/rsa.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/identity/limits.h"
#include "sync/identity/openssl.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

TEST(CertificateRequest, GivesTheKeyThatSignedIt) {
  const PrivateKey key = *PrivateKey::Generate();
  EXPECT_EQ(*KeyOfRequest(*MakeCertificateRequest(key)), *key.PublicKey());
}

TEST(CertificateRequest, TamperedWithAnywhereIsRefused) {
  const std::string request = *MakeCertificateRequest(*PrivateKey::Generate());
  for (size_t i = 0; i < request.size(); ++i) {
    std::string changed = request;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(KeyOfRequest(changed).status().code(), absl::StatusCode::kInvalidArgument) << i;
    EXPECT_FALSE(KeyOfRequest(request.substr(0, i)).ok()) << i;
  }
}

TEST(CertificateRequest, OtherBytesKeysAndLengthsAreRefused) {
  const std::string request = *MakeCertificateRequest(*PrivateKey::Generate());
  EXPECT_FALSE(KeyOfRequest("").ok());
  EXPECT_FALSE(KeyOfRequest(request + "x").ok());
  EXPECT_THAT(
      std::string(
          KeyOfRequest(std::string(kMaxCertificateRequestBytes + 1, 'x')).status().message()),
      HasSubstr("got 4097 bytes"));
  // A key of another sort, correctly signed.
  const EvpKeyPtr rsa(EVP_RSA_gen(2048));
  const X509RequestPtr other(X509_REQ_new());
  X509_REQ_set_pubkey(other.get(), rsa.get());
  X509_REQ_sign(other.get(), rsa.get(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(other.get(), &der);
  const std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  EXPECT_THAT(std::string(KeyOfRequest(bytes).status().message()), HasSubstr("another key"));
}

TEST(Certificate, WhatIsNoneIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        std::string(kMaxPemBytes + 1, 'x')}) {
    EXPECT_EQ(ReadCertificate(text).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(SplitChain(text).ok());
  }
}

}  // namespace
}  // namespace doorstep
