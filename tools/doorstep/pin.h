// PINs and passphrases: from a file or a terminal, never from the command line, which others see.
#ifndef TOOLS_DOORSTEP_PIN_H_
#define TOOLS_DOORSTEP_PIN_H_

#include <string>

#include "absl/status/statusor.h"

namespace doorstep::cli {

// The first line of a file; "-": of standard input. kInvalidArgument when there is none.
absl::StatusOr<std::string> ReadPin(const std::string& file);

// Asked for at the terminal, which does not show it; with `twice` it must be the same both times.
// kUnauthenticated when there is no terminal.
absl::StatusOr<std::string> AskPin(const std::string& prompt, bool twice);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_PIN_H_
