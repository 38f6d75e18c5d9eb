// The file of a backup: pieces, encrypted for whoever has the secret key, in an order that cannot
// be changed, and with an end that cannot be cut off.
//
//   file   := head piece+
//   head   := magic:"doorstep-backup\n" version:0x01 recipient:byte{32} sealed:byte{80}
//             stream:byte{24}
//   piece  := size:uint32 (least byte first) ciphertext:byte{size}
//
// `sealed` is the stream's key, new for each backup, sealed for the recipient (crypto_box_seal);
// the pieces are the messages of a secretstream (XChaCha20-Poly1305) with the head as associated
// data of the first; the last one, after which nothing comes, has the tag FINAL, and no other has.
// So who makes backups can open none of them, and a file that was altered, cut off, lengthened or
// put together from others is refused. Of a piece's plain text the first byte is its kind.
//
// Anybody who has the public key can make a backup that opens: the seal says for whom it is, not
// from whom. Who made it, and when, is told by where it was kept.
#ifndef SERVER_BACKUP_ARCHIVE_H_
#define SERVER_BACKUP_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/backup/keys.h"
#include "server/backup/new_file.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

class ArchiveWriter {
 public:
  // kAlreadyExists: there is something at `path`.
  static absl::StatusOr<std::unique_ptr<ArchiveWriter>> Create(const std::string& path,
                                                               absl::string_view public_key,
                                                               Entropy& entropy);
  ~ArchiveWriter();

  // At most kMaxBackupPieceBytes.
  absl::Status Add(char kind, absl::string_view body);
  // The last piece. After OK the file is at its path, also after a power cut.
  absl::Status Finish(char kind, absl::string_view body);

  uint64_t bytes() const { return file_->bytes(); }

 private:
  struct Stream;  // libsodium's
  ArchiveWriter();
  absl::Status Write(char kind, absl::string_view body, unsigned char tag);

  std::unique_ptr<NewFile> file_;
  std::unique_ptr<Stream> stream_;
  std::string head_;  // until the first piece is written
};

struct Piece {
  char kind = 0;
  std::string body;
  bool last = false;
};

class ArchiveReader {
 public:
  // kInvalidArgument: it is no backup, one of a newer program, or for another key.
  static absl::StatusOr<std::unique_ptr<ArchiveReader>> Open(const std::string& path,
                                                             const BackupKeys& keys);
  ~ArchiveReader();

  // kDataLoss: altered, or it ends before its end, or goes on after it.
  absl::StatusOr<Piece> Next();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }          // of the file
  uint64_t position() const { return position_; }  // up to which it was read

 private:
  struct Stream;
  ArchiveReader();
  absl::Status Start(const BackupKeys& keys);
  // Fewer bytes only at the end.
  absl::StatusOr<std::string> Read(size_t bytes);
  absl::Status Altered() const;
  absl::Status CutOff() const;

  std::string path_;
  std::FILE* file_ = nullptr;
  uint64_t size_ = 0, position_ = 0;
  std::unique_ptr<Stream> stream_;
  std::string head_;
  bool ended_ = false;
};

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_ARCHIVE_H_
