#include "core/api_key.h"

#include <algorithm>
#include <string>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The largest multiple of 62 that fits a byte: bytes from here on would favour some characters.
constexpr std::uint8_t kFairBytes = 256 / kAlphabet.size() * kAlphabet.size();

}  // namespace

Secret generate_api_key(const RandomSource& random) {
  std::string key;
  key.reserve(kApiKeyLength);
  key = kApiKeyPrefix;
  std::array<std::uint8_t, 64> bytes{};
  while (key.size() < kApiKeyLength) {
    if (!random(bytes)) {
      wipe(key);
      throw RandomnessError();
    }
    for (const std::uint8_t byte : bytes) {
      if (byte < kFairBytes && key.size() < kApiKeyLength) {
        key += kAlphabet[byte % kAlphabet.size()];
      }
    }
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return Secret(std::move(key));
}

bool is_api_key(std::string_view text) {
  return text.size() == kApiKeyLength && text.starts_with(kApiKeyPrefix) &&
         std::ranges::all_of(text.substr(kApiKeyPrefix.size()), is_alphanumeric);
}

bool contains_api_key(std::string_view text) {
  for (std::size_t at = text.find(kApiKeyPrefix); at != std::string_view::npos;
       at = text.find(kApiKeyPrefix, at + 1)) {
    if (is_api_key(text.substr(at, kApiKeyLength))) {
      return true;
    }
  }
  return false;
}

// The one-shot SHA256() and EVP load OpenSSL's providers first, which takes longer than all the
// rest of a `verify`; these three functions go straight to the same code.
KeyHash hash_api_key(std::string_view key) {
  KeyHash hash{};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, key.data(), key.size());
  SHA256_Final(hash.data(), &context);
  OPENSSL_cleanse(&context, sizeof context);
  return hash;
}

std::string_view last_four(std::string_view key) { return key.substr(key.size() - 4); }

}  // namespace nexakey::core
