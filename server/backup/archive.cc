#include "server/backup/archive.h"

#include <sodium.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/backup/bytes.h"
#include "server/backup/limits.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using backup::Data;

constexpr absl::string_view kMagic = "doorstep-backup\n";
constexpr char kArchiveVersion = 0x01;
constexpr size_t kRecipientBytes = crypto_box_PUBLICKEYBYTES;
constexpr size_t kStreamKeyBytes = crypto_secretstream_xchacha20poly1305_KEYBYTES;
constexpr size_t kSealedBytes = kStreamKeyBytes + crypto_box_SEALBYTES;
constexpr size_t kStreamHeadBytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr size_t kHeadBytes = kMagic.size() + 1 + kRecipientBytes + kSealedBytes + kStreamHeadBytes;
constexpr size_t kOverhead = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr size_t kMaxCiphertext = 1 + kMaxBackupPieceBytes + kOverhead;
constexpr size_t kSizeBytes = 4;

// Forgotten when it goes.
struct StreamKey {
  std::string bytes = std::string(kStreamKeyBytes, '\0');
  ~StreamKey() { sodium_memzero(bytes.data(), bytes.size()); }
};

std::string EncodeSize(size_t size) {
  std::string out(kSizeBytes, '\0');
  for (size_t i = 0; i < kSizeBytes; ++i) out[i] = static_cast<char>(size >> (8 * i) & 0xff);
  return out;
}

size_t DecodeSize(absl::string_view bytes) {
  size_t size = 0;
  for (size_t i = 0; i < kSizeBytes; ++i) {
    size |= static_cast<size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return size;
}

}  // namespace

struct ArchiveWriter::Stream {
  crypto_secretstream_xchacha20poly1305_state state;
  ~Stream() { sodium_memzero(&state, sizeof state); }
};

struct ArchiveReader::Stream {
  crypto_secretstream_xchacha20poly1305_state state;
  ~Stream() { sodium_memzero(&state, sizeof state); }
};

ArchiveWriter::ArchiveWriter() = default;
ArchiveWriter::~ArchiveWriter() = default;

absl::StatusOr<std::unique_ptr<ArchiveWriter>> ArchiveWriter::Create(const std::string& path,
                                                                     absl::string_view public_key,
                                                                     Entropy& entropy) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  if (public_key.size() != kRecipientBytes) return absl::InternalError("no public key");
  struct stat status;
  if (::lstat(path.c_str(), &status) == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": got a file that is there, wanted a new one"));
  }
  std::unique_ptr<ArchiveWriter> writer(new ArchiveWriter);
  DOORSTEP_ASSIGN_OR_RETURN(writer->file_, NewFile::Create(path));
  StreamKey key;
  entropy.Fill(absl::MakeSpan(Data(&key.bytes), key.bytes.size()));
  std::string sealed(kSealedBytes, '\0');
  if (crypto_box_seal(Data(&sealed), Data(key.bytes), key.bytes.size(), Data(public_key)) != 0) {
    return absl::InvalidArgumentError("the public key is none that can be used");
  }
  std::string stream(kStreamHeadBytes, '\0');
  writer->stream_ = std::make_unique<Stream>();
  crypto_secretstream_xchacha20poly1305_init_push(&writer->stream_->state, Data(&stream),
                                                  Data(key.bytes));
  writer->head_ = absl::StrCat(kMagic, std::string(1, kArchiveVersion), public_key, sealed, stream);
  DOORSTEP_RETURN_IF_ERROR(writer->file_->Write(writer->head_));
  return writer;
}

absl::Status ArchiveWriter::Write(char kind, absl::string_view body, unsigned char tag) {
  if (body.size() > kMaxBackupPieceBytes) return absl::InternalError("a piece is too long");
  const std::string plain = absl::StrCat(std::string(1, kind), body);
  std::string ciphertext(plain.size() + kOverhead, '\0');
  crypto_secretstream_xchacha20poly1305_push(&stream_->state, Data(&ciphertext), nullptr,
                                             Data(plain), plain.size(), Data(head_), head_.size(),
                                             tag);
  head_.clear();
  DOORSTEP_RETURN_IF_ERROR(file_->Write(EncodeSize(ciphertext.size())));
  return file_->Write(ciphertext);
}

absl::Status ArchiveWriter::Add(char kind, absl::string_view body) {
  return Write(kind, body, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
}

absl::Status ArchiveWriter::Finish(char kind, absl::string_view body) {
  DOORSTEP_RETURN_IF_ERROR(Write(kind, body, crypto_secretstream_xchacha20poly1305_TAG_FINAL));
  return file_->Finish();
}

ArchiveReader::ArchiveReader() = default;
ArchiveReader::~ArchiveReader() {
  if (file_ != nullptr) std::fclose(file_);
}

absl::StatusOr<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(const std::string& path,
                                                                   const BackupKeys& keys) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader);
  reader->path_ = path;
  reader->file_ = std::fopen(path.c_str(), "rbe");
  struct stat status;
  if (reader->file_ == nullptr || ::fstat(fileno(reader->file_), &status) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  reader->size_ = static_cast<uint64_t>(status.st_size);
  DOORSTEP_RETURN_IF_ERROR(reader->Start(keys));
  return reader;
}

absl::Status ArchiveReader::Start(const BackupKeys& keys) {
  DOORSTEP_ASSIGN_OR_RETURN(head_, Read(kHeadBytes));
  const absl::string_view head = head_;
  if (!absl::StartsWith(head, kMagic)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": got another kind of file, wanted one that backup create wrote"));
  }
  if (head.size() < kHeadBytes) return CutOff();
  if (head[kMagic.size()] != kArchiveVersion) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": got format ", static_cast<int>(head[kMagic.size()]), ", wanted ",
        static_cast<int>(kArchiveVersion), ": it was written by a newer program, or altered"));
  }
  const absl::string_view recipient = head.substr(kMagic.size() + 1, kRecipientBytes);
  if (recipient != keys.public_key) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": got a backup for the key ", BackupKeyName(recipient), ", wanted one for ",
        BackupKeyName(keys.public_key), ", whose secret key was given"));
  }
  const absl::string_view sealed = head.substr(kMagic.size() + 1 + kRecipientBytes, kSealedBytes);
  StreamKey key;
  if (crypto_box_seal_open(Data(&key.bytes), Data(sealed), sealed.size(), Data(keys.public_key),
                           Data(keys.secret_key)) != 0) {
    return Altered();
  }
  stream_ = std::make_unique<Stream>();
  if (crypto_secretstream_xchacha20poly1305_init_pull(
          &stream_->state, Data(head.substr(kHeadBytes - kStreamHeadBytes)), Data(key.bytes)) !=
      0) {
    return Altered();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ArchiveReader::Read(size_t bytes) {
  std::string out(bytes, '\0');
  const size_t got = std::fread(out.data(), 1, bytes, file_);
  if (got < bytes && std::ferror(file_) != 0) return absl::ErrnoToStatus(errno, path_);
  out.resize(got);
  position_ += got;
  return out;
}

absl::Status ArchiveReader::Altered() const {
  return absl::DataLossError(
      absl::StrCat(path_, ": got other bytes than were written, before byte ", position_,
                   ", wanted the backup as it was made: it was altered or "
                   "damaged"));
}

absl::Status ArchiveReader::CutOff() const {
  return absl::DataLossError(absl::StrCat(
      path_, ": got ", size_, " bytes, wanted more: it was cut off, its end is missing"));
}

absl::StatusOr<Piece> ArchiveReader::Next() {
  if (ended_) return absl::InternalError("read beyond the end of a backup");
  DOORSTEP_ASSIGN_OR_RETURN(const std::string encoded, Read(kSizeBytes));
  if (encoded.size() < kSizeBytes) return CutOff();
  const size_t size = DecodeSize(encoded);
  if (size <= kOverhead || size > kMaxCiphertext) return Altered();
  DOORSTEP_ASSIGN_OR_RETURN(const std::string ciphertext, Read(size));
  if (ciphertext.size() < size) return CutOff();
  std::string plain(size - kOverhead, '\0');
  unsigned char tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(&stream_->state, Data(&plain), nullptr, &tag,
                                                 Data(ciphertext), ciphertext.size(), Data(head_),
                                                 head_.size()) != 0) {
    return Altered();
  }
  head_.clear();
  Piece piece;
  piece.kind = plain[0];
  piece.body = plain.substr(1);
  piece.last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  if (piece.last) {
    ended_ = true;
    DOORSTEP_ASSIGN_OR_RETURN(const std::string more, Read(1));
    if (!more.empty()) {
      return absl::DataLossError(absl::StrCat(path_, ": got bytes after byte ", position_ - 1,
                                              ", wanted the end there: something was added to it"));
    }
  }
  return piece;
}

}  // namespace doorstep::server
