#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>

namespace nexakey::core {

/// Fills the whole span with random bytes, or returns false and leaves it as it was.
using RandomSource = std::function<bool(std::span<std::uint8_t>)>;

/// The random generator failed, so no secret is made.
struct RandomnessError : std::runtime_error {
  RandomnessError() : std::runtime_error("the system's random generator failed") {}
};

}  // namespace nexakey::core
