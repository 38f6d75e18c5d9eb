// How the log looks.
#ifndef SERVER_LOG_FORMAT_H_
#define SERVER_LOG_FORMAT_H_

#include "absl/strings/string_view.h"

namespace doorstep::server {

// The program's log from here on: "text" for people, "json" for programs that gather logs, an
// object on each line: {"time": …, "level": …, "logger": …, "thread": …, "message": …}.
void SetLogFormat(absl::string_view format);

}  // namespace doorstep::server

#endif  // SERVER_LOG_FORMAT_H_
