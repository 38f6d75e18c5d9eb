// Where a replica keeps its device's identity, and when the certificate in it is renewed.
#ifndef CLIENT_LIB_DEVICE_IDENTITY_H_
#define CLIENT_LIB_DEVICE_IDENTITY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/identity.h"
#include "doorstep/transport.h"

namespace doorstep::client {

// In the replica's own database. Without a key: only tenant and device.
absl::StatusOr<DeviceIdentity> LoadIdentity(Store& store);
absl::Status SaveIdentity(Store& store, const DeviceIdentity& identity);

// When a third of its time is left, by the server's clock as it was heard last: the device's own
// may be wrong by years. A certificate that cannot be read is due.
bool IsRenewalDue(const DeviceIdentity& identity, int64_t server_ms);

// Tells the transport who this device is; nothing, if the device has not enrolled or the transport
// shows no identity.
absl::Status Identify(Store& store, Transport& transport);
// The same before a sync: a certificate that is due is renewed. That it could not be is no reason
// not to sync.
absl::Status IdentifyForSync(Store& store, Transport& transport);
// After a sync that ended with kUnauthenticated: whether another certificate was given and kept, so
// that a second try is worth it. An error says why this device gets none.
absl::StatusOr<bool> RenewAfterRefusal(Store& store, Transport& transport);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_DEVICE_IDENTITY_H_
