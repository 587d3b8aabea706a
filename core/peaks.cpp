#include "core/peaks.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace nexakey::core {
namespace {

template <typename List>
std::uint64_t limit_in(const List& limits, std::uint64_t window_seconds) {
  const auto found = std::ranges::find_if(limits, [&](const Limit& limit) {
    return !is_quota(limit.window) && seconds_of(limit.window) == window_seconds;
  });
  return found == limits.end() ? 0 : found->requests;
}

/// Whether a peak is shown before another one. Products in place of shares compare exactly.
bool is_closer(const KeyPeak& a, const KeyPeak& b) {
  const std::uint64_t share_of_a = a.requests * b.limit;
  const std::uint64_t share_of_b = b.requests * a.limit;
  return share_of_a != share_of_b ? share_of_a > share_of_b
                                  : std::tie(a.window_seconds, a.name, a.key) <
                                        std::tie(b.window_seconds, b.name, b.key);
}

}  // namespace

bool is_higher(const Peak& peak, const Peak& other) {
  return std::tie(peak.requests, peak.hour) > std::tie(other.requests, other.hour);
}

double KeyPeak::share() const {
  return limit == 0 ? 0.0 : static_cast<double>(requests) / static_cast<double>(limit);
}

std::uint64_t limit_of(const Key& key, std::uint64_t window_seconds) {
  return limit_in(key.windows(), window_seconds);
}

PeakReporter::PeakReporter(const PeakQuery& query, Time now)
    : above_(query.above), top_(query.top) {
  report_.since = start_of_hour(query.since.value_or(core::add(now, -kDefaultPeakDays)));
}

void PeakReporter::add(const Key& key, KeyPeak peak) {
  peak.limit = limit_for(key, peak.window_seconds);
  if (peak.limit == 0) {
    return;
  }
  peak.key = key.id;
  peak.name = key.name;
  ++report_.count;
  report_.peaks.push_back(std::move(peak));
  if (report_.peaks.size() == 2 * top_) {
    rank();
  }
}

void PeakReporter::add(const Key& key, std::span<const Peak> hours) {
  std::map<std::uint64_t, KeyPeak> windows;
  for (const Peak& hour : hours) {
    const std::uint64_t limit = limit_for(key, hour.window_seconds);
    KeyPeak& peak = windows[hour.window_seconds];
    if (is_higher(hour, peak)) {
      static_cast<Peak&>(peak) = hour;
    }
    ++peak.hours;
    peak.hours_above = peak.hours_above.value_or(0) + (hour.requests > limit ? 1 : 0);
  }
  for (auto& [window, peak] : windows) {
    add(key, std::move(peak));
  }
}

PeakReport PeakReporter::finish() && {
  rank();
  return std::move(report_);
}

std::uint64_t PeakReporter::limit_for(const Key& key, std::uint64_t window_seconds) const {
  return above_.empty() ? limit_of(key, window_seconds) : limit_in(above_, window_seconds);
}

void PeakReporter::rank() {
  std::ranges::sort(report_.peaks, is_closer);
  if (report_.peaks.size() > top_) {
    report_.peaks.resize(top_);
  }
}

}  // namespace nexakey::core
