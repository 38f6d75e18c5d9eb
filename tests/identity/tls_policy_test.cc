// What OpenSSL speaks after it was told.
#include "sync/identity/tls_policy.h"

#include <openssl/ssl.h>

#include <memory>

#include "gtest/gtest.h"
#include "sync/identity/openssl.h"

namespace doorstep {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, OpenSslFree<SSL_CTX_free>>;

// As gRPC does: asks for 1.2 at least, after the configuration was applied.
bool Speaks12() {
  const ContextPtr context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  return (SSL_CTX_get_options(context.get()) & SSL_OP_NO_TLSv1_2) == 0;
}

TEST(TlsPolicy, LeavesOutTls12ForEveryContextThatComes) {
  ASSERT_TRUE(Speaks12());
  ASSERT_TRUE(SpeakOnlyTls13().ok());
  EXPECT_FALSE(Speaks12());
  ASSERT_TRUE(SpeakOnlyTls13().ok());
  EXPECT_FALSE(Speaks12());
}

}  // namespace
}  // namespace doorstep
