// Bounds on keys, certificates, codes and on who asks for them, with unit and reason; the rest
// stands in sync/base/limits.h.
#ifndef SYNC_IDENTITY_LIMITS_H_
#define SYNC_IDENTITY_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "sync/base/limits.h"

namespace doorstep {

// Bytes of keys and certificates in PEM that are read at all: a chain of four takes some 8 KiB.
inline constexpr size_t kMaxPemBytes = 64 * kKiB;
// Certificates between a server's own and the authority that devices know, both included.
inline constexpr size_t kMaxChainCertificates = 8;
// Bytes of a certificate request: one for a P-256 key takes some 250.
inline constexpr size_t kMaxCertificateRequestBytes = 4 * kKiB;
// Bytes of one message of the enrolment listener, where anybody may call: a request with its code.
inline constexpr size_t kMaxEnrolmentMessageBytes = 32 * kKiB;
// Bytes of an enrolment code as text, with spaces: five texts of 255 bytes and what goes with them.
inline constexpr size_t kMaxEnrolmentCodeBytes = 4 * kKiB;
// Calls of one address that prove nothing, in a minute. A home's tablets may share an address; a
// code cannot be guessed at any rate that a network carries.
inline constexpr int kMaxWrongProofsPerMinute = 20;
// Addresses that are counted at once; beyond it, all that are not yet known share one count.
inline constexpr size_t kMaxCountedPeers = 4096;
// How long an invitation may be good for: a week, for a tablet that is sent by post.
inline constexpr int64_t kMaxInviteMinutes = 7 * 24 * 60;
// Bytes of the reason for taking a device out of use.
inline constexpr size_t kMaxRevokeReasonBytes = 1 * kKiB;

}  // namespace doorstep

#endif  // SYNC_IDENTITY_LIMITS_H_
