// Attachments of records: photographs, recordings, documents. Their bytes travel apart from
// records, after them, and are kept encrypted beside the replica.
//
//   auto id = AttachFile(*replica, "/sdcard/kitchen.jpg",
//                        {.json = R"({"caption": "the step", "media_type": "image/jpeg"})",
//                         .place = {.file = peter_file}});
//   ...
//   auto info = FindAttachment(*replica, *id);
//   if (info->state == AttachmentState::kHere) auto begin = ReadAttachment(*replica, *id, 0,
//   65536);
//
// Which kinds name attachments, and in which fields, the schema says. A record may be here long
// before its attachment: show that it is on its way. Thumbnails and waveforms are the
// application's.
//
// Threads and codes as the Replica, whose thread calls these.
#ifndef DOORSTEP_ATTACHMENTS_H_
#define DOORSTEP_ATTACHMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/replica.h"

namespace doorstep {

struct AttachOptions {
  std::string kind{};      // empty = the schema's only one that names attachments
  std::string json{"{}"};  // the record's other fields: not the hash, not the size
  AddOptions place{};
  std::string author{};  // empty = the replica's user
};

enum class AttachmentState : uint8_t {
  kHere,  // all of it can be read
  // It will come by itself, if the next syncs have the limits that the last one had
  // (AttachmentLimits; before the first: those that a sync has which is told nothing).
  kOnItsWay,
  kNotAsked,  // with these limits it comes when somebody asks for it: see AskForAttachment
};

struct AttachmentInfo {
  std::string record;
  std::string kind;
  std::string title;  // of the record
  std::string file;
  std::string tier;
  std::string sha256;  // 64 digits
  uint64_t size = 0;   // bytes, as the record says
  AttachmentState state = AttachmentState::kNotAsked;
  uint64_t bytes_here = 0;
  bool at_server = false;   // the server has said that it has it
  uint64_t bytes_sent = 0;  // of one that is here and not at the server: what that has acknowledged
};

// Puts the bytes here, durably, and then writes the record that names them; returns its id. Needs
// no network. kInvalidArgument: nothing to attach, or more than 64 MiB (kMaxAttachmentBytes).
absl::StatusOr<std::string> AttachBytes(Replica& replica, absl::string_view bytes,
                                        const AttachOptions& options);
// The same from a file, which is read in pieces.
absl::StatusOr<std::string> AttachFile(Replica& replica, const std::string& path,
                                       const AttachOptions& options);

// kNotFound: no such record here, or it names no attachment.
absl::StatusOr<AttachmentInfo> FindAttachment(Replica& replica, absl::string_view record);
// Of every record that names one, kind by kind, the newest first.
absl::StatusOr<std::vector<AttachmentInfo>> ListAttachments(Replica& replica);

// Bytes from `offset` on, at most `max`; empty at the end. kUnavailable: not all of it is here yet.
absl::StatusOr<std::string> ReadAttachment(Replica& replica, absl::string_view record,
                                           uint64_t offset, size_t max);

// Somebody wants it now: it comes (or, if it is here and not at the server, goes) with the next
// sync, before all others, whatever the link costs.
absl::Status AskForAttachment(Replica& replica, absl::string_view record);

}  // namespace doorstep

#endif  // DOORSTEP_ATTACHMENTS_H_
