#include "core/sha256.h"

#include <charconv>
#include <system_error>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace nexakey::core {

// The one-shot SHA256() and EVP load OpenSSL's providers first, which takes longer than the rest of
// a `verify`; these three functions call the same code directly.
Sha256 sha256(std::string_view bytes) {
  Sha256 hash{};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(hash.data(), &context);
  OPENSSL_cleanse(&context, sizeof context);
  return hash;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(2 * bytes.size(), '0');
  auto digit = text.begin();
  for (const std::uint8_t byte : bytes) {
    *digit++ = kHex[byte >> 4U];
    *digit++ = kHex[byte & 15U];
  }
  return text;
}

std::optional<Sha256> hash_from_hex(std::string_view text) {
  Sha256 hash{};
  if (text.size() != 2 * hash.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const char* const digits = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, hash[i], 16);
    if (error != std::errc() || end != digits + 2) {
      return std::nullopt;
    }
  }
  return hash;
}

}  // namespace nexakey::core
