#include "core/limits.h"

#include <algorithm>
#include <atomic>

#include "core/put.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr const char* kWindowHint = "use a length from 1s to 1h, such as 10s, 5m or 1h";
constexpr const char* kRateLimitHint = "use N for a minute, or N/W, such as 20/1s";
constexpr const char* kQuotaHint = "use N/day or N/month";
constexpr std::uint32_t kSecondsPerMinute = 60;

Result<LimitChange> parse_change(std::string_view text, std::string_view number, Window window,
                                 const char* hint) {
  if (number == "none") {
    return LimitChange{.window = window};
  }
  const auto requests = parse_whole<std::uint64_t>(number);
  if (!requests) {
    return reject(quote(text) + " is not a limit", hint);
  }
  return check_limit({.window = window, .requests = *requests}).map([&] {
    return LimitChange{.window = window, .requests = requests};
  });
}

std::string text_from(char* (*put)(char*, Window), Window window) {
  std::array<char, kMaxWindowLength> text{};
  return {text.data(), put(text.data(), window)};
}

bool is_same_month(std::uint32_t a, std::uint32_t b) {
  const auto month_of = [](std::uint32_t day) {
    return start_of_month(Time(std::chrono::days(day)));
  };
  return a == b || month_of(a) == month_of(b);
}

}  // namespace

Time end_of(Window quota, Time now) {
  // Any day of the next month is within 31 days of the end of this one.
  return quota == Window::day ? start_of_day(now) + std::chrono::days(1)
                              : start_of_month(start_of_month(now) + std::chrono::days(31));
}

char* put_text(char* at, Window window) {
  if (is_quota(window)) {
    return put(at, window == Window::day ? "day" : "month");
  }
  return put_duration(at, length_of(window));
}

std::string text_of(Window window) { return text_from(put_text, window); }

Result<Window> parse_window(std::string_view text) {
  if (text == "day") {
    return Window::day;
  }
  if (text == "month") {
    return Window::month;
  }
  const auto length = parse_duration(text);
  if (!length || length->count() > kMaxWindowSeconds) {
    return reject(quote(text) + " is not the length of a window", kWindowHint);
  }
  return Window{static_cast<std::uint32_t>(length->count())};
}

char* put_name(char* at, Window window) {
  if (window == Window{1}) {
    return put(at, "second");
  }
  if (window == Window::minute) {
    return put(at, "minute");
  }
  return window == Window::hour ? put(at, "hour") : put_text(at, window);
}

std::string name_of(Window window) { return text_from(put_name, window); }

std::uint32_t longest_of(const Windows& windows) {
  std::uint32_t longest = 0;
  for (const Limit& limit : windows) {
    longest = is_quota(limit.window) ? longest : seconds_of(limit.window);
  }
  return longest;
}

std::string text_of(const Limit& limit) {
  return std::to_string(limit.requests) + "/" + text_of(limit.window);
}

std::string words_of(const Limit& limit) {
  const std::string requests = std::to_string(limit.requests);
  if (limit.window == Window::minute) {
    return requests + " a minute";
  }
  return requests + (is_quota(limit.window) ? " a " : " in ") + text_of(limit.window);
}

Result<void> check_limit(const Limit& limit) {
  const std::uint64_t max = is_quota(limit.window) ? kMaxQuota : kMaxRateLimit;
  if (limit.requests >= 1 && limit.requests <= max) {
    return {};
  }
  return reject(
      (is_quota(limit.window)
           ? "a quota must be from 1 to " + std::to_string(max) + " requests a " +
                 text_of(limit.window)
           : "a rate limit must be from 1 to " + std::to_string(max) + " requests " +
                 (limit.window == Window::minute ? "a minute" : "in " + text_of(limit.window))));
}

Result<LimitChange> parse_rate_limit(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return parse_change(text, text, Window::minute, kRateLimitHint)
        .and_then([&](LimitChange change) {
          return change.requests
                     ? Result<LimitChange>(change)
                     : reject("a key always has a limit for the minute", kRateLimitHint);
        });
  }
  return parse_window(text.substr(slash + 1)).and_then([&](Window window) -> Result<LimitChange> {
    if (is_quota(window)) {
      return reject(quote(text) + " is a quota", "use --quota " + std::string(text));
    }
    auto change = parse_change(text, text.substr(0, slash), window, kRateLimitHint);
    if (change && !change->requests && window == Window::minute) {
      return reject("a key always has a limit for the minute", kRateLimitHint);
    }
    return change;
  });
}

Result<LimitChange> parse_quota(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view period = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (period != "day" && period != "month") {
    return reject(quote(text) + " is not a quota", kQuotaHint);
  }
  return parse_change(text, text.substr(0, slash), *parse_window(period), kQuotaHint);
}

void Windows::set(Window window, const std::optional<Limit>& limit) {
  Limit* const first = limits_.data();
  Limit* const last = std::remove_if(first, first + size_,
                                     [&](const Limit& known) { return known.window == window; });
  size_ = static_cast<std::size_t>(last - first);
  if (limit) {
    push_back(*limit);
  }
  std::ranges::sort(std::span(limits_).first(size_), {}, &Limit::window);
}

Result<void> Limits::apply(const LimitChange& change) {
  if (change.window == Window::minute) {
    return reject("the limit of the minute is the rate limit of the key");
  }
  if (!change.requests) {
    limits_.set(change.window, std::nullopt);
    return {};
  }
  const Limit limit{.window = change.window, .requests = *change.requests};
  if (auto checked = check_limit(limit); !checked) {
    return checked;
  }
  const auto others = std::ranges::count_if(limits_, [&](const Limit& known) {
    return !is_quota(known.window) && known.window != change.window;
  });
  if (!is_quota(change.window) && static_cast<std::size_t>(others) + 1 >= kMaxSlidingWindows) {
    return reject("a key takes at most " + std::to_string(kMaxSlidingWindows) +
                      " sliding windows, the minute included",
                  "remove one with --rate-limit none/W");
  }
  limits_.set(change.window, limit);
  return {};
}

Result<void> Limits::apply(std::span<const LimitChange> changes) {
  // Those that remove a limit first, because they make room.
  for (const bool sets : {false, true}) {
    for (const LimitChange& change : changes) {
      if (change.requests.has_value() != sets) {
        continue;
      }
      if (auto applied = apply(change); !applied) {
        return applied;
      }
    }
  }
  return {};
}

std::string Limits::to_text() const {
  std::string text;
  for (const Limit& limit : limits_) {
    text += (text.empty() ? "" : " ") + text_of(limit);
  }
  return text;
}

Result<Limits> Limits::from_text(std::string_view text) {
  Limits limits;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    const bool is_quota = word.ends_with("/day") || word.ends_with("/month");
    const auto change = is_quota ? parse_quota(word) : parse_rate_limit(word);
    const auto applied = change.and_then([&](const LimitChange& read) {
      return read.requests ? limits.apply(read) : reject(quote(word) + " is not a limit");
    });
    if (!applied) {
      return tl::unexpected(applied.error());
    }
  }
  return limits;
}

std::uint32_t QuotaCounters::day_of(Time time) {
  return static_cast<std::uint32_t>(
      std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count());
}

std::uint64_t QuotaCounters::used(Window quota, Time now) const {
  const std::uint32_t day = day_of(now);
  if (quota == Window::day) {
    return day_ == day ? day_count_ : 0;
  }
  return is_same_month(day_, day) ? month_count_ : 0;
}

void QuotaCounters::add(Time now) {
  // A process that dies between two stores leaves a count with at most one request too many.
  const std::uint32_t day = day_of(now);
  if (day != day_) {
    month_count_ = is_same_month(day_, day) ? month_count_ : 0;
    day_count_ = 0;
    std::atomic_signal_fence(std::memory_order_release);
    day_ = day;
  }
  ++month_count_;
  ++day_count_;
}

}  // namespace nexakey::core
