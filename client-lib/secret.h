// Bytes that nobody should find in memory, in a swap file or in a core dump afterwards.
#ifndef CLIENT_LIB_SECRET_H_
#define CLIENT_LIB_SECRET_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace doorstep::client {

// On pages of its own, which are locked into memory where the system allows it and stand in no core
// dump, and overwritten at the end. Moves, and is never copied by itself.
class Secret {
 public:
  Secret() = default;
  // Zeros.
  explicit Secret(size_t size);
  explicit Secret(absl::string_view bytes);
  // Takes the bytes and overwrites the text.
  static Secret Taking(std::string* text);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;

  absl::string_view view() const { return {bytes_.get(), size_}; }
  char* data() { return bytes_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Secret Copy() const { return Secret(view()); }

 private:
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char[], Free> bytes_;
  size_t size_ = 0;
};

// Overwrites a text that had a secret in it.
void Wipe(std::string* text);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SECRET_H_
