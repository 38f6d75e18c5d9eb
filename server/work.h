// A tenant for one of the operator's commands.
#ifndef SERVER_WORK_H_
#define SERVER_WORK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/commands.h"
#include "server/store.h"
#include "server/tenants.h"

namespace doorstep::server {

class Work {
 public:
  explicit Work(const GlobalOptions& options) : options_(options) {}

  // Commands that add something make the data directory and the tenant `default`; no other.
  absl::StatusOr<Tenant*> Open(bool create);
  absl::StatusOr<std::unique_ptr<ReadView>> Read();
  // After Open or Read.
  Tenants& tenants() { return *tenants_; }

 private:
  const GlobalOptions& options_;
  std::unique_ptr<Tenants> tenants_;
};

}  // namespace doorstep::server

#endif  // SERVER_WORK_H_
