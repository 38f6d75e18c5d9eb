#include "client-lib/sender.h"

#include "sync/base/status.h"

namespace doorstep::client {

absl::StatusOr<v1::Sender> MakeSender(Store& store) {
  v1::Sender sender;
  DOORSTEP_ASSIGN_OR_RETURN(*sender.mutable_tenant(), store.Text(key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(*sender.mutable_site(), store.Text(key::kSite));
  DOORSTEP_ASSIGN_OR_RETURN(*sender.mutable_device(), store.Text(key::kDevice));
  DOORSTEP_ASSIGN_OR_RETURN(*sender.mutable_incarnation(), store.Text(key::kIncarnation));
  return sender;
}

}  // namespace doorstep::client
