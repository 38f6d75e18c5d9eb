// The bounds of backups.
#ifndef SERVER_BACKUP_LIMITS_H_
#define SERVER_BACKUP_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "sync/base/limits.h"

namespace doorstep::server {

// Bytes of one piece of a backup's file (wire): read and checked as a whole.
inline constexpr size_t kMaxBackupPieceBytes = 256 * kKiB;
// Pages that are copied between two pauses, a megabyte of a database: what pushes may have to wait
// for on a slow disk.
inline constexpr int kBackupStepPages = 256;
// Megabytes a second that a backup reads unless the operator says otherwise: a disk has as much to
// spare, and a gigabyte takes half a minute.
inline constexpr int64_t kBackupMibPerSecond = 32;
inline constexpr int64_t kMaxBackupMibPerSecond = 10'000;
// Bytes of one small file beside the databases (certificates, keys), and how many there may be.
inline constexpr size_t kMaxBackupSmallFileBytes = 128 * kKiB;
inline constexpr size_t kMaxBackupSmallFiles = 1000;

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_LIMITS_H_
