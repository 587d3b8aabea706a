#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexakey::core {

/// SHA-256 (FIPS 180-4).
using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

/// 64 lower-case hexadecimal digits, and back; upper case is accepted too.
std::string to_hex(const Sha256& hash);
std::optional<Sha256> hash_from_hex(std::string_view text);

}  // namespace nexakey::core
