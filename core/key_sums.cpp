#include "core/key_sums.h"

#include "core/key_filter.h"

namespace nexakey::core {

void KeySums::add(const Key& key, Time now) {
  const KeyStatus status = key.status(now);
  ++by_status[static_cast<std::size_t>(status)];
  if (status != KeyStatus::active && status != KeyStatus::damaged) {
    return;
  }
  const auto count = [&](std::uint64_t& sum, const KeyFilter& filter) {
    sum += filter.matches(key, now) ? 1 : 0;
  };
  count(expiring, {.expires_before = core::add(now, kExpiresWithin)});
  count(expiring_soon, {.expires_before = core::add(now, kExpiresSoon), .newest_of_line = true});
  count(unused, {.unused_since = core::add(now, -kUnusedFor)});
  count(superseded, {.superseded = true});
  count(unconfirmed, {.unconfirmed = true});
}

}  // namespace nexakey::core
