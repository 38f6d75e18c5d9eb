#include "tests/support/link.h"

#include <signal.h>

#include <chrono>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace doorstep::testing {
namespace {

constexpr std::chrono::seconds kLimit(1'000);

}  // namespace

Link::Link(const std::string& script, const std::string& server,
           const std::vector<std::string>& how) {
  const std::string port_file = dir_.File("port");
  std::vector<std::string> argv = {
      "node",        absl::StrCat(DOORSTEP_SOURCE_ROOT "/tests/support/", script),
      "--to",        server,
      "--port-file", port_file};
  argv.insert(argv.end(), how.begin(), how.end());
  process_ = std::make_unique<Process>(argv, std::nullopt, kLimit);
  WaitForFile(port_file, *process_);
  address_ = absl::StrCat("127.0.0.1:", absl::StripAsciiWhitespace(ReadAll(port_file)));
}

nlohmann::json Link::Stop() {
  process_->Signal(SIGTERM);
  const RunResult result = process_->Wait();
  EXPECT_EQ(result.exit, 0) << result;
  // The last line.
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(result.out), '\n');
  return nlohmann::json::parse(lines.back(), nullptr, /*allow_exceptions=*/false);
}

}  // namespace doorstep::testing
