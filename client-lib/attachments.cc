#include "doorstep/attachments.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client-lib/attachment_rows.h"
#include "client-lib/commit.h"
#include "client-lib/edits.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/replica_impl.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/cases/title.h"
#include "sync/change/record_json.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

using client::Shelf;
using client::Store;
using nlohmann::json;

constexpr size_t kPieceBytes = 64 * kKiB;

// The bytes to attach, piece by piece, from the beginning each time.
class Bytes {
 public:
  virtual ~Bytes() = default;
  virtual absl::Status Rewind() = 0;
  // Empty at the end.
  virtual absl::StatusOr<std::string> Next() = 0;
};

class MemoryBytes : public Bytes {
 public:
  explicit MemoryBytes(absl::string_view bytes) : bytes_(bytes) {}
  absl::Status Rewind() override {
    at_ = 0;
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Next() override {
    std::string piece(bytes_.substr(at_, kPieceBytes));
    at_ += piece.size();
    return piece;
  }

 private:
  const absl::string_view bytes_;
  size_t at_ = 0;
};

class FileBytes : public Bytes {
 public:
  explicit FileBytes(std::string path) : path_(std::move(path)) {}
  absl::Status Rewind() override {
    file_ = std::ifstream(path_, std::ios::binary);
    if (file_) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(path_, ": cannot be read"));
  }
  absl::StatusOr<std::string> Next() override {
    std::string piece(kPieceBytes, '\0');
    file_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (file_.bad()) return absl::UnavailableError(absl::StrCat(path_, ": cannot be read"));
    piece.resize(static_cast<size_t>(file_.gcount()));
    return piece;
  }

 private:
  const std::string path_;
  std::ifstream file_;
};

struct Measured {
  uint64_t size = 0;
  std::string sha256;
};

absl::StatusOr<Measured> Measure(Bytes& bytes) {
  DOORSTEP_RETURN_IF_ERROR(bytes.Rewind());
  Measured out;
  Sha256 hash;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string piece, bytes.Next());
    if (piece.empty()) break;
    hash.Add(piece);
    out.size += piece.size();
    if (out.size > kMaxAttachmentBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "attachment: got more than ", kMaxAttachmentBytes, " bytes, wanted at most that many"));
    }
  }
  if (out.size == 0) {
    return absl::InvalidArgumentError("attachment: got no bytes, wanted at least one");
  }
  out.sha256 = hash.Finish();
  return out;
}

absl::StatusOr<const KindSpec*> KindFor(const Schema& schema, const std::string& name) {
  if (!name.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind, client::FindKind(schema, name));
    if (kind->FindAttachment(AttachmentPart::kSha256) != nullptr) return kind;
    return InvalidField("kind", name, "one that names attachments");
  }
  const KindSpec* found = nullptr;
  for (const KindSpec& kind : schema.kinds()) {
    if (kind.FindAttachment(AttachmentPart::kSha256) == nullptr) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("kind: got none, wanted ", found->name, ", ",
                                                     kind.name, " or another that names them"));
    }
    found = &kind;
  }
  if (found != nullptr) return found;
  return absl::FailedPreconditionError("kind: the schema has none that names attachments");
}

// The record's JSON with hash and size.
absl::StatusOr<std::string> Naming(const KindSpec& kind, const std::string& fields,
                                   const Measured& measured) {
  json record = json::parse(fields, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return InvalidField("json", fields, "a JSON object");
  const std::string& hash = kind.FindAttachment(AttachmentPart::kSha256)->scalar.name;
  const std::string& size = kind.FindAttachment(AttachmentPart::kSize)->scalar.name;
  for (const std::string& name : {hash, size}) {
    if (record.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          kind.name, ".", name, ": got a value, wanted none: it comes from the bytes"));
    }
  }
  record[hash] = absl::Base64Escape(measured.sha256);
  record[size] = absl::StrCat(measured.size);
  return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Where the record would go, and under which id: the bytes are put there before it is written.
absl::StatusOr<client::Edit> Plan(Replica& replica, const KindSpec& kind, const std::string& fields,
                                  const AttachOptions& options, const std::string& author) {
  Replica::Impl& inside = replica.inside();
  DOORSTEP_ASSIGN_OR_RETURN(const client::Write write, client::Write::Begin(*inside.store));
  client::Fold fold(*inside.store);
  Replica::Impl::EditsInside asked{
      *inside.store, fold, inside.entropy, inside.clock.Read(), author, {}, {}};
  DOORSTEP_ASSIGN_OR_RETURN(const std::string values,
                            JsonToValues(inside.store->schema(), kind, fields));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> parsed,
                            ParseValues(kind, values, Unknown::kRefuse));
  DOORSTEP_RETURN_IF_ERROR(asked.Add(kind, std::move(parsed), options.place).status());
  return std::move(asked.edits.back());  // and nothing is written
}

absl::StatusOr<std::string> Attach(Replica& replica, Bytes& bytes, const AttachOptions& options) {
  Replica::Impl& inside = replica.inside();
  if (inside.options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  Store& store = *inside.store;
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind, KindFor(store.schema(), options.kind));
  DOORSTEP_ASSIGN_OR_RETURN(const Measured measured, Measure(bytes));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string fields, Naming(*kind, options.json, measured));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string author, store.AuthorFor(options.author));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Edit plan, Plan(replica, *kind, fields, options, author));

  const BlobId id = {plan.compartment.file, measured.sha256};
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store.Attachments(/*create=*/true, inside.entropy));
  DOORSTEP_RETURN_IF_ERROR(bytes.Rewind());
  DOORSTEP_RETURN_IF_ERROR(shelf->Put(
      id, measured.size, [&] { return bytes.Next(); }, inside.clock.Read().wall_ms));
  AddOptions place = options.place;
  place.file = plan.compartment.file.ToString();
  place.id = plan.change.record.ToString();
  DOORSTEP_RETURN_IF_ERROR(replica.Transact(
      {author}, [&](Edits& edits) { return edits.AddJson(kind->name, fields, place).status(); }));
  DOORSTEP_RETURN_IF_ERROR(shelf->NoteWritten(id));
  return place.id;
}

absl::StatusOr<AttachmentInfo> InfoOf(Replica& replica, const NamingRecord& record) {
  Replica::Impl& inside = replica.inside();
  Store& store = *inside.store;
  AttachmentInfo out;
  out.record = record.record.ToString();
  out.kind = store.KindName(record.kind);
  out.file = record.compartment.file.ToString();
  out.tier = client::TierName(record.compartment.tier);
  out.sha256 = ToHex(record.sha256);
  out.size = record.size;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state,
                            store.tables().Load(record.record));
  if (state.has_value()) out.title = TitleOf(store.schema(), *state);
  client::Shelved shelved;
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store.Attachments(/*create=*/false, inside.entropy));
  if (shelf != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(shelved, shelf->Find({record.compartment.file, record.sha256}));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(client::key::kEpoch));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t unasked, client::UnaskedBytes(store));
  const bool comes = shelved.asked || record.size <= unasked;
  out.state = shelved.whole ? AttachmentState::kHere
              : comes       ? AttachmentState::kOnItsWay
                            : AttachmentState::kNotAsked;
  out.bytes_here = shelved.here;
  out.at_server = epoch != 0 && shelved.confirmed_epoch == static_cast<uint64_t>(epoch);
  out.bytes_sent = out.at_server ? record.size : shelved.sent;
  return out;
}

absl::StatusOr<NamingRecord> FindNaming(Replica& replica, absl::string_view record) {
  Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, client::ParseId("record", record));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, store.tables().Load(id));
  const KindSpec* kind = state.has_value() ? store.schema().Find(state->kind) : nullptr;
  const FieldSpec* hash = kind == nullptr ? nullptr : kind->FindAttachment(AttachmentPart::kSha256);
  const FieldState* heads = hash == nullptr ? nullptr : state->Find(hash->number());
  for (size_t i = 0; heads != nullptr && i < heads->heads.size(); ++i) {
    // One field with its tag: the hash ends it.
    const std::string& value = heads->heads[i].value;
    if (value.size() <= kSha256Bytes) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::vector<NamingRecord> records,
        RecordsNaming(store.db(), store.schema(), state->compartment.file,
                      absl::string_view(value).substr(value.size() - kSha256Bytes)));
    for (const NamingRecord& one : records) {
      if (one.record == id) return one;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("record: got ", id.ToString(),
                   state.has_value() ? ", which names no attachment" : ", which is not held here",
                   ", wanted one that names an attachment"));
}

}  // namespace

absl::StatusOr<std::string> AttachBytes(Replica& replica, absl::string_view bytes,
                                        const AttachOptions& options) {
  MemoryBytes source(bytes);
  return Attach(replica, source, options);
}

absl::StatusOr<std::string> AttachFile(Replica& replica, const std::string& path,
                                       const AttachOptions& options) {
  FileBytes source(path);
  return Attach(replica, source, options);
}

absl::StatusOr<AttachmentInfo> FindAttachment(Replica& replica, absl::string_view record) {
  DOORSTEP_ASSIGN_OR_RETURN(const NamingRecord naming, FindNaming(replica, record));
  return InfoOf(replica, naming);
}

absl::StatusOr<std::vector<AttachmentInfo>> ListAttachments(Replica& replica) {
  Store& store = *replica.inside().store;
  std::vector<NamingRecord> records;
  const auto visit = [&](const NamingRecord& one) -> absl::StatusOr<bool> {
    records.push_back(one);
    return true;
  };
  DOORSTEP_RETURN_IF_ERROR(ForEachNaming(store.db(), store.schema(), visit));
  std::vector<AttachmentInfo> out;
  for (const NamingRecord& record : records) {
    DOORSTEP_ASSIGN_OR_RETURN(AttachmentInfo info, InfoOf(replica, record));
    out.push_back(std::move(info));
  }
  return out;
}

absl::StatusOr<std::string> ReadAttachment(Replica& replica, absl::string_view record,
                                           uint64_t offset, size_t max) {
  DOORSTEP_ASSIGN_OR_RETURN(const NamingRecord naming, FindNaming(replica, record));
  const BlobId id = {naming.compartment.file, naming.sha256};
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, replica.inside().store->Attachments(
                                               /*create=*/false, replica.inside().entropy));
  client::Shelved shelved;
  if (shelf != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(shelved, shelf->Find(id));
  }
  if (!shelved.whole) {
    return absl::UnavailableError(absl::StrCat("attachment of ", naming.record.ToString(),
                                               ": on its way, ", shelved.here, " of ", naming.size,
                                               " bytes are here"));
  }
  return shelf->Read(id, offset, max);
}

absl::Status AskForAttachment(Replica& replica, absl::string_view record) {
  Replica::Impl& inside = replica.inside();
  if (inside.options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const NamingRecord naming, FindNaming(replica, record));
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf,
                            inside.store->Attachments(/*create=*/true, inside.entropy));
  return shelf->SetAsked({naming.compartment.file, naming.sha256}, true);
}

}  // namespace doorstep
