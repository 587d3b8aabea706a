#pragma once

#include <cstdint>
#include <span>

namespace nexakey::system {

/// Fills the whole span with random bytes of OpenSSL's generator, RAND_bytes(3), which the
/// operating system seeds; false: the generator failed, and the span is as it was. A
/// core::RandomSource. Loads libcrypto at its first use.
bool random_bytes(std::span<std::uint8_t> bytes);

}  // namespace nexakey::system
