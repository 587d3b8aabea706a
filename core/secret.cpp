#include "core/secret.h"

#include <openssl/crypto.h>

namespace nexakey::core {

Secret::Secret(std::string&& text) : text_(text) { wipe(text); }

// A moved-from short string keeps its characters in place, so a move is a copy and a wipe.
Secret::Secret(Secret&& other) noexcept { *this = std::move(other); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(text_);
    text_.swap(other.text_);
    wipe(other.text_);
  }
  return *this;
}

Secret::~Secret() { wipe(text_); }

void wipe(std::string& text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace nexakey::core
