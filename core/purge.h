#pragma once

#include <optional>
#include <string>

#include "core/id.h"
#include "core/key.h"
#include "core/time.h"

namespace nexakey::core {

/// What a store keeps of a key that was purged, so that the key is never added again.
struct Tombstone {
  KeyId id;
  KeyHash hash{};
  Time purged_at{};

  friend bool operator==(const Tombstone&, const Tombstone&) = default;
};

/// Which keys a purge removes.
struct PurgeOptions {
  Time ended_before{};                     ///< that ended before this
  std::optional<std::string> workspace{};  ///< none: of every workspace
  bool dry_run = false;                    ///< only finds the keys
};

}  // namespace nexakey::core
