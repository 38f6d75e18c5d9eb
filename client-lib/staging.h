// What an unfinished pull has brought, kept in the database until it reaches a checkpoint: so a cut
// link costs one batch, and no half of a pull is ever shown.
//
// Threads and transactions as the store.
#ifndef CLIENT_LIB_STAGING_H_
#define CLIENT_LIB_STAGING_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/change/state.h"

namespace doorstep::client {

class Staging {
 public:
  explicit Staging(Store& store) : store_(&store) {}

  absl::StatusOr<bool> Empty();
  absl::Status Clear();

  // Fields of a record beyond the cursor; joins what was staged of it before.
  absl::Status PutRecord(RecordState delta);
  // `outcome.incarnation` is not looked at.
  absl::Status PutOutcome(const Uuid& incarnation, const v1::Outcome& outcome);
  // The compartment is no longer held; forgets what was staged of it.
  absl::Status PutLoss(const CompartmentId& compartment);
  // The record was withdrawn; forgets what was staged of it. A
  // row that is staged after that gives it back.
  absl::Status PutWithdrawal(const Uuid& record);
  // The compartment is held (again).
  absl::Status PutGrant(const CompartmentId& compartment);

  // Whether the outcome of the unit with this first change has come.
  absl::StatusOr<bool> HasOutcome(const Uuid& incarnation, uint64_t counter);
  // The visitors may write to any table but the staging ones.
  absl::Status ForEachLoss(absl::FunctionRef<absl::Status(const CompartmentId&)> visit);
  absl::Status ForEachWithdrawal(absl::FunctionRef<absl::Status(const Uuid&)> visit);
  absl::Status ForEachGrant(absl::FunctionRef<absl::Status(const CompartmentId&)> visit);
  absl::Status ForEachRecord(absl::FunctionRef<absl::Status(RecordState)> visit);
  absl::Status ForEachOutcome(
      absl::FunctionRef<absl::Status(const Uuid& incarnation, const v1::Outcome&)> visit);

 private:
  absl::Status ForEachCompartment(absl::string_view sql,
                                  absl::FunctionRef<absl::Status(const CompartmentId&)> visit);

  Store* store_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_STAGING_H_
