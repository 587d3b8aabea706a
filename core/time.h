#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::core {

/// A point in time of the wall clock, UTC. Keys are dated with it.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Times are written with a year of four digits: all of them are before this one.
inline constexpr Time kEndOfTimes = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1};

/// The longest duration that is read: about 100 years.
inline constexpr std::chrono::seconds kLongestDuration = std::chrono::days{36500};

/// Now, by the system's wall clock.
Time system_time();

/// Reads `30s`, `15m`, `24h`, `90d` or `12w`: a whole number above 0, at most 100 years.
Result<std::chrono::seconds> parse_duration(std::string_view text);

/// Reads RFC 3339 (`2026-11-24T12:00:00Z`, fractions and offsets too) or a date, which is its
/// midnight in UTC. Years 1970 to 9999.
Result<Time> parse_time(std::string_view text);

/// A time, or a duration counted from `now`: forwards for an expiry, backwards for a report.
Result<Time> parse_time_after(std::string_view text, Time now);
Result<Time> parse_time_before(std::string_view text, Time now);

/// RFC 3339 in UTC with milliseconds, `2026-11-24T12:00:00.000Z`: the form of JSON.
std::string format_time(Time time);
void append_time(std::string& text, Time time);

/// `3 days ago`, `in 2 hours`, `now`: the form of a table in a terminal. The past is rounded down,
/// the future up.
std::string relative_time(Time time, Time now);

/// The beginning of the day, the ISO 8601 week (Monday) or the month that `time` is in, UTC.
Time start_of_day(Time time);
Time start_of_week(Time time);
Time start_of_month(Time time);

}  // namespace nexakey::core
