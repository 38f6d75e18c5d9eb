#include "tools/doorstep/pin.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace doorstep::cli {
namespace {

struct Close {
  void operator()(FILE* file) const { fclose(file); }
};
using Terminal = std::unique_ptr<FILE, Close>;

absl::StatusOr<std::string> AskOnce(FILE* terminal, const std::string& prompt) {
  std::fprintf(terminal, "%s: ", prompt.c_str());
  std::fflush(terminal);
  const int fd = fileno(terminal);
  termios shown{};
  if (tcgetattr(fd, &shown) != 0) return absl::ErrnoToStatus(errno, "terminal");
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(fd, TCSAFLUSH, &hidden);
  std::string line;
  for (int c = std::fgetc(terminal); c != EOF && c != '\n'; c = std::fgetc(terminal)) {
    line.push_back(static_cast<char>(c));
  }
  tcsetattr(fd, TCSAFLUSH, &shown);
  std::fputc('\n', terminal);
  return line;
}

}  // namespace

absl::StatusOr<std::string> ReadPin(const std::string& file) {
  std::string line;
  if (file == "-") {
    std::getline(std::cin, line);
  } else {
    std::ifstream in(file, std::ios::binary);
    std::getline(in, line);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (!line.empty()) return line;
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": got nothing that can be read, wanted a line with a PIN or passphrase"));
}

absl::StatusOr<std::string> AskPin(const std::string& prompt, bool twice) {
  const Terminal terminal(fopen("/dev/tty", "r+"));
  if (terminal == nullptr || isatty(fileno(terminal.get())) == 0) {
    return absl::UnauthenticatedError(absl::StrCat(
        prompt, ": got no terminal to ask at, wanted a file (--pin-file, DOORSTEP_PIN_FILE)"));
  }
  absl::StatusOr<std::string> pin = AskOnce(terminal.get(), prompt);
  if (!pin.ok() || !twice) return pin;
  const absl::StatusOr<std::string> again = AskOnce(terminal.get(), "Again");
  if (again.ok() && *again == *pin) return pin;
  return absl::InvalidArgumentError("the two were not the same");
}

}  // namespace doorstep::cli
