#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::core {

/// A time of the wall clock, UTC, with which keys are dated.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// The end of the range of times, which begins in 1970, so that a year has four digits. Code that
/// reads a time (JSON, options, rows of a store) checks the range, and code that computes one stays
/// in it.
inline constexpr Time kEndOfTimes = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1};
inline constexpr Time kLastTime = kEndOfTimes - Time::duration(1);

/// Whether `time` is in the range of times.
constexpr bool is_in_range(Time time) { return time >= Time() && time < kEndOfTimes; }

/// The time of a Unix timestamp in milliseconds, the form in stores; nothing if it is out of range.
std::optional<Time> time_from_milliseconds(std::int64_t milliseconds);

/// The maximum duration: about 100 years.
inline constexpr std::chrono::seconds kMaxDuration = std::chrono::days{36500};

/// `time` plus `duration`, which may be negative and at most kMaxDuration either way. Clamped to
/// the range of times.
Time add(Time time, std::chrono::milliseconds duration);

/// The system's wall clock, clamped to the range of times.
Time system_time();

/// Parses `30s`, `15m`, `24h`, `90d` or `12w`: a whole number above 0, at most 100 years. Error:
/// `usage`.
Result<std::chrono::seconds> parse_duration(std::string_view text);

/// The form that `parse_duration` reads, in the largest unit up to days that makes a whole number:
/// `90d`, `36h`, `90s`.
std::string format_duration(std::chrono::seconds duration);
/// The same at a place (core/put.h).
inline constexpr std::size_t kMaxDurationLength = 21;
char* put_duration(char* at, std::chrono::seconds duration);

/// Parses RFC 3339 (`2026-11-24T12:00:00Z`, also with fractions and offsets), or a date, which
/// means its midnight in UTC. Years 1970 to 9999. Error: `usage`.
Result<Time> parse_time(std::string_view text);

/// Parses a time, or a duration from `now`: forwards for an expiry, backwards for a report.
Result<Time> parse_time_after(std::string_view text, Time now);
Result<Time> parse_time_before(std::string_view text, Time now);

/// Parses an expiry: `never`, which is nothing, a time, or a duration from `now`. Error: `usage`.
Result<std::optional<Time>> parse_expiry(std::string_view text, Time now);

/// RFC 3339 in UTC with milliseconds, `2026-11-24T12:00:00.000Z`: the form of JSON.
std::string format_time(Time time);
void append_time(std::string& text, Time time);
/// The same at a place (core/put.h).
inline constexpr std::size_t kTimeLength = std::string_view("1970-01-01T00:00:00.000Z").size();
char* put_time(char* at, Time time);

/// `3 days ago`, `in 2 hours`, `now`: the form in tables on a terminal. The past is rounded down,
/// the future up.
std::string relative_time(Time time, Time now);

/// The beginning of the day, the ISO 8601 week (Monday) or the month of `time`, UTC.
Time start_of_day(Time time);
Time start_of_week(Time time);
Time start_of_month(Time time);

}  // namespace nexakey::core
