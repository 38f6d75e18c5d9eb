// Which version of TLS this process speaks.
#ifndef SYNC_IDENTITY_TLS_POLICY_H_
#define SYNC_IDENTITY_TLS_POLICY_H_

#include "absl/status/status.h"

namespace doorstep {

// From now on every OpenSSL context that this process makes speaks TLS 1.3 and nothing older: those
// of gRPC too, which asks for 1.2 and has no setting of its own (gRPC 1.51 overrides OpenSSL's
// MinProtocol, but not the protocols that are switched off). Contexts that were made before stay as
// they were: call it first of all. It concerns the whole process, so it is for programs; a library
// does not call it on its own.
absl::Status SpeakOnlyTls13();

}  // namespace doorstep

#endif  // SYNC_IDENTITY_TLS_POLICY_H_
