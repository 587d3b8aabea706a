#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexakey::store::sqlite {

/// How full each window of a key was at most in one hour.
class HourPeaks {
 public:
  /// The length of a window in seconds, and the most requests that were in it.
  using Peak = std::pair<std::uint32_t, std::uint32_t>;

  HourPeaks() = default;
  explicit HourPeaks(std::int64_t hour) : hour_(hour) {}

  /// Hours since 1970.
  [[nodiscard]] std::int64_t hour() const { return hour_; }
  [[nodiscard]] const std::vector<Peak>& list() const { return peaks_; }
  /// Sets the peak of a window if it is higher than the known one. Ignores 0.
  void raise(const Peak& peak);

  /// A JSON object: `{"60":5,"3600":40}`.
  [[nodiscard]] std::string to_text() const;
  /// Reads what `to_text` wrote. If the text is damaged, returns the peaks before the damage.
  static HourPeaks from_text(std::int64_t hour, std::string_view text);

 private:
  std::int64_t hour_ = 0;
  std::vector<Peak> peaks_;  // one for each window
};

}  // namespace nexakey::store::sqlite
