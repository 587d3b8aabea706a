#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace nexakey::core {

/// A point of a clock that never goes back and that no change of the wall clock moves. Windows are
/// timed with it.
using Tick = std::chrono::nanoseconds;

inline constexpr Tick kWindowLength = std::chrono::seconds(60);

/// Whether a window took a request in, and what it says about the next ones.
struct Admission {
  bool admitted = false;
  std::uint32_t remaining = 0;  ///< how many more would be admitted now
  Tick reset_in{};              ///< until the oldest counted request leaves; 60 s if there is none
};

/// The exact sliding window ("sliding window log") of one key: in no 60 seconds, from whichever
/// moment on, are more than `limit` requests admitted, and none is refused while there is room.
///
/// It is a view of memory that its owner keeps, possibly shared by processes; the owner sees to it
/// that only one of them uses it at a time. `ring` holds the times of the last admitted requests,
/// the n-th of all at [n % size]; `count` is how many there were. The ring may be smaller than the
/// limit as long as its owner gives it more room whenever it `is_short`. A process that dies
/// between two stores leaves a window that is at worst one request fuller than it was.
class SlidingWindow {
 public:
  SlidingWindow(std::uint64_t& count, std::span<Tick> ring) : count_(count), ring_(ring) {}

  /// How many of the newest `limit` requests are still in the window.
  [[nodiscard]] std::uint32_t occupied(std::uint32_t limit, Tick now) const;

  /// Whether more requests would be admitted than the ring has room for.
  [[nodiscard]] bool is_short(std::uint32_t limit, Tick now) const;

  /// Makes a ring of another size, which has room for the times that still count, take the place of
  /// this one under the same count. Zero has to be a time long past.
  void copy_to(std::span<Tick> ring, Tick now) const;

  /// Takes a request at `now` in if there is room. `limit` may differ from call to call; `now`
  /// never goes back.
  Admission admit(std::uint32_t limit, Tick now);

  /// What `admit` would answer, without taking anything in.
  [[nodiscard]] Admission peek(std::uint32_t limit, Tick now) const;

 private:
  /// The n-th newest time, n from 1.
  [[nodiscard]] Tick newest(std::uint64_t n) const { return ring_[(count_ - n) % ring_.size()]; }

  std::uint64_t& count_;
  std::span<Tick> ring_;
};

}  // namespace nexakey::core
