// Keys, signatures, and what a proof is a proof of.
#include "sync/identity/private_key.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/identity/limits.h"
#include "sync/identity/proof.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PrivateKey, IsTheSameAfterItWasKept) {
  const PrivateKey key = *PrivateKey::Generate();
  const std::string pem = *key.ToPem();
  const PrivateKey again = *PrivateKey::FromPem(pem);
  EXPECT_EQ(*again.PublicKey(), *key.PublicKey());
  EXPECT_EQ(*again.ToPem(), pem);
  EXPECT_NE(*PrivateKey::Generate()->PublicKey(), *key.PublicKey());
}

TEST(PrivateKey, SignsForItsOwnPublicKeyAndOneMessage) {
  const PrivateKey key = *PrivateKey::Generate();
  const std::string mine = *key.PublicKey();
  const std::string other = *PrivateKey::Generate()->PublicKey();
  std::string signature = *key.Sign("let me in");
  EXPECT_TRUE(IsSignedBy(mine, "let me in", signature));
  EXPECT_FALSE(IsSignedBy(other, "let me in", signature));
  EXPECT_FALSE(IsSignedBy(mine, "let me in!", signature));
  EXPECT_FALSE(IsSignedBy(mine, "let me in", ""));
  EXPECT_FALSE(IsSignedBy("no key", "let me in", signature));
  EXPECT_FALSE(IsSignedBy("", "", ""));
  for (char& c : signature) {
    c = static_cast<char>(c ^ 1);
    EXPECT_FALSE(IsSignedBy(mine, "let me in", signature));
    c = static_cast<char>(c ^ 1);
  }
}

TEST(PrivateKey, WhatIsNoKeyIsRefusedAndNeverQuoted) {
  std::string pem = *PrivateKey::Generate()->ToPem();
  pem[pem.size() / 2] = '!';
  for (const std::string& text :
       {std::string(), std::string("secret words"), pem, std::string(kMaxPemBytes + 1, 'x')}) {
    const absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(text);
    ASSERT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr("secret words")));
  }
}

// Every part of a proof is in what is signed, and none can stand for another.
TEST(Proof, IsForOneThingOneDeviceAndOneChallenge) {
  Uuid a, b;
  a.b[0] = 1;
  b.b[0] = 2;
  const std::set<std::string> texts = {
      ProofText(kProofOfRenewal, "t", a, "c", "r"),  ProofText(kProofOfStanding, "t", a, "c", "r"),
      ProofText(kProofOfRenewal, "u", a, "c", "r"),  ProofText(kProofOfRenewal, "t", b, "c", "r"),
      ProofText(kProofOfRenewal, "t", a, "cr", ""),  ProofText(kProofOfRenewal, "t", a, "", "cr"),
      ProofText(kProofOfRenewal, "t", a, "c", "r2"), ProofText(kProofOfRenewal, "t", a, "c2", "r")};
  EXPECT_EQ(texts.size(), 8u);
}

TEST(EqualSecrets, ComparesWholeValues) {
  EXPECT_TRUE(EqualSecrets("abc", "abc"));
  EXPECT_FALSE(EqualSecrets("abc", "abd"));
  EXPECT_FALSE(EqualSecrets("abc", "ab"));
  EXPECT_TRUE(EqualSecrets("", ""));
}

}  // namespace
}  // namespace doorstep
