#include "server/log_format.h"

#include <spdlog/formatter.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "sync/base/clock.h"

namespace doorstep::server {
namespace {

// spdlog's patterns escape nothing.
class JsonLines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const nlohmann::json line = nlohmann::json::object({
        {"time", FormatUtc(std::chrono::duration_cast<std::chrono::milliseconds>(
                               message.time.time_since_epoch())
                               .count())},
        {"level", std::string(level.data(), level.size())},
        {"logger", std::string(message.logger_name.data(), message.logger_name.size())},
        {"thread", message.thread_id},
        {"message", std::string(message.payload.data(), message.payload.size())},
    });
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

}  // namespace

void SetLogFormat(absl::string_view format) {
  if (format == "json") spdlog::set_formatter(std::make_unique<JsonLines>());
}

}  // namespace doorstep::server
