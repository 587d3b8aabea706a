#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>

namespace nexakey::core {

/// Fills the whole span with random bytes, or returns false and leaves it as it was.
using RandomSource = std::function<bool(std::span<std::uint8_t>)>;

/// There is no randomness: nothing that needs it may go on.
struct RandomnessError : std::runtime_error {
  RandomnessError() : std::runtime_error("the system's random generator failed") {}
};

/// The operating system's generator through OpenSSL's RAND_bytes. Loads libcrypto at its first use.
bool system_random(std::span<std::uint8_t> bytes);

}  // namespace nexakey::core
