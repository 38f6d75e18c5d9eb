// Records from text: see include/doorstep/transfer.h.
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "client-lib/commit.h"
#include "client-lib/edits.h"
#include "client-lib/fold.h"
#include "client-lib/import_rows.h"
#include "client-lib/names.h"
#include "client-lib/open_record.h"
#include "client-lib/owed.h"
#include "client-lib/replica_impl.h"
#include "client-lib/value_json.h"
#include "doorstep/json.h"
#include "doorstep/replica.h"
#include "doorstep/transfer.h"
#include "doorstep/v1/sign_off.pb.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"
#include "sync/merge/marks.h"
#include "sync/merge/record.h"

namespace doorstep {
namespace {

using client::ImportRow;
using client::Store;

// Records, and bytes of their values, that are written together. Units hold 1,000 changes and
// 1 MiB; smaller pieces cost little more.
constexpr size_t kChunkRecords = 500;
constexpr size_t kChunkBytes = 512 * kKiB;

// Where the line is what is wrong, and not the replica.
bool IsOfTheRow(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

using EditsInside = Replica::Impl::EditsInside;

class Importer {
 public:
  // `shelf`: the attachments that are here, null for none.
  Importer(Replica::Impl& replica, client::Shelf* shelf, const ImportOptions& options,
           std::string author, std::string site)
      : replica_(replica),
        store_(*replica.store),
        shelf_(shelf),
        options_(options),
        author_(std::move(author)),
        site_(std::move(site)) {}

  // Into the Write that the caller has open.
  absl::StatusOr<ImportResult> Run(client::ByteSource source);

 private:
  // What has been read and not yet written.
  struct Chunk {
    explicit Chunk(Store& store) : fold(store) {}
    client::Fold fold;
    std::unique_ptr<EditsInside> edits;
    size_t bytes = 0;
    uint64_t first_line = 0, last_line = 0;
    std::vector<std::pair<Uuid, std::string>> to_hide;  // and why
  };

  std::unique_ptr<Chunk> NewChunk();
  absl::Status Take(const ImportRow& row);
  absl::StatusOr<bool> IsHere(const KindSpec& kind, const Uuid& id, const ImportRow& row,
                              const std::vector<FieldValues>& values);
  absl::Status CheckSame(const KindSpec& kind, const RecordState& held, const ImportRow& row,
                         const std::vector<FieldValues>& values);
  absl::StatusOr<bool> LacksItsAttachment(const client::Edit& edit);
  Uuid IdByContent(const KindSpec& kind, const ImportRow& row, absl::string_view values);
  absl::Status Flush();
  absl::Status WriteChunk();
  absl::Status HideChunk();
  void Error(uint64_t line, absl::string_view message);

  Replica::Impl& replica_;
  Store& store_;
  client::Shelf* const shelf_;
  const ImportOptions& options_;
  const std::string author_;
  const std::string site_;
  std::unique_ptr<Chunk> chunk_;
  uint64_t line_ = 0;
  // Of rows without an id, how many were like this one, by a hash of what they say.
  absl::flat_hash_map<Uuid, uint32_t> alike_;
  ImportResult result_;
};

void Importer::Error(uint64_t line, absl::string_view message) {
  ++result_.errors;
  if (result_.first_errors.size() < options_.max_errors) {
    result_.first_errors.push_back({line, std::string(message)});
  }
}

std::unique_ptr<Importer::Chunk> Importer::NewChunk() {
  auto chunk = std::make_unique<Chunk>(store_);
  chunk->edits = std::make_unique<EditsInside>(Replica::Impl::EditsInside{
      store_, chunk->fold, replica_.entropy, replica_.clock.Read(), author_, {}, {}});
  return chunk;
}

// The same for the same row of a file, whenever and wherever in the site it is imported. Of rows
// that say the same each is a record of its own: two falls on one day are two falls.
Uuid Importer::IdByContent(const KindSpec& kind, const ImportRow& row, absl::string_view values) {
  const auto hash = [](absl::string_view input) {
    Uuid id;
    // Cannot fail: the length is within the function's fixed bounds and there is no key.
    crypto_generichash(id.b.data(), id.b.size(),
                       reinterpret_cast<const unsigned char*>(input.data()), input.size(), nullptr,
                       0);
    return id;
  };
  const absl::string_view nul("\0", 1);
  const Uuid content = hash(absl::StrCat("doorstep import", nul, site_, nul, kind.number, nul,
                                         row.file, nul, row.tier, nul, values));
  const uint32_t turn = alike_[content]++;
  Uuid id = hash(absl::StrCat(content.AsBytes(), turn));
  id.b[6] = static_cast<uint8_t>((id.b[6] & 0x0F) | 0x80);
  id.b[8] = static_cast<uint8_t>((id.b[8] & 0x3F) | 0x80);
  return id;
}

// Whether the record that is here says what the row says.
absl::Status Importer::CheckSame(const KindSpec& kind, const RecordState& held,
                                 const ImportRow& row, const std::vector<FieldValues>& values) {
  const std::string here = absl::StrCat(", as record ", held.id.ToString(), " has here");
  if (held.kind != kind.number) {
    return InvalidField("kind", kind.name, absl::StrCat(store_.KindName(held.kind), here));
  }
  if (!row.file.empty()) {
    Uuid file = held.id;
    if (row.file != "new") {
      DOORSTEP_ASSIGN_OR_RETURN(file, client::ParseId("file", row.file));
    }
    if (held.compartment.file != file) {
      return InvalidField("file", row.file, absl::StrCat(held.compartment.file.ToString(), here));
    }
  }
  const std::string tier = client::TierName(held.compartment.tier);
  if (!row.tier.empty() && row.tier != tier) {
    return InvalidField("tier", row.tier, absl::StrCat(tier, here));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> now,
                            ParseValues(kind, EffectiveMessage(kind, held), Unknown::kKeep));
  const auto find = [](const std::vector<FieldValues>& in, uint32_t field) {
    const auto it = std::find_if(in.begin(), in.end(),
                                 [&](const FieldValues& each) { return each.field == field; });
    return it == in.end() ? std::vector<std::string>() : it->values;
  };
  const auto words = [&](const FieldSpec& field, const std::vector<std::string>& of) {
    std::string all;
    for (const std::string& value : of) {
      const auto text = client::ValueJson(store_.schema(), kind, field, value);
      const nlohmann::json shown = text.ok() ? Parsed(*text) : nlohmann::json("a value");
      absl::StrAppend(&all, all.empty() ? "" : ", ",
                      shown.is_string() ? shown.get<std::string>() : *text);
    }
    return all.empty() ? std::string("no value") : all;
  };
  for (const FieldSpec& field : kind.fields) {
    const auto got = find(values, field.number());
    const auto wanted = find(now, field.number());
    if (got == wanted) continue;
    return InvalidField(client::FieldPath(kind, field), words(field, got),
                        absl::StrCat(Quoted(words(field, wanted)), here,
                                     " (an import changes no record: edit it, or keep what is "
                                     "here with --keep-existing)"));
  }
  if (!row.hidden.empty() && HiddenBecause(held) != row.hidden) {
    return InvalidField("hidden", row.hidden,
                        absl::StrCat(Quoted(HiddenBecause(held).value_or("not hidden")), here));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Importer::IsHere(const KindSpec& kind, const Uuid& id, const ImportRow& row,
                                      const std::vector<FieldValues>& values) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> held, store_.tables().Load(id));
  if (!held.has_value()) return false;
  const absl::Status same = CheckSame(kind, *held, row, values);
  if (same.ok()) {
    ++result_.here;
  } else if (options_.keep_existing) {
    ++result_.kept;
  } else {
    return same;
  }
  return true;
}

absl::StatusOr<bool> Importer::LacksItsAttachment(const client::Edit& edit) {
  const std::optional<BlobId> id =
      client::NamedBy(store_.schema(), edit.compartment.file, edit.change);
  if (!id) return false;
  client::Shelved shelved;
  if (shelf_ != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(shelved, shelf_->Find(*id));
  }
  return !shelved.whole;
}

absl::Status Importer::Take(const ImportRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindImportedKind(store_.schema(), row.kind));
  if (kind->full_name == v1::SignOff::descriptor()->full_name()) {
    ++result_.sign_offs;
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            JsonToValues(store_.schema(), *kind, row.json));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                            ParseValues(*kind, bytes, Unknown::kKeep));
  if (bytes.size() > kMaxUnitPayloadBytes) {
    return InvalidField(kind->name, absl::StrCat(bytes.size(), " bytes"),
                        absl::StrCat("at most ", kMaxUnitPayloadBytes));
  }
  // Also of rows that are passed over.
  if (!row.tier.empty()) DOORSTEP_RETURN_IF_ERROR(client::ParseTier(row.tier).status());
  if (!row.file.empty() && row.file != "new") {
    DOORSTEP_RETURN_IF_ERROR(client::ParseId("file", row.file).status());
  }
  Uuid id;
  if (row.id.empty()) {
    id = IdByContent(*kind, row, bytes);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(id, client::ParseId("id", row.id));
  }
  if (chunk_->edits->touched.contains(id)) DOORSTEP_RETURN_IF_ERROR(Flush());
  DOORSTEP_ASSIGN_OR_RETURN(const bool here, IsHere(*kind, id, row, values));
  if (here) return absl::OkStatus();
  if (values.empty()) {
    ++result_.empty;
    return absl::OkStatus();
  }
  DOORSTEP_RETURN_IF_ERROR(
      chunk_->edits->Add(*kind, std::move(values), {row.file, row.tier, id.ToString()}).status());
  if (chunk_->first_line == 0) chunk_->first_line = line_;
  chunk_->last_line = line_;
  chunk_->bytes += bytes.size();
  if (!row.hidden.empty()) chunk_->to_hide.emplace_back(id, row.hidden);
  ++result_.added;
  if (row.undecided) ++result_.undecided;
  DOORSTEP_ASSIGN_OR_RETURN(const bool lacks, LacksItsAttachment(chunk_->edits->edits.back()));
  if (lacks) ++result_.attachments_missing;
  return absl::OkStatus();
}

// A mark names all heads of its record, so it comes after them.
absl::Status Importer::HideChunk() {
  if (chunk_->to_hide.empty()) return absl::OkStatus();
  const std::unique_ptr<Chunk> marks = NewChunk();
  for (const auto& [id, why] : chunk_->to_hide) {
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, store_.tables().Load(id));
    if (!state.has_value()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const client::OpenedRecord opened,
                              client::MakeOpenRecord(store_, marks->fold, *std::move(state)));
    DOORSTEP_RETURN_IF_ERROR(marks->edits->Mark(opened, kHiddenField, why));
  }
  return client::WriteUnits(store_, std::move(marks->edits->edits), author_, replica_.clock.Read(),
                            replica_.entropy);
}

absl::Status Importer::WriteChunk() {
  DOORSTEP_RETURN_IF_ERROR(client::WriteUnits(store_, std::move(chunk_->edits->edits), author_,
                                              replica_.clock.Read(), replica_.entropy));
  DOORSTEP_RETURN_IF_ERROR(HideChunk());
  // Else what is noted for the index would grow with the file.
  return store_.search().Flush();
}

absl::Status Importer::Flush() {
  if (chunk_->first_line == 0) return absl::OkStatus();
  const absl::Status written = WriteChunk();
  if (!written.ok()) {
    const bool one = chunk_->first_line == chunk_->last_line;
    return Annotate(written,
                    one ? absl::StrCat("line ", chunk_->first_line)
                        : absl::StrCat("lines ", chunk_->first_line, " to ", chunk_->last_line));
  }
  chunk_ = NewChunk();
  return absl::OkStatus();
}

absl::StatusOr<ImportResult> Importer::Run(client::ByteSource source) {
  const std::unique_ptr<client::ImportRows> rows =
      client::MakeImportRows(store_.schema(), options_, source);
  chunk_ = NewChunk();
  ImportRow row;
  while (true) {
    const absl::StatusOr<bool> more = rows->Next(&row);
    line_ = rows->line();
    DOORSTEP_RETURN_IF_ERROR(rows->source_status());
    if (more.ok() && !*more) break;
    ++result_.records;
    const absl::Status taken = more.ok() ? Take(row) : more.status();
    if (!taken.ok()) {
      if (!IsOfTheRow(taken)) return Annotate(taken, absl::StrCat("line ", line_));
      Error(line_, taken.message());
    }
    if (chunk_->edits->edits.size() >= kChunkRecords || chunk_->bytes >= kChunkBytes) {
      DOORSTEP_RETURN_IF_ERROR(Flush());
    }
    if (options_.progress && result_.records % kChunkRecords == 0 &&
        !options_.progress(result_.records)) {
      return absl::CancelledError("import was stopped; nothing was imported");
    }
  }
  DOORSTEP_RETURN_IF_ERROR(Flush());
  if (result_.errors > 0) result_.added = 0;
  return result_;
}

}  // namespace

absl::StatusOr<ImportResult> Import(
    Replica& replica, const ImportOptions& options,
    absl::FunctionRef<absl::StatusOr<size_t>(char* buffer, size_t size)> source) {
  Replica::Impl& inside = replica.inside();
  if (inside.options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  Store& store = *inside.store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Shelf * shelf,
                            store.Attachments(/*create=*/false, inside.entropy));
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(std::string author, store.AuthorFor(options.author));
  DOORSTEP_ASSIGN_OR_RETURN(std::string site, store.Text(client::key::kSite));
  Importer importer(inside, shelf, options, std::move(author), std::move(site));
  DOORSTEP_ASSIGN_OR_RETURN(ImportResult result, importer.Run(source));
  // Else it is rolled back: `write` goes without a commit.
  if (result.errors == 0 && !options.dry_run) DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return result;
}

}  // namespace doorstep
