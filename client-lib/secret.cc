#include "client-lib/secret.h"

#include <sodium.h>

#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace doorstep::client {

// Pages of its own: locking is by the page, and the end of one secret would unlock its neighbours.
Secret::Secret(size_t size) : size_(size) {
  if (sodium_init() >= 0) bytes_.reset(static_cast<char*>(sodium_malloc(size)));
  if (bytes_ == nullptr) throw std::bad_alloc();
  std::memset(bytes_.get(), 0, size);
}

void Secret::Free::operator()(char* bytes) const { sodium_free(bytes); }

Secret::Secret(absl::string_view bytes) : Secret(bytes.size()) {
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

Secret Secret::Taking(std::string* text) {
  Secret secret(*text);
  client::Wipe(text);
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Wipe(std::string* text) {
  sodium_memzero(text->data(), text->size());
  text->clear();
}

}  // namespace doorstep::client
