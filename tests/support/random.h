#pragma once

#include <cstdint>
#include <random>

namespace nexakey::test {

/// A number from 0 to below `end`, the same on every platform.
inline std::uint64_t below(std::mt19937_64& random, std::uint64_t end) { return random() % end; }

}  // namespace nexakey::test
