#include "core/sliding_window.h"

#include <algorithm>
#include <atomic>

namespace nexakey::core {

std::uint32_t SlidingWindow::occupied(std::uint32_t limit, Tick now) const {
  // The times get older with n, so those still inside come first.
  std::uint32_t inside = 0;
  auto unknown = static_cast<std::uint32_t>(std::min<std::uint64_t>(count_, limit));
  while (inside < unknown) {
    const std::uint32_t middle = inside + (unknown - inside + 1) / 2;
    if (now - newest(middle) < kWindowLength) {
      inside = middle;
    } else {
      unknown = middle - 1;
    }
  }
  return inside;
}

Admission SlidingWindow::peek(std::uint32_t limit, Tick now) const {
  const std::uint32_t used = occupied(limit, now);
  return {.admitted = used < limit,
          .remaining = limit - used,
          .reset_in = used == 0 ? kWindowLength : newest(used) + kWindowLength - now};
}

Admission SlidingWindow::admit(std::uint32_t limit, Tick now) {
  Admission admission = peek(limit, now);
  if (admission.admitted) {
    // The count first: the slot then holds a time that has left the window, and the order of the
    // others stands, whatever happens before the next line.
    ++count_;
    std::atomic_signal_fence(std::memory_order_release);
    ring_[(count_ - 1) % ring_.size()] = now;
    --admission.remaining;
  }
  return admission;
}

}  // namespace nexakey::core
