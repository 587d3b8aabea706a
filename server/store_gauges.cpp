#include "server/store_gauges.h"

namespace nexakey::server {
namespace {

using TimePoint = StoreGauges::Clock::time_point;

/// Keeps since when something is not done.
void note(std::optional<TimePoint>& since, bool is_done, TimePoint now) {
  if (is_done) {
    since.reset();
  } else if (!since) {
    since = now;
  }
}

StoreGauges::Seconds time_since(const std::optional<TimePoint>& since, TimePoint now) {
  return since ? now - *since : StoreGauges::Seconds();
}

}  // namespace

void StoreGauges::set(const store::Maintained& done, Clock::time_point now) {
  const std::lock_guard guard(mutex_);
  note(not_flushed_since_, done.is_flushed, now);
  note(not_logged_since_, done.is_logged.value_or(true), now);
  has_log_ = done.is_logged.has_value();
}

void StoreGauges::set(const std::optional<core::KeySums>& keys) {
  const std::lock_guard guard(mutex_);
  keys_ = keys;
}

StoreGauges::Values StoreGauges::read(Clock::time_point now) const {
  const std::lock_guard guard(mutex_);
  return {.keys = keys_,
          .flush_lag = time_since(not_flushed_since_, now),
          .log_lag = has_log_ ? std::optional(time_since(not_logged_since_, now)) : std::nullopt};
}

}  // namespace nexakey::server
