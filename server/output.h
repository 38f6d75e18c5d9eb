// What the commands of doorstep-server print.
#ifndef SERVER_OUTPUT_H_
#define SERVER_OUTPUT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace doorstep::server {

// On standard output, with a line end where there is none.
void Print(absl::string_view text);
// Indented. What is not UTF-8 is replaced.
void PrintJson(const nlohmann::json& json);

// An instant, or "never" for 0.
std::string TimeText(int64_t ms);

}  // namespace doorstep::server

#endif  // SERVER_OUTPUT_H_
