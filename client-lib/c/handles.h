// The objects behind the handles of doorstep.h, and how every function of it leaves.
#ifndef CLIENT_LIB_C_HANDLES_H_
#define CLIENT_LIB_C_HANDLES_H_

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "doorstep.h"
#include "doorstep/observer.h"
#include "doorstep/replica.h"
#include "doorstep/sync_loop.h"
#include "doorstep/transport.h"
#include "nlohmann/json_fwd.hpp"

struct doorstep_error {
  int code;
  std::string message;
  std::string case_id;
};

struct doorstep_replica {
  std::unique_ptr<doorstep::Replica> replica;
};

struct doorstep_record {
  std::shared_ptr<const doorstep::OpenRecord> record;
};

struct doorstep_edits {
  // Returns the id that the edit made, or nothing.
  using Edit = std::function<absl::StatusOr<std::string>(doorstep::Edits&)>;
  std::string author;
  std::vector<Edit> list;
};

struct doorstep_link {
  std::unique_ptr<doorstep::Transport> transport;
};

struct doorstep_observer {
  std::unique_ptr<doorstep::Observer> observer;
};

struct doorstep_loop {
  std::unique_ptr<doorstep::SyncLoop> loop;
};

namespace doorstep::c {

// Sets *error if there is one to set; returns the code.
int Leave(const absl::Status& status, doorstep_error** error);

absl::Status NotGiven(const char* name);

// kInvalidArgument, naming the first of these arguments that is null:
//   Given("replica", replica, "id", id)
template <typename Pointer, typename... Rest>
absl::Status Given(const char* name, Pointer pointer, Rest... rest) {
  if (pointer == nullptr) return NotGiven(name);
  if constexpr (sizeof...(rest) > 0) return Given(rest...);
  return absl::OkStatus();
}

// A copy for the caller.
absl::Status Give(absl::string_view text, char** out);
absl::Status GiveJson(const nlohmann::json& json, char** out);
absl::Status GiveBytes(absl::string_view from, unsigned char** bytes, size_t* size);
std::string Line(const nlohmann::json& json);  // as text; never throws for what it holds

inline absl::Status Stopped() { return absl::CancelledError("the visitor stopped it"); }

// For arguments that may be null.
inline absl::string_view OrEmpty(const char* text) { return text == nullptr ? "" : text; }

// Runs the body of a function; nothing that it throws goes further.
template <typename Body>
int Run(doorstep_error** error, Body body) {
  try {
    return Leave(body(), error);
  } catch (const std::bad_alloc&) {
    return Leave(absl::ResourceExhaustedError("out of memory"), error);
  } catch (const std::exception& fault) {
    return Leave(absl::InternalError(absl::StrCat("a fault of doorstep: ", fault.what())), error);
  } catch (...) {
    return Leave(absl::InternalError("a fault of doorstep"), error);
  }
}

}  // namespace doorstep::c

#endif  // CLIENT_LIB_C_HANDLES_H_
