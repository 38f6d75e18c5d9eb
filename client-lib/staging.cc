#include "client-lib/staging.h"

#include <memory>
#include <string>
#include <utility>

#include "sync/base/status.h"
#include "sync/change/row_codec.h"

namespace doorstep::client {

absl::StatusOr<bool> Staging::Empty() {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t any,
                            store_->db().QueryInt("SELECT EXISTS(SELECT 1 FROM _staged)"
                                                  " OR EXISTS(SELECT 1 FROM _staged_outcome)"
                                                  " OR EXISTS(SELECT 1 FROM _staged_loss)"
                                                  " OR EXISTS(SELECT 1 FROM _staged_withdrawn)"
                                                  " OR EXISTS(SELECT 1 FROM _staged_grant)"));
  return any == 0;
}

absl::Status Staging::Clear() {
  return store_->db().Exec(
      "DELETE FROM _staged; DELETE FROM _staged_outcome; DELETE FROM _staged_loss;"
      "DELETE FROM _staged_withdrawn; DELETE FROM _staged_grant;");
}

absl::Status Staging::PutRecord(RecordState delta) {
  const Uuid id = delta.id;
  const CompartmentId compartment = delta.compartment;
  {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                              store_->db().Prepared("SELECT state FROM _staged WHERE record = ?1"));
    ScopedReset done(find);
    find->BindBlob(1, id.AsBytes());
    DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
    if (found) {
      DOORSTEP_ASSIGN_OR_RETURN(RecordState before, DecodeState(find->Blob(0)));
      ApplyDelta(std::move(delta), &before);
      delta = std::move(before);
    }
  }
  const std::string blob = EncodeState(delta);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store_->db().Prepared(
          "INSERT INTO _staged(record, file, tier, state) VALUES(?1, ?2, ?3, ?4) ON "
          "CONFLICT(record)"
          " DO UPDATE SET file = excluded.file, tier = excluded.tier, state = excluded.state"));
  put->BindBlob(1, id.AsBytes()).BindBlob(2, compartment.file.AsBytes());
  return put->BindInt(3, compartment.tier).BindBlob(4, blob).Run();
}

absl::Status Staging::PutOutcome(const Uuid& incarnation, const v1::Outcome& outcome) {
  const std::string bytes = outcome.SerializeAsString();
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store_->db().Prepared("INSERT INTO _staged_outcome(incarnation, counter, outcome)"
                            " VALUES(?1, ?2, ?3) ON CONFLICT(incarnation, counter)"
                            " DO UPDATE SET outcome = excluded.outcome"));
  put->BindBlob(1, incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(outcome.counter()));
  return put->BindBlob(3, bytes).Run();
}

absl::Status Staging::PutLoss(const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * forget,
      store_->db().Prepared("DELETE FROM _staged WHERE file = ?1 AND tier = ?2"));
  DOORSTEP_RETURN_IF_ERROR(
      forget->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * take,
      store_->db().Prepared("DELETE FROM _staged_grant WHERE file = ?1 AND tier = ?2"));
  DOORSTEP_RETURN_IF_ERROR(
      take->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store_->db().Prepared("INSERT OR IGNORE INTO _staged_loss(file, tier) VALUES(?1, ?2)"));
  return put->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run();
}

absl::Status Staging::PutGrant(const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store_->db().Prepared("INSERT OR IGNORE INTO _staged_grant(file, tier) VALUES(?1, ?2)"));
  return put->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run();
}

absl::Status Staging::PutWithdrawal(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            store_->db().Prepared("DELETE FROM _staged WHERE record = ?1"));
  DOORSTEP_RETURN_IF_ERROR(forget->BindBlob(1, record.AsBytes()).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store_->db().Prepared("INSERT OR IGNORE INTO _staged_withdrawn(record) VALUES(?1)"));
  return put->BindBlob(1, record.AsBytes()).Run();
}

absl::StatusOr<bool> Staging::HasOutcome(const Uuid& incarnation, uint64_t counter) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared(
          "SELECT count(*) FROM _staged_outcome WHERE incarnation = ?1 AND counter = ?2"));
  ScopedReset done(find);
  find->BindBlob(1, incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(counter));
  DOORSTEP_RETURN_IF_ERROR(find->Step().status());
  return find->Int(0) > 0;
}

absl::Status Staging::ForEachLoss(absl::FunctionRef<absl::Status(const CompartmentId&)> visit) {
  return ForEachCompartment("SELECT file, tier FROM _staged_loss ORDER BY file, tier", visit);
}

absl::Status Staging::ForEachWithdrawal(absl::FunctionRef<absl::Status(const Uuid&)> visit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<Statement> list,
      store_->db().Prepare("SELECT record FROM _staged_withdrawn ORDER BY record"));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::OkStatus();
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
    DOORSTEP_RETURN_IF_ERROR(visit(record));
  }
}

absl::Status Staging::ForEachGrant(absl::FunctionRef<absl::Status(const CompartmentId&)> visit) {
  return ForEachCompartment("SELECT file, tier FROM _staged_grant ORDER BY file, tier", visit);
}

absl::Status Staging::ForEachCompartment(
    absl::string_view sql, absl::FunctionRef<absl::Status(const CompartmentId&)> visit) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list, store_->db().Prepare(sql));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::OkStatus();
    CompartmentId compartment;
    DOORSTEP_ASSIGN_OR_RETURN(compartment.file, Uuid::FromBytes(list->Blob(0)));
    compartment.tier = static_cast<uint8_t>(list->Int(1));
    DOORSTEP_RETURN_IF_ERROR(visit(compartment));
  }
}

absl::Status Staging::ForEachRecord(absl::FunctionRef<absl::Status(RecordState)> visit) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list,
                            store_->db().Prepare("SELECT state FROM _staged ORDER BY record"));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::OkStatus();
    DOORSTEP_ASSIGN_OR_RETURN(RecordState state, DecodeState(list->Blob(0)));
    DOORSTEP_RETURN_IF_ERROR(visit(std::move(state)));
  }
}

absl::Status Staging::ForEachOutcome(
    absl::FunctionRef<absl::Status(const Uuid& incarnation, const v1::Outcome&)> visit) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list,
                            store_->db().Prepare("SELECT incarnation, outcome FROM _staged_outcome"
                                                 " ORDER BY incarnation, counter"));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::OkStatus();
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, Uuid::FromBytes(list->Blob(0)));
    v1::Outcome outcome;
    const absl::string_view bytes = list->Blob(1);
    if (!outcome.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError("_staged_outcome: a row that does not parse");
    }
    DOORSTEP_RETURN_IF_ERROR(visit(incarnation, outcome));
  }
}

}  // namespace doorstep::client
