#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "core/sliding_window.h"

namespace nexakey::store::sqlite {

/// What the time since boot (CLOCK_BOOTTIME) of this process counts from. Processes with the same
/// value read the same clock. It changes with each boot, and differs between kernels and between
/// time namespaces (time_namespaces(7)).
struct Boot {
  std::array<std::uint8_t, 16> id{};  ///< /proc/sys/kernel/random/boot_id, a UUID
  std::int64_t offset = 0;            ///< of the time namespace to that of the kernel, nanoseconds

  friend bool operator==(const Boot&, const Boot&) = default;
};

/// The boot of this process. Throws StoreProblem if /proc does not tell it.
Boot read_boot();

/// The bytes of a UUID (RFC 9562, 4); nothing for any other text.
std::optional<std::array<std::uint8_t, 16>> parse_uuid(std::string text);

/// The time of a clock (clock_gettime(2)). One that does not fit, after 2262, is the last that
/// does.
core::Tick read_clock(clockid_t clock);

}  // namespace nexakey::store::sqlite
