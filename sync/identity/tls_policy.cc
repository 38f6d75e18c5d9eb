#include "sync/identity/tls_policy.h"

#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <memory>

#include "sync/identity/openssl.h"

namespace doorstep {
namespace {

// As an openssl.cnf would say it. `system_default` is what every new context begins with.
constexpr char kConfiguration[] =
    "openssl_conf = doorstep\n"
    "[doorstep]\n"
    "ssl_conf = doorstep_ssl\n"
    "[doorstep_ssl]\n"
    "system_default = doorstep_tls\n"
    "[doorstep_tls]\n"
    "Protocol = -TLSv1.2\n";

using ConfPtr = std::unique_ptr<CONF, OpenSslFree<NCONF_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, OpenSslFree<SSL_CTX_free>>;

}  // namespace

absl::Status SpeakOnlyTls13() {
  // The machine's own configuration first, which would otherwise be loaded later and win.
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) return OpenSslError("start");
  const BioPtr in = ReadFrom(kConfiguration);
  const ConfPtr configuration(NCONF_new(nullptr));
  if (NCONF_load_bio(configuration.get(), in.get(), nullptr) != 1 ||
      CONF_modules_load(configuration.get(), nullptr, 0) != 1) {
    return OpenSslError("configure TLS");
  }
  const ContextPtr made(SSL_CTX_new(TLS_method()));
  if (made == nullptr) return OpenSslError("make a TLS context");
  if ((SSL_CTX_get_options(made.get()) & SSL_OP_NO_TLSv1_2) != 0) return absl::OkStatus();
  return absl::InternalError("TLS: OpenSSL still speaks 1.2 after it was told not to");
}

}  // namespace doorstep
