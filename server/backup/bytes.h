// Text as libsodium wants it.
#ifndef SERVER_BACKUP_BYTES_H_
#define SERVER_BACKUP_BYTES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace doorstep::server::backup {

inline const unsigned char* Data(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* Data(std::string* text) {
  return reinterpret_cast<unsigned char*>(text->data());
}

}  // namespace doorstep::server::backup

#endif  // SERVER_BACKUP_BYTES_H_
