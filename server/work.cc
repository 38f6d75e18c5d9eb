#include "server/work.h"

#include <memory>

#include "sync/base/status.h"

namespace doorstep::server {

absl::StatusOr<Tenant*> Work::Open(bool create) {
  DOORSTEP_ASSIGN_OR_RETURN(const TenantsOptions all, TenantsOptionsOf(options_));
  tenants_ = std::make_unique<Tenants>(all);
  if (create && options_.tenant == kDefaultTenant) return tenants_->Ensure(options_.tenant);
  return FindTenant(*tenants_, options_);
}

absl::StatusOr<std::unique_ptr<ReadView>> Work::Read() {
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, Open(/*create=*/false));
  return tenant->store().Read();
}

}  // namespace doorstep::server
