#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/key.h"

namespace nexakey::core {

/// How many keys are in which state. `status` and the metrics of a server show it.
struct KeySums {
  static constexpr std::chrono::days kExpiresWithin{30};
  static constexpr std::chrono::days kExpiresSoon{7};
  static constexpr std::chrono::days kUnusedFor{90};

  std::array<std::uint64_t, kKeyStatuses> by_status{};  ///< each key, by KeyStatus

  // Active keys, and damaged ones.
  std::uint64_t expiring = 0;       ///< expire within `kExpiresWithin`
  std::uint64_t expiring_soon = 0;  ///< expire within `kExpiresSoon`, and were not rotated
  std::uint64_t unused = 0;         ///< created `kUnusedFor` ago, and not used since
  std::uint64_t superseded = 0;     ///< in the grace of a rotation
  std::uint64_t unconfirmed = 0;    ///< of rotations that were not confirmed

  /// Counts a key.
  void add(const Key& key, Time now);

  [[nodiscard]] std::uint64_t with_status(KeyStatus status) const {
    return by_status[static_cast<std::size_t>(status)];
  }
};

}  // namespace nexakey::core
