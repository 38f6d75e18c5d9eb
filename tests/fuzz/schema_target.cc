// Descriptors from elsewhere: refused, or a schema of which tables can be made.
//   input := mode:byte bytes
//   mode even: a FileDescriptorProto, to which its imports are added as this program has them
//   mode odd: a FileDescriptorSet as it is
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"
#include "sync/tables/record_tables.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

void AddImport(const std::string& name, std::set<std::string>* done,
               google::protobuf::FileDescriptorSet* out) {
  const auto* file = doorstep::Schema::BuiltIn()->pool()->FindFileByName(name);
  if (file == nullptr || !done->insert(name).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) {
    AddImport(std::string(file->dependency(i)->name()), done, out);
  }
  file->CopyTo(out->add_file());
}

}  // namespace

void Schema(absl::string_view bytes) {
  Input input(bytes);
  const bool whole = input.Byte() % 2 == 1;
  std::string set(input.Rest());
  if (!whole) {
    google::protobuf::FileDescriptorProto file;
    if (!file.ParseFromString(set)) return;
    google::protobuf::FileDescriptorSet files;
    std::set<std::string> done;
    for (const std::string& import : file.dependency()) AddImport(import, &done, &files);
    *files.add_file() = file;
    set = files.SerializeAsString();
  }
  const auto schema = doorstep::Schema::FromDescriptorSet(set);
  if (!schema.ok()) return;
  Require((*schema)->hash() == (*doorstep::Schema::FromDescriptorSet(set))->hash(), "one hash");
  auto db = Database::Open(":memory:", {});
  Require(db.ok(), "a database in memory");
  RecordTables tables(db->get(), *schema);
  for (int i = 0; i < 2; ++i) {
    auto transaction = Transaction::Begin(**db, Transaction::Mode::kWrite);
    Require(transaction.ok(), "a transaction");
    const absl::Status made = tables.Create();
    if (!made.ok()) std::fprintf(stderr, "%s\n", made.ToString().c_str());
    Require(made.ok(), "a schema that is accepted has tables");
    Require(transaction->Commit().ok(), "a commit");
  }
}

}  // namespace doorstep::fuzz
