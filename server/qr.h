// A QR code in letters of a terminal.
#ifndef SERVER_QR_H_
#define SERVER_QR_H_

#include <string>

#include "absl/status/statusor.h"

namespace doorstep::server {

// Two rows of modules in a line of text; light modules are full blocks, as dark terminals show it.
// `text`: of digits, capitals and hyphens, which makes the picture small.
absl::StatusOr<std::string> QrText(const std::string& text);

}  // namespace doorstep::server

#endif  // SERVER_QR_H_
