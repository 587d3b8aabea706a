#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "core/key_sums.h"
#include "store/served_store.h"

namespace nexakey::server {

/// What the maintenance knows of the store. Its thread sets it, and any thread reads it.
class StoreGauges {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  struct Values {
    std::optional<core::KeySums> keys{};  ///< none: not counted yet, or they cannot be read
    Seconds flush_lag{};                  ///< how long no turn of the maintenance could flush
    /// How long the revocation log could not be written; none: there is no log.
    std::optional<Seconds> log_lag{};
  };

  /// Sets what a turn of the maintenance did, at the time `now`.
  void set(const store::Maintained& done, Clock::time_point now);
  void set(const std::optional<core::KeySums>& keys);
  [[nodiscard]] Values read(Clock::time_point now) const;

 private:
  mutable std::mutex mutex_;
  std::optional<core::KeySums> keys_;
  std::optional<Clock::time_point> not_flushed_since_;
  std::optional<Clock::time_point> not_logged_since_;
  bool has_log_ = false;
};

}  // namespace nexakey::server
