#pragma once

#include <array>
#include <cstdint>

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

}  // namespace nexakey::store::sqlite
