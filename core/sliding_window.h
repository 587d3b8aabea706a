#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace nexakey::core {

/// A time of the windows' clock, which never goes back and does not follow changes to the wall
/// clock.
using Tick = std::chrono::nanoseconds;

inline constexpr std::uint32_t kWindowSeconds = 60;
inline constexpr Tick kWindowLength = std::chrono::seconds(kWindowSeconds);

/// The state of one window or quota.
struct Room {
  bool has_room = false;        ///< for one more request
  std::uint64_t remaining = 0;  ///< how many more requests would be admitted now
  Tick reset_in{};  ///< until the oldest counted request leaves, its length if there is none
};

/// The exact sliding windows ("sliding window log") of one key. All of them are questions to one
/// log of the times of admitted requests: no span of `length`, wherever it starts, contains more
/// than `limit` of them, and no request is refused while there is room.
///
/// It is a view of memory that may be shared by processes; the owner of the memory ensures that
/// only one of them uses it at a time. `ring` has the times of the last admitted requests, the n-th
/// of all at [n % size]; `count` is their number. The ring may be smaller than the limit if its
/// owner enlarges it whenever it `is_short`. A process that dies between two stores leaves a window
/// with at most one request too many.
class SlidingWindow {
 public:
  SlidingWindow(std::uint64_t& count, std::span<Tick> ring) : count_(count), ring_(ring) {}

  /// How many of the newest `limit` requests are still in the window. `now` must not go back;
  /// `limit` and `length` may differ between calls.
  [[nodiscard]] std::uint32_t occupied(std::uint32_t limit, Tick now,
                                       Tick length = kWindowLength) const;

  /// Whether the ring is full although the limit has room.
  [[nodiscard]] bool is_short(std::uint32_t limit, Tick now, Tick length = kWindowLength) const;

  /// Copies the times in the window to a ring of another size, which replaces this one with the
  /// same count. The ring must have room for them. Time 0 must be long past.
  void copy_to(std::span<Tick> ring, Tick now, Tick length = kWindowLength) const;

  /// Whether the window has room, and how much.
  [[nodiscard]] Room look(std::uint32_t limit, Tick now, Tick length = kWindowLength) const;

  /// Adds a request, for which all windows have room.
  void add(Tick now);

 private:
  /// The n-th newest time, n from 1.
  [[nodiscard]] Tick newest(std::uint64_t n) const { return ring_[(count_ - n) % ring_.size()]; }

  std::uint64_t& count_;
  std::span<Tick> ring_;
};

}  // namespace nexakey::core
