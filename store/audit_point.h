#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/audit.h"

namespace nexakey::store {

/// The random id of a store, which only its copies share.
using StoreId = std::array<std::uint8_t, 16>;

/// An entry of the audit log of a store, as far as it identifies the state of the store.
struct AuditPoint {
  StoreId store{};
  std::optional<core::Sha256> hash{};  ///< of the entry; nothing if there is none

  /// Whether the store has exactly this entry, which has the number that was asked for, and with it
  /// all entries before it.
  [[nodiscard]] bool has(const core::AuditHead& entry) const {
    return entry.number == 0 || hash == entry.hash;
  }
};

}  // namespace nexakey::store
