#pragma once

#include <string_view>

#include "core/credential.h"

namespace nexakey::core {

inline constexpr std::string_view kApiKeyPrefix = kApiKeyForm.prefix;
inline constexpr std::size_t kApiKeyRandomLength = kApiKeyForm.random_length;
inline constexpr std::size_t kApiKeyLength = kApiKeyForm.length();

using KeyHash = CredentialHash;

/// Generates a key, each character uniformly. Throws RandomnessError if `random` fails.
inline Secret generate_api_key(const RandomSource& random) { return kApiKeyForm.generate(random); }

/// Whether `text` is a key and nothing else.
inline bool is_api_key(std::string_view text) { return kApiKeyForm.matches(text); }

/// Whether `text` contains a key.
inline bool contains_api_key(std::string_view text) {
  return kApiKeyForm.find_in(text) != std::string_view::npos;
}

inline KeyHash hash_api_key(std::string_view key) { return hash_credential(key); }

}  // namespace nexakey::core
