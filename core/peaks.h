#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/key.h"
#include "core/usage.h"

namespace nexakey::core {

/// The peaks of a report are those of so many days, unless it asks for another time.
inline constexpr std::chrono::days kDefaultPeakDays{7};
/// How many peaks a report has, and at most may have, so that it fits into a reply.
inline constexpr std::uint32_t kDefaultTopPeaks = 100;
inline constexpr std::uint32_t kMaxTopPeaks = 10'000;

/// The question how close keys came to the limits of their sliding windows.
struct PeakQuery {
  std::optional<KeyId> key{};              ///< one key; else all keys that have not ended
  std::optional<std::string> workspace{};  ///< of this workspace; none: of all
  std::optional<Time> since{};             ///< none: kDefaultPeakDays ago
  std::uint32_t top = kDefaultTopPeaks;
  /// Of one key: compares its peaks with these limits, not with its own.
  std::vector<Limit> above{};
};

/// Whether a peak is higher than another one or, if they are equal, later.
bool is_higher(const Peak& peak, const Peak& other);

/// The highest peak of a sliding window of a key, the last one of several.
struct KeyPeak : Peak {
  KeyId key{};
  std::string name{};                          ///< of the key
  std::uint64_t hours = 0;                     ///< in which there were requests in the window
  std::optional<std::uint64_t> hours_above{};  ///< in which the peak was above the limit

  /// The part of the limit that it took; above 1 if the limit was higher then.
  [[nodiscard]] double share() const;

  friend bool operator==(const KeyPeak&, const KeyPeak&) = default;
};

struct PeakReport {
  Time since{};             ///< the beginning of an hour
  std::uint64_t count = 0;  ///< of all peaks, also of those that the query leaves out
  /// Those with the largest share first.
  std::vector<KeyPeak> peaks{};

  friend bool operator==(const PeakReport&, const PeakReport&) = default;
};

/// The limit of a key for the sliding window of this length; 0 if it has none.
std::uint64_t limit_of(const Key& key, std::uint64_t window_seconds);

/// Makes a report, in memory for twice the peaks that it keeps.
class PeakReporter {
 public:
  PeakReporter(const PeakQuery& query, Time now);

  [[nodiscard]] Time since() const { return report_.since; }
  /// Adds the peak of a key, unless the key does not have the window any more. Its name and its
  /// limit need not be set.
  void add(const Key& key, KeyPeak peak);
  /// Adds those of the key that was asked about: its peaks by hour and window, in any order.
  void add(const Key& key, std::span<const Peak> hours);
  [[nodiscard]] PeakReport finish() &&;

 private:
  [[nodiscard]] std::uint64_t limit_for(const Key& key, std::uint64_t window_seconds) const;
  void rank();

  std::vector<Limit> above_;
  std::size_t top_;
  PeakReport report_;
};

}  // namespace nexakey::core
