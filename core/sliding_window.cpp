#include "core/sliding_window.h"

#include <algorithm>
#include <atomic>
#include <limits>

namespace nexakey::core {

std::uint32_t SlidingWindow::occupied(std::uint32_t limit, Tick now, Tick length) const {
  // The times get older with n, so those in the window come first.
  std::uint32_t inside = 0;
  auto unknown = static_cast<std::uint32_t>(std::min<std::uint64_t>({count_, limit, ring_.size()}));
  while (inside < unknown) {
    const std::uint32_t middle = inside + (unknown - inside + 1) / 2;
    if (now - newest(middle) < length) {
      inside = middle;
    } else {
      unknown = middle - 1;
    }
  }
  return inside;
}

bool SlidingWindow::is_short(std::uint32_t limit, Tick now, Tick length) const {
  return ring_.size() < limit && occupied(limit, now, length) == ring_.size();
}

void SlidingWindow::copy_to(std::span<Tick> ring, Tick now, Tick length) const {
  constexpr auto kAny = std::numeric_limits<std::uint32_t>::max();
  std::ranges::fill(ring, Tick{});
  Tick later = now;
  for (std::uint32_t n = 1, inside = occupied(kAny, now, length); n <= inside; ++n) {
    if (newest(n) > later) {
      break;  // replaces the oldest time, which has left the window
    }
    later = newest(n);
    ring[(count_ - n) % ring.size()] = later;
  }
}

Room SlidingWindow::look(std::uint32_t limit, Tick now, Tick length) const {
  const std::uint32_t used = occupied(limit, now, length);
  return {.has_room = used < limit && used < ring_.size(),
          .remaining = limit - used,
          .reset_in = used == 0 ? length : newest(used) + length - now};
}

void SlidingWindow::add(Tick now) {
  // The time first: a crash before the next line has changed only the place of the oldest request,
  // which has left the windows. A count without its time would make that old time the newest, and
  // the search would miss the requests after it.
  ring_[count_ % ring_.size()] = now;
  std::atomic_signal_fence(std::memory_order_release);
  ++count_;
}

}  // namespace nexakey::core
