#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nexakey::core {

/// SHA-256 (FIPS 180-4).
using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

/// Two lower-case hexadecimal digits for each byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
/// The hash of 64 such digits; upper case is accepted too.
std::optional<Sha256> hash_from_hex(std::string_view text);

}  // namespace nexakey::core
