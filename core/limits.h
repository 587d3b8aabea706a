#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"

namespace nexakey::core {

/// What a limit counts requests in: any span of so many seconds (a sliding window), or the current
/// day or month in UTC (a quota).
enum class Window : std::uint32_t { minute = 60, hour = 3600, day = 86'400, month = 2'678'400 };

inline constexpr std::uint32_t kMaxWindowSeconds = 3600;
inline constexpr std::uint32_t kMaxRateLimit = 100'000;
inline constexpr std::uint64_t kMaxQuota = 1'000'000'000'000;
/// Of one key, the minute included.
inline constexpr std::size_t kMaxSlidingWindows = 4;
inline constexpr std::size_t kMaxWindows = kMaxSlidingWindows + 2;

constexpr bool is_quota(Window window) { return window > Window::hour; }

/// The length of a sliding window, in seconds.
constexpr std::uint32_t seconds_of(Window window) { return static_cast<std::uint32_t>(window); }

constexpr std::chrono::seconds length_of(Window window) {
  return std::chrono::seconds(seconds_of(window));
}

/// The first moment of the day or month after that of `now`.
Time end_of(Window quota, Time now);

/// `1s`, `10m`, `1h`, `day`, `month`: the form of options and JSON.
std::string text_of(Window window);
/// Parses it; also another form of the same length, such as `60s`. Error: `usage`.
Result<Window> parse_window(std::string_view text);
/// `second`, `minute`, `hour`, `day`, `month`, otherwise as `text_of`: the name in headers.
std::string name_of(Window window);
/// Either form at a place (core/put.h).
inline constexpr std::size_t kMaxWindowLength = kMaxDurationLength;
char* put_text(char* at, Window window);
char* put_name(char* at, Window window);

/// A limit on the requests of a key.
struct Limit {
  Window window = Window::minute;
  std::uint64_t requests = 0;

  friend bool operator==(const Limit&, const Limit&) = default;
};

/// Limits of a key, in the order of their lengths. They are stored in the object itself, because
/// each decision copies them several times.
class Windows {
 public:
  void push_back(const Limit& limit) { limits_.at(size_++) = limit; }
  /// Sets the limit of a window. Without a limit, removes the one that the window has.
  void set(Window window, const std::optional<Limit>& limit);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Limit& operator[](std::size_t index) const { return limits_[index]; }
  [[nodiscard]] const Limit* begin() const { return limits_.data(); }
  [[nodiscard]] const Limit* end() const { return limits_.data() + size_; }

  friend bool operator==(const Windows& one, const Windows& other) {
    return std::ranges::equal(one, other);
  }

 private:
  std::array<Limit, kMaxWindows> limits_{};
  std::size_t size_ = 0;
};

/// The length of the longest sliding window, in seconds.
std::uint32_t longest_of(const Windows& windows);

/// `100 a minute`, `20 in 1s`, `1000 a day`: the form in tables and messages.
std::string words_of(const Limit& limit);
/// `100/1m`
std::string text_of(const Limit& limit);

/// Error: `usage`, if the number of requests is not one that the window can have.
Result<void> check_limit(const Limit& limit);

/// A limit that is set, or removed (no number).
struct LimitChange {
  Window window = Window::minute;
  std::optional<std::uint64_t> requests{};

  friend bool operator==(const LimitChange&, const LimitChange&) = default;
};

/// Parses a sliding window, `100` (a minute), `20/1s` or `none/1s`. Error: `usage`.
Result<LimitChange> parse_rate_limit(std::string_view text);
/// Parses a quota, `1000/day` or `none/month`. Error: `usage`.
Result<LimitChange> parse_quota(std::string_view text);

/// The limits of a key beside that of the minute: at most one for each window, in the order of
/// their lengths, so that quotas come last.
class Limits {
 public:
  [[nodiscard]] bool empty() const { return limits_.size() == 0; }
  [[nodiscard]] const Windows& list() const { return limits_; }
  [[nodiscard]] bool has_quota() const {
    return !empty() && is_quota(limits_[limits_.size() - 1].window);
  }

  /// Sets or removes a limit. Error: `usage`, if there are too many sliding windows, or the number
  /// is out of range.
  Result<void> apply(const LimitChange& change);
  /// The same for several changes, whatever their order. After an error, some are made.
  Result<void> apply(std::span<const LimitChange> changes);

  /// `20/1s 1000/day`: the form in tables.
  [[nodiscard]] std::string to_text() const;
  static Result<Limits> from_text(std::string_view text);

  friend bool operator==(const Limits&, const Limits&) = default;

 private:
  Windows limits_;  // without the minute
};

/// The requests of a line of rotations in the current day and month (UTC): a view of memory, like
/// SlidingWindow.
class QuotaCounters {
 public:
  /// `day`: days since 1970, of the last request that was counted.
  QuotaCounters(std::uint32_t& day, std::uint64_t& day_count, std::uint64_t& month_count)
      : day_(day), day_count_(day_count), month_count_(month_count) {}

  /// The requests in the day or month of `now`, which must not be before that of the last one.
  [[nodiscard]] std::uint64_t used(Window quota, Time now) const;
  /// Counts a request.
  void add(Time now);

  static std::uint32_t day_of(Time time);

 private:
  std::uint32_t& day_;
  std::uint64_t& day_count_;
  std::uint64_t& month_count_;
};

}  // namespace nexakey::core
