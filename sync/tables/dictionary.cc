#include "sync/tables/dictionary.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

// A compartment's digest before it holds anything.
constexpr char kZeroDigest[16] = {};

absl::Status NoSuchRef(absl::string_view table, int64_t ref) {
  return absl::DataLossError(absl::StrCat(table, ": no row ", ref));
}

}  // namespace

absl::StatusOr<int64_t> Dictionary::RefOf(const Uuid& incarnation) {
  if (auto it = incarnations_.refs.find(incarnation); it != incarnations_.refs.end()) {
    return it->second;
  }
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT ref FROM _incarnation WHERE id = ?1"));
  ScopedReset done(find);
  find->BindBlob(1, incarnation.AsBytes());
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  int64_t ref = found ? find->Int(0) : 0;
  if (!found) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * add,
                              db_->Prepared("INSERT INTO _incarnation(id) VALUES(?1)"));
    DOORSTEP_RETURN_IF_ERROR(add->BindBlob(1, incarnation.AsBytes()).Run());
    ref = db_->LastInsertRowid();
  }
  incarnations_.Put(incarnation, ref);
  return ref;
}

absl::StatusOr<int64_t> Dictionary::RefOf(const std::string& author) {
  if (auto it = authors_.refs.find(author); it != authors_.refs.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT ref FROM _author WHERE name = ?1"));
  ScopedReset done(find);
  find->BindText(1, author);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  int64_t ref = found ? find->Int(0) : 0;
  if (!found) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * add,
                              db_->Prepared("INSERT INTO _author(name) VALUES(?1)"));
    DOORSTEP_RETURN_IF_ERROR(add->BindText(1, author).Run());
    ref = db_->LastInsertRowid();
  }
  authors_.Put(author, ref);
  return ref;
}

absl::StatusOr<int64_t> Dictionary::RefOf(const CompartmentId& compartment) {
  if (auto it = compartments_.refs.find(compartment); it != compartments_.refs.end()) {
    return it->second;
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db_->Prepared("SELECT ref FROM _compartment WHERE file = ?1 AND tier = ?2"));
  ScopedReset done(find);
  find->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  int64_t ref = found ? find->Int(0) : 0;
  if (!found) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * add,
        db_->Prepared("INSERT INTO _compartment(file, tier, digest, records) VALUES(?1,?2,?3,0)"));
    add->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier);
    add->BindBlob(3, absl::string_view(kZeroDigest, sizeof kZeroDigest));
    DOORSTEP_RETURN_IF_ERROR(add->Run());
    ref = db_->LastInsertRowid();
  }
  compartments_.Put(compartment, ref);
  return ref;
}

absl::StatusOr<Uuid> Dictionary::Incarnation(int64_t ref) {
  if (auto it = incarnations_.keys.find(ref); it != incarnations_.keys.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT id FROM _incarnation WHERE ref = ?1"));
  ScopedReset done(find);
  find->BindInt(1, ref);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return NoSuchRef("_incarnation", ref);
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(find->Blob(0)));
  incarnations_.Put(id, ref);
  return id;
}

absl::StatusOr<std::string> Dictionary::Author(int64_t ref) {
  if (auto it = authors_.keys.find(ref); it != authors_.keys.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT name FROM _author WHERE ref = ?1"));
  ScopedReset done(find);
  find->BindInt(1, ref);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return NoSuchRef("_author", ref);
  std::string name(find->Text(0));
  authors_.Put(name, ref);
  return name;
}

absl::StatusOr<CompartmentId> Dictionary::Compartment(int64_t ref) {
  if (auto it = compartments_.keys.find(ref); it != compartments_.keys.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT file, tier FROM _compartment WHERE ref = ?1"));
  ScopedReset done(find);
  find->BindInt(1, ref);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return NoSuchRef("_compartment", ref);
  CompartmentId id;
  DOORSTEP_ASSIGN_OR_RETURN(id.file, Uuid::FromBytes(find->Blob(0)));
  id.tier = static_cast<uint8_t>(find->Int(1));
  compartments_.Put(id, ref);
  return id;
}

void Dictionary::Forget() {
  incarnations_ = {};
  authors_ = {};
  compartments_ = {};
}

}  // namespace doorstep
