#include "server/database_key.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sync/base/bytes.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

constexpr size_t kKeyBytes = 32;
// Of a key with white space around it.
constexpr size_t kMaxKeyTextBytes = 256;

// Process substitution of a shell gives a pipe, which only this user may read.
absl::Status CheckMode(const std::string& file) {
  struct stat info;
  if (stat(file.c_str(), &info) != 0) return absl::ErrnoToStatus(errno, file);
  if (!S_ISREG(info.st_mode) || (info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(file, ": others than its owner may use it, wanted mode 0600 (chmod 600)"));
}

absl::StatusOr<std::string> OutputOf(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return absl::ErrnoToStatus(errno, "--key-command");
  std::array<char, kMaxKeyTextBytes> buffer;
  const size_t got = fread(buffer.data(), 1, buffer.size(), pipe);
  const int status = pclose(pipe);
  std::string text(buffer.data(), got);
  explicit_bzero(buffer.data(), buffer.size());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return absl::InvalidArgumentError(
      absl::StrCat("--key-command: got exit status ", status, ", wanted 0"));
}

}  // namespace

absl::StatusOr<std::string> ParseKey(absl::string_view where, absl::string_view text) {
  if (text.size() == kKeyBytes) return std::string(text);
  absl::StatusOr<std::string> bytes = FromHex(absl::StripAsciiWhitespace(text));
  if (bytes.ok() && bytes->size() == kKeyBytes) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(where, ": got ", text.size(), " bytes, wanted ",
                                                 kKeyBytes, " bytes or ", 2 * kKeyBytes,
                                                 " hexadecimal digits"));
}

absl::StatusOr<std::string> ReadDatabaseKey(const std::string& file, const std::string& command) {
  if (file.empty() && command.empty()) return std::string();
  if (!file.empty() && !command.empty()) {
    return absl::InvalidArgumentError("--key-file, --key-command: got both, wanted one");
  }
  if (!command.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string text, OutputOf(command));
    return ParseKey("--key-command", text);
  }
  DOORSTEP_RETURN_IF_ERROR(CheckMode(file));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxKeyTextBytes));
  return ParseKey(file, text);
}

}  // namespace doorstep::server
