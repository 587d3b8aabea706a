#include "store/sqlite/hour_peaks.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

#include "core/json/plain_parts.h"
#include "core/limits.h"
#include "core/put.h"

namespace nexakey::store::sqlite {
namespace {

/// Removes a prefix of the text; false if it has another one.
bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

/// Removes a number at the beginning of the text.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  const auto number = core::read_plain_number(text);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

void HourPeaks::raise(const Peak& peak) {
  if (peak.second == 0) {
    return;
  }
  const auto known = std::ranges::find(peaks_, peak.first, &Peak::first);
  if (known == peaks_.end()) {
    if (peaks_.empty()) {
      peaks_.reserve(core::kMaxSlidingWindows);
    }
    peaks_.push_back(peak);
  } else {
    known->second = std::max(known->second, peak.second);
  }
}

std::string HourPeaks::to_text() const {
  constexpr std::size_t kMaxLength = 2 * core::kMaxNumberLength + 4;  // ,"60":5
  std::string text;
  core::append_put(text, peaks_.size() * kMaxLength + 2, [&](char* at) {
    at = core::put(at, '{');
    for (const auto& [seconds, requests] : peaks_) {
      at = core::put(at, &requests == &peaks_.front().second ? "\"" : ",\"");
      at = core::put(core::put(core::put(at, seconds), "\":"), requests);
    }
    return core::put(at, '}');
  });
  return text;
}

HourPeaks HourPeaks::from_text(std::int64_t hour, std::string_view text) {
  HourPeaks peaks(hour);
  for (std::string_view before = "{\"";
       skip(text, before) && peaks.peaks_.size() < core::kMaxWindowSeconds; before = ",\"") {
    const auto seconds = take_number(text);
    const auto requests = seconds && skip(text, "\":") ? take_number(text) : std::nullopt;
    if (!requests) {
      break;
    }
    peaks.peaks_.emplace_back(*seconds, *requests);
  }
  return peaks;
}

}  // namespace nexakey::store::sqlite
