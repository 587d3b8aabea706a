#pragma once

#include <cstdint>
#include <span>

namespace nexakey::system {

/// A core::RandomSource: fills the span with bytes of OpenSSL's generator, RAND_bytes(3), which the
/// operating system seeds. False: the generator failed, and the span is unchanged. Loads libcrypto
/// at its first use.
bool random_bytes(std::span<std::uint8_t> bytes);

}  // namespace nexakey::system
