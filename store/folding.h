#pragma once

#include <chrono>

#include "store/engine.h"

namespace nexakey::store {

/// Folds old counts of hours into days, in short transactions, each of which moves rows: whatever
/// dies, no count is lost or doubled. Goes through all keys, then begins anew. Folds nothing while
/// an import is being rolled forward: the import relies on which days were folded when it was
/// accepted.
class Folding {
 public:
  /// Keeps `kept` hours.
  explicit Folding(std::chrono::hours kept) : kept_(kept) {}

  /// Folds at most `kMaxAtOnce` rows. False: all keys have been gone through, or an import is being
  /// rolled forward.
  Result<bool> step(Engine& engine, core::Time now);
  /// Takes steps for a short time. After the last key, waits for some minutes before it begins
  /// anew.
  Result<void> go_on(Engine& engine, core::Time now);

 private:
  using Clock = std::chrono::steady_clock;

  std::chrono::hours kept_;
  core::KeyId next_{};
  Clock::time_point pause_until_{};
};

}  // namespace nexakey::store
