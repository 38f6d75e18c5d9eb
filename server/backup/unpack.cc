#include "server/backup/unpack.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "server/backup/archive.h"
#include "server/backup/new_file.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

class Unpacking {
 public:
  Unpacking(std::string directory, bool small_files, const BackupProgress& progress)
      : directory_(std::move(directory)), small_files_(small_files), progress_(progress) {}

  absl::StatusOr<Unpacked> Run(ArchiveReader& reader);

 private:
  absl::Status Take(const Piece& piece);
  absl::Status BeginFile(const Json& about);
  absl::Status EndFile(const Json& about);

  const std::string directory_;
  const bool small_files_;  // are written
  const BackupProgress& progress_;
  Unpacked unpacked_;
  bool begun_ = false;
  uint64_t files_ = 0;
  std::string name_;  // of the file that is being read; empty: none is
  uint64_t bytes_ = 0;
  std::unique_ptr<NewFile> file_;  // null: it is not written
  absl::flat_hash_set<std::string> names_;
};

absl::Status OutOfOrder(absl::string_view got) {
  return absl::DataLossError(absl::StrCat("pieces: got ", got, ", wanted the order of a backup"));
}

uint64_t NumberIn(const Json& about, const char* key) {
  return about.contains(key) && about[key].is_number_unsigned() ? about[key].get<uint64_t>() : 0;
}

absl::Status Unpacking::BeginFile(const Json& about) {
  if (!about.contains("name") || !about["name"].is_string())
    return OutOfOrder("a file without name");
  std::string name = about["name"];
  DOORSTEP_RETURN_IF_ERROR(CheckBackupName(name));
  if (!names_.insert(name).second) return OutOfOrder(absl::StrCat(name, " twice"));
  const std::string folder = name.substr(0, name.find('/'));
  if (small_files_ || folder == kTenantsFolder || folder == kAttachmentsFolder) {
    DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(absl::StrCat(directory_, "/", folder)));
    DOORSTEP_ASSIGN_OR_RETURN(file_, NewFile::Create(absl::StrCat(directory_, "/", name)));
  }
  name_ = std::move(name);
  bytes_ = 0;
  return absl::OkStatus();
}

absl::Status Unpacking::EndFile(const Json& about) {
  if (NumberIn(about, "bytes") != bytes_) {
    return OutOfOrder(absl::StrCat(bytes_, " bytes of ", name_));
  }
  if (file_ != nullptr) DOORSTEP_RETURN_IF_ERROR(file_->Finish());
  file_ = nullptr;
  ++files_;
  absl::string_view name = name_;
  if (const std::string tenant = TenantOf(name); !tenant.empty()) {
    if (!about.contains("tenant")) return OutOfOrder(absl::StrCat(name_, " without its mark"));
    TenantMark mark = TenantMarkFrom(about["tenant"]);
    if (mark.name != tenant) return OutOfOrder(absl::StrCat(name_, " with another's mark"));
    unpacked_.tenants.push_back(std::move(mark));
  } else if (absl::ConsumePrefix(&name, "attachments/") && absl::ConsumeSuffix(&name, ".db")) {
    unpacked_.attachments.emplace_back(name);
  } else {
    unpacked_.small_files.push_back(name_);
  }
  name_.clear();
  return absl::OkStatus();
}

absl::Status Unpacking::Take(const Piece& piece) {
  if (piece.kind == kBackupData) {
    if (name_.empty()) return OutOfOrder("bytes of no file");
    bytes_ += piece.body.size();
    return file_ == nullptr ? absl::OkStatus() : file_->Write(piece.body);
  }
  const Json about = Json::parse(piece.body, nullptr, /*allow_exceptions=*/false);
  if (!about.is_object()) return OutOfOrder("what is no JSON");
  const bool in_file = !name_.empty();
  if (piece.last != (piece.kind == kBackupEnd)) return OutOfOrder("an end in the middle");
  if ((piece.kind == kBackupBegin) == begun_) return OutOfOrder("a second beginning, or none");
  if (in_file != (piece.kind == kBackupFileEnd)) return OutOfOrder("a file within another");
  switch (piece.kind) {
    case kBackupBegin:
      begun_ = true;
      if (NumberIn(about, "format") != kBackupFormat) {
        return absl::InvalidArgumentError(absl::StrCat("format: got ", NumberIn(about, "format"),
                                                       ", wanted ", kBackupFormat,
                                                       ": a newer program wrote it"));
      }
      unpacked_.made_ms = static_cast<int64_t>(NumberIn(about, "made_ms"));
      return absl::OkStatus();
    case kBackupFile:
      return BeginFile(about);
    case kBackupFileEnd:
      return EndFile(about);
    case kBackupEnd:
      if (unpacked_.tenants.empty()) return OutOfOrder("no tenant");
      if (NumberIn(about, "files") == files_) return absl::OkStatus();
      return OutOfOrder(absl::StrCat(files_, " files"));
    default:
      return OutOfOrder("a piece of no known kind");
  }
}

absl::StatusOr<Unpacked> Unpacking::Run(ArchiveReader& reader) {
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const Piece piece, reader.Next());
    if (absl::Status status = Take(piece); !status.ok()) {
      return Annotate(std::move(status), reader.path());
    }
    if (progress_ != nullptr) progress_("unpack", reader.position(), reader.size());
    if (piece.last) break;
  }
  unpacked_.bytes = reader.size();
  return unpacked_;
}

}  // namespace

absl::StatusOr<Unpacked> UnpackBackup(const std::string& file, const BackupKeys& keys,
                                      const std::string& directory, bool small_files,
                                      const BackupProgress& progress) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ArchiveReader> reader,
                            ArchiveReader::Open(file, keys));
  return Unpacking(directory, small_files, progress).Run(*reader);
}

}  // namespace doorstep::server
