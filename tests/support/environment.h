#pragma once

#include <cstdint>
#include <cstdlib>

namespace nexakey::test {

/// The number in an environment variable with which scripts/soak makes a test larger, or
/// `otherwise`.
inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// How many times a test kills a process.
inline std::uint64_t kill_count(std::uint64_t otherwise) {
  return environment_number("NEXAKEY_KILLS", otherwise);
}

}  // namespace nexakey::test
