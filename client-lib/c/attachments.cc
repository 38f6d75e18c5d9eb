// doorstep.h: photographs, recordings, documents.
#include "doorstep/attachments.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "client-lib/c/answer.h"
#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "sync/base/status.h"

namespace {

using doorstep::AttachOptions;
using doorstep::c::Answer;
using doorstep::c::Give;
using doorstep::c::GiveBytes;
using doorstep::c::Given;
using doorstep::c::Run;

}  // namespace

extern "C" {

int doorstep_attach_bytes(doorstep_replica* replica, const unsigned char* bytes, size_t size,
                          const char* options_json, char** id, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "bytes", bytes));
    AttachOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadAttach(options_json, &options));
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::string made,
        doorstep::AttachBytes(*replica->replica,
                              absl::string_view(reinterpret_cast<const char*>(bytes), size),
                              options));
    return id == nullptr ? absl::OkStatus() : Give(made, id);
  });
}

int doorstep_attach_file(doorstep_replica* replica, const char* path, const char* options_json,
                         char** id, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "path", path));
    AttachOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadAttach(options_json, &options));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string made,
                              doorstep::AttachFile(*replica->replica, path, options));
    return id == nullptr ? absl::OkStatus() : Give(made, id);
  });
}

int doorstep_attachments(doorstep_replica* replica, char** json, doorstep_error** error) {
  return Answer(replica, json, error, doorstep::ListAttachments);
}

int doorstep_attachment_read(doorstep_replica* replica, const char* record, size_t offset,
                             size_t max, unsigned char** bytes, size_t* size,
                             doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(
        Given("replica", replica, "record", record, "bytes", bytes, "size", size));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string read,
                              doorstep::ReadAttachment(*replica->replica, record, offset, max));
    return GiveBytes(read, bytes, size);
  });
}

int doorstep_attachment_ask(doorstep_replica* replica, const char* record, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "record", record));
    return doorstep::AskForAttachment(*replica->replica, record);
  });
}

}  // extern "C"
