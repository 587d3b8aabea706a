#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/random.h"
#include "core/secret.h"

namespace nexakey::core {

/// A key is this prefix and exactly 28 characters of [0-9A-Za-z].
inline constexpr std::string_view kApiKeyPrefix = "fc_live_";
inline constexpr std::size_t kApiKeyRandomLength = 28;
inline constexpr std::size_t kApiKeyLength = kApiKeyPrefix.size() + kApiKeyRandomLength;

/// SHA-256 (FIPS 180-4) of a whole key: all that a store ever knows of it. With 166 random bits
/// in a key there is nothing for a salt or a slow hash to protect.
using KeyHash = std::array<std::uint8_t, 32>;

/// Makes a key; each character is uniform. Throws RandomnessError if `random` fails.
Secret generate_api_key(const RandomSource& random);

/// Whether `text` is a key and nothing else.
bool is_api_key(std::string_view text);

/// Whether a key stands anywhere in `text`.
bool contains_api_key(std::string_view text);

KeyHash hash_api_key(std::string_view key);

/// The last four characters: what may be shown of a key so that its holder recognises it.
std::string_view last_four(std::string_view key);

}  // namespace nexakey::core
