#include "server/errors.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"

namespace doorstep::server {
namespace {

constexpr char kCaller[] = "doorstep.caller";
constexpr char kDetail[] = "doorstep.detail";

}  // namespace

absl::Status ForCaller(absl::Status status) {
  if (!status.ok()) status.SetPayload(kCaller, absl::Cord());
  return status;
}

bool IsForCaller(const absl::Status& status) { return status.GetPayload(kCaller).has_value(); }

absl::Status Outward(const absl::Status& status) {
  if (status.ok() || IsForCaller(status)) return status;
  const bool again =
      absl::IsAborted(status) || absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  absl::Status outward =
      again ? absl::UnavailableError("the server cannot do this just now: try again later")
            : absl::InternalError("a fault of the server");
  outward.SetPayload(kDetail, absl::Cord(status.ToString()));
  return outward;
}

std::string Detail(const absl::Status& status) {
  const absl::optional<absl::Cord> detail = status.GetPayload(kDetail);
  return detail.has_value() ? std::string(*detail) : std::string();
}

}  // namespace doorstep::server
