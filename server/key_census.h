#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/key_sums.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Counts the keys of a store again and again, with a minute between, or longer if there are so
/// many that counting them takes more than a twentieth of the time. It reads a page at a time, so
/// that other work of its thread goes on in between.
class KeyCensus {
 public:
  /// `workspace`: whose keys are counted; none: all.
  explicit KeyCensus(std::optional<std::string> workspace) : workspace_(std::move(workspace)) {}

  /// Reads the next page, if one is due. Calls `publish` when all keys are counted; with nothing if
  /// they cannot be read.
  void go_on(store::KeyStore& store,
             const std::function<void(const std::optional<core::KeySums>&)>& publish);

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<std::string> workspace_;
  core::KeySums sums_;                // so far
  std::optional<core::KeyId> after_;  // where the next page begins
  Clock::duration time_taken_{};      // by the pages so far
  Clock::time_point next_begin_;
};

}  // namespace nexakey::server
