#include "core/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>

#include "core/put.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Unit {
  std::string_view name;  // in words
  char suffix;
  seconds length;
};
constexpr std::array<Unit, 5> kUnits{{{"week", 'w', days{7}},
                                      {"day", 'd', days{1}},
                                      {"hour", 'h', hours{1}},
                                      {"minute", 'm', minutes{1}},
                                      {"second", 's', seconds{1}}}};

/// Parses an RFC 3339 time from left to right; after the first mismatch, nothing matches.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    const auto [end, error] =
        std::from_chars(rest_.data(), rest_.data() + std::min(digits, rest_.size()), value);
    const bool whole = error == std::errc() && end == rest_.data() + digits && rest_[0] != '-';
    good_ = good_ && whole;
    rest_.remove_prefix(std::min(digits, rest_.size()));
    return value;
  }

  bool skip(char expected) {
    if (rest_.empty() || rest_.front() != expected) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char expected) { good_ = skip(expected) && good_; }

  milliseconds fraction() {
    milliseconds value{0};
    milliseconds digit_worth{100};
    std::size_t digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      value += (rest_.front() - '0') * digit_worth;
      digit_worth /= 10;
      rest_.remove_prefix(1);
    }
    good_ = good_ && digits >= 1 && digits <= 9;
    return value;
  }

  void check(bool condition) { good_ = good_ && condition; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<Time> read_time(std::string_view text) {
  TimeReader reader(text);
  const int year = reader.number(4);
  reader.expect('-');
  const int month = reader.number(2);
  reader.expect('-');
  const int day = reader.number(2);
  const std::chrono::year_month_day date(std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)});
  if (!reader.good() || !date.ok() || year < 1970) {
    return std::nullopt;
  }
  Time time = std::chrono::sys_days{date};
  if (reader.at_end()) {
    return time;
  }
  if (!reader.skip('T') && !reader.skip('t')) {
    reader.expect(' ');
  }
  const hours hour{reader.number(2)};
  reader.expect(':');
  const minutes minute{reader.number(2)};
  reader.expect(':');
  const seconds second{reader.number(2)};
  reader.check(hour < days{1} && minute < hours{1} && second < minutes{1});
  time += hour + minute + second;
  if (reader.skip('.')) {
    time += reader.fraction();
  }
  if (!reader.skip('Z') && !reader.skip('z')) {
    const int sign = reader.skip('-') ? 1 : -1;
    if (sign == -1) {
      reader.expect('+');
    }
    const hours offset_hours{reader.number(2)};
    reader.expect(':');
    const minutes offset_minutes{reader.number(2)};
    reader.check(offset_hours < days{1} && offset_minutes < hours{1});
    time += sign * (offset_hours + offset_minutes);
  }
  // The offset may have moved it out of the range of times.
  if (!reader.good() || !reader.at_end() || !is_in_range(time)) {
    return std::nullopt;
  }
  return time;
}

Result<Time> parse_moment(std::string_view text, Time now, int direction) {
  if (const auto time = read_time(text)) {
    return *time;
  }
  const auto duration = parse_duration(text);
  if (!duration) {
    return reject(quote(text) + " is neither a time nor a duration",
                  "use 2026-12-31, 2026-12-31T18:00:00Z or a duration such as 24h or 90d");
  }
  return add(now, direction * *duration);
}

/// 00 to 99.
constexpr auto kTwoDigits = [] {
  std::array<std::array<char, 2>, 100> digits{};
  for (std::size_t i = 0; i != digits.size(); ++i) {
    digits[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
  }
  return digits;
}();

/// Writes the last two digits of a number.
char* put_two(char* at, unsigned number) {
  return put(at, std::string_view(kTwoDigits[number % kTwoDigits.size()].data(), 2));
}

}  // namespace

std::optional<Time> time_from_milliseconds(std::int64_t milliseconds) {
  const Time time{Time::duration(milliseconds)};
  return is_in_range(time) ? std::optional(time) : std::nullopt;
}

Time add(Time time, milliseconds duration) {
  return std::clamp(time + duration, Time(), kLastTime);
}

Time system_time() {
  // Not std::chrono::system_clock: it counts nanoseconds in 64 bits, which wrap in 2262.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  constexpr std::int64_t kLastSecond = floor<seconds>(kLastTime).time_since_epoch().count();
  return Time(seconds(std::clamp<std::int64_t>(now.tv_sec, 0, kLastSecond)) +
              milliseconds(now.tv_nsec / 1'000'000));
}

Result<seconds> parse_duration(std::string_view text) {
  const auto* const unit =
      std::ranges::find_if(kUnits, [&](const Unit& u) { return text.ends_with(u.suffix); });
  const std::string_view digits = text.substr(0, text.size() - (unit == kUnits.end() ? 0 : 1));
  const char* const digits_end = digits.data() + digits.size();
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits_end, count);
  if (error == std::errc::result_out_of_range ||
      (unit != kUnits.end() && count > kMaxDuration / unit->length)) {
    return reject("the duration " + quote(text) + " is longer than 100 years");
  }
  if (error != std::errc() || end != digits_end || unit == kUnits.end() || count <= 0) {
    return reject(quote(text) + " is not a duration", "use 30s, 15m, 24h, 90d or 12w");
  }
  return count * unit->length;
}

char* put_duration(char* at, seconds duration) {
  const auto units = std::span(kUnits).subspan(1);  // nobody reads 13w as a quarter
  const auto unit = std::ranges::find_if(
      units, [&](const Unit& u) { return duration % u.length == seconds::zero(); });
  return put(put(at, duration / unit->length), unit->suffix);
}

std::string format_duration(seconds duration) {
  std::array<char, kMaxDurationLength> text{};
  return {text.data(), put_duration(text.data(), duration)};
}

Result<Time> parse_time(std::string_view text) {
  const auto time = read_time(text);
  if (!time) {
    return reject(quote(text) + " is not a time", "use 2026-12-31 or 2026-12-31T18:00:00Z");
  }
  return *time;
}

Result<Time> parse_time_after(std::string_view text, Time now) {
  return parse_moment(text, now, 1);
}

Result<Time> parse_time_before(std::string_view text, Time now) {
  return parse_moment(text, now, -1);
}

Result<std::optional<Time>> parse_expiry(std::string_view text, Time now) {
  if (text == "never") {
    return std::nullopt;
  }
  return parse_time_after(text, now)
      .map([](Time time) { return std::optional(time); })
      .map_error([](Error error) {
        error.hint += error.hint.empty() ? "" : ", or never";
        return error;
      });
}

std::string format_time(Time time) {
  std::string text;
  append_time(text, time);
  return text;
}

char* put_time(char* at, Time time) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  const auto of_day = static_cast<unsigned>((time - day).count());  // in milliseconds
  const unsigned second = of_day / 1000;
  const unsigned millisecond = of_day % 1000;
  at = put_two(put_two(at, year / 100), year);
  at = put_two(put(at, '-'), static_cast<unsigned>(date.month()));
  at = put_two(put(at, '-'), static_cast<unsigned>(date.day()));
  at = put_two(put(at, 'T'), second / 3600);
  at = put_two(put(at, ':'), second / 60 % 60);
  at = put_two(put(at, ':'), second % 60);
  at = put_two(put(put(at, '.'), static_cast<char>('0' + millisecond / 100)), millisecond);
  return put(at, 'Z');
}

void append_time(std::string& text, Time time) {
  append_put(text, kTimeLength, [&](char* at) { return put_time(at, time); });
}

std::string relative_time(Time time, Time now) {
  const bool is_past = time <= now;
  const auto distance =
      is_past ? floor<seconds>(now - time) : std::chrono::ceil<seconds>(time - now);
  // Dates are given in days, not weeks.
  const auto* const unit = std::find_if(kUnits.begin() + 1, kUnits.end(),
                                        [&](const Unit& u) { return distance >= u.length; });
  if (unit == kUnits.end()) {
    return "now";
  }
  // A key that was just set to expire in 90 days expires "in 90 days", not in 89.
  const auto count = (distance + (is_past ? seconds(0) : unit->length - seconds(1))) / unit->length;
  const std::string amount =
      std::to_string(count) + " " + std::string(unit->name) + (count == 1 ? "" : "s");
  return is_past ? amount + " ago" : "in " + amount;
}

Time start_of_day(Time time) { return floor<days>(time); }

Time start_of_week(Time time) {
  const auto day = floor<days>(time);
  return day - (std::chrono::weekday(day) - std::chrono::Monday);
}

Time start_of_month(Time time) {
  const std::chrono::year_month_day date(floor<days>(time));
  return std::chrono::sys_days(date.year() / date.month() / 1);
}

}  // namespace nexakey::core
