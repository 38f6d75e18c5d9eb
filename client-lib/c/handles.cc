#include "client-lib/c/handles.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "client-lib/edits.h"
#include "nlohmann/json.hpp"

namespace doorstep::c {

int Leave(const absl::Status& status, doorstep_error** error) {
  const int code = static_cast<int>(status.code());
  if (status.ok() || error == nullptr) return code;
  std::string case_id;
  if (const auto payload = status.GetPayload(client::kConflictPayload); payload.has_value()) {
    case_id = std::string(*payload);
  }
  *error = new (std::nothrow) doorstep_error{code, std::string(status.message()), case_id};
  return code;
}

absl::Status NotGiven(const char* name) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": got NULL"));
}

absl::Status Give(absl::string_view text, char** out) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  *out = copy;
  return absl::OkStatus();
}

absl::Status GiveJson(const nlohmann::json& json, char** out) { return Give(Line(json), out); }

absl::Status GiveBytes(absl::string_view from, unsigned char** bytes, size_t* size) {
  char* copy = nullptr;
  if (absl::Status status = Give(from, &copy); !status.ok()) return status;
  *bytes = reinterpret_cast<unsigned char*>(copy);
  *size = from.size();
  return absl::OkStatus();
}

std::string Line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace doorstep::c

extern "C" {

int doorstep_interface(void) { return DOORSTEP_INTERFACE; }
const char* doorstep_version(void) { return DOORSTEP_VERSION; }
void doorstep_free(void* memory) { std::free(memory); }

int doorstep_error_code(const doorstep_error* error) {
  return error == nullptr ? DOORSTEP_OK : error->code;
}
const char* doorstep_error_message(const doorstep_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}
const char* doorstep_error_case(const doorstep_error* error) {
  return error == nullptr ? "" : error->case_id.c_str();
}
void doorstep_error_free(doorstep_error* error) { delete error; }

void doorstep_close(doorstep_replica* replica) { delete replica; }
void doorstep_record_free(doorstep_record* record) { delete record; }
void doorstep_edits_free(doorstep_edits* edits) { delete edits; }
void doorstep_link_free(doorstep_link* link) { delete link; }
void doorstep_observer_free(doorstep_observer* observer) { delete observer; }
void doorstep_loop_free(doorstep_loop* loop) { delete loop; }

}  // extern "C"
