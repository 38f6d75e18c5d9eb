#include "server/output.h"

#include <cstdio>

#include "nlohmann/json.hpp"
#include "sync/base/clock.h"

namespace doorstep::server {

void Print(absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

void PrintJson(const nlohmann::json& json) {
  Print(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string TimeText(int64_t ms) { return ms == 0 ? "never" : FormatUtc(ms); }

}  // namespace doorstep::server
