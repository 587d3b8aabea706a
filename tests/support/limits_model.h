#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/decision.h"
#include "core/key.h"
#include "tests/support/random.h"

/// Random schedules of keys with several limits, and what must be decided about them.
namespace nexakey::test {

/// The wall clock's time of a moment, given as the time since 1970.
inline core::Time wall(core::Tick now) {
  return core::Time(std::chrono::floor<std::chrono::milliseconds>(now));
}

/// The rules of limits, word for word, for the keys of a line of rotations. It remembers every
/// admitted request, and uses nothing of what implements them.
class LimitsModel {
 public:
  /// Decides a request with the n-th key of the line. An admitted one is remembered, unless this is
  /// a dry run. `refused`: why the request is denied whatever the limits say.
  core::Decision decide(std::size_t key, const core::Windows& windows, core::Tick now, bool dry_run,
                        std::optional<core::Reason> refused = std::nullopt) {
    const std::vector<State> before = states_of(key, windows, now);
    const auto full = std::ranges::find(before, std::uint64_t{0}, &State::remaining);
    core::Decision decision;
    if (refused) {
      decision.reason = *refused;
    } else if (full != before.end()) {
      decision.reason = core::is_quota(full->limit.window) ? core::Reason::quota_exceeded
                                                           : core::Reason::rate_limited;
    } else {
      decision.reason = core::Reason::allowed;
      if (!dry_run) {
        admitted_.push_back({.key = key, .at = now});
      }
    }
    const std::vector<State> after = states_of(key, windows, now);
    for (const State& state : after) {
      decision.limits.push_back(told_of(state, now));
    }
    const bool is_limited = !refused && full != before.end();
    const State& state = is_limited ? last_to_have_room(after) : smallest_share(after);
    const core::LimitState told = told_of(state, now);
    decision.rate_limit = core::RateLimit{.limit = told.limit.requests,
                                          .remaining = told.remaining,
                                          .reset_at = seconds_up(told.reset_at.time_since_epoch()),
                                          .retry_after = std::nullopt};
    if (is_limited) {
      decision.rate_limit->retry_after = std::max<std::int64_t>(1, told.reset_in);
    }
    return decision;
  }

  /// When the last requests with a key were admitted, the newest first.
  [[nodiscard]] std::vector<core::Tick> last_of(std::size_t key, std::size_t max) const {
    std::vector<core::Tick> ticks;
    for (auto one = admitted_.rbegin(); one != admitted_.rend() && ticks.size() < max; ++one) {
      if (one->key == key) {
        ticks.push_back(one->at);
      }
    }
    return ticks;
  }

  /// The first moment of the next day or month (UTC).
  static core::Tick end_of(core::Window quota, core::Tick now) {
    using namespace std::chrono;
    const sys_days day = day_of(now);
    const year_month_day date(day);
    return quota == core::Window::day
               ? core::Tick((day + days(1)).time_since_epoch())
               : core::Tick(
                     sys_days((date.year() / date.month() + months(1)) / 1).time_since_epoch());
  }

 private:
  struct Admitted {
    std::size_t key;
    core::Tick at;
  };
  struct State {
    core::Limit limit;
    std::uint64_t remaining = 0;
    core::Tick reset_in{};
  };

  static std::chrono::sys_days day_of(core::Tick at) {
    return std::chrono::sys_days(std::chrono::floor<std::chrono::days>(at));
  }
  template <typename Duration>
  static std::int64_t seconds_up(Duration duration) {
    return std::chrono::ceil<std::chrono::seconds>(duration).count();
  }

  /// The requests that a limit counts, oldest first.
  [[nodiscard]] std::vector<core::Tick> counted(std::size_t key, const core::Limit& limit,
                                                core::Tick now) const {
    std::vector<core::Tick> ticks;
    for (const Admitted& one : admitted_) {
      const bool is_counted = core::is_quota(limit.window)
                                  ? end_of(limit.window, one.at) == end_of(limit.window, now)
                                  : one.key == key && now - one.at < core::length_of(limit.window);
      if (is_counted) {
        ticks.push_back(one.at);
      }
    }
    return ticks;
  }

  [[nodiscard]] std::vector<State> states_of(std::size_t key, const core::Windows& windows,
                                             core::Tick now) const {
    std::vector<State> states;
    for (const core::Limit& limit : windows) {
      const auto ticks = counted(key, limit, now);
      const std::uint64_t inside = std::min<std::uint64_t>(ticks.size(), limit.requests);
      State state{.limit = limit, .remaining = limit.requests - inside};
      if (core::is_quota(limit.window)) {
        state.reset_in = end_of(limit.window, now) - wall(now).time_since_epoch();
      } else if (inside == 0) {
        state.reset_in = core::length_of(limit.window);
      } else {
        // The oldest; after the limit was lowered, the one whose leaving makes room.
        state.reset_in = ticks[ticks.size() - inside] + core::length_of(limit.window) - now;
      }
      states.push_back(state);
    }
    return states;
  }

  /// What is told of a limit: its reset in milliseconds of the wall clock, rounded up to seconds.
  static core::LimitState told_of(const State& state, core::Tick now) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    const core::Time reset_at = wall(now) + std::chrono::ceil<milliseconds>(state.reset_in);
    return {.limit = state.limit,
            .remaining = state.remaining,
            .reset_at = core::Time(seconds(seconds_up(reset_at.time_since_epoch()))),
            .reset_in = seconds_up(state.reset_in)};
  }

  static const State& last_to_have_room(const std::vector<State>& states) {
    const State* last = nullptr;
    for (const State& state : states) {
      if (state.remaining == 0 && (last == nullptr || state.reset_in > last->reset_in)) {
        last = &state;
      }
    }
    return *last;
  }
  static const State& smallest_share(const std::vector<State>& states) {
    return *std::ranges::min_element(states, [](const State& a, const State& b) {
      return a.remaining * b.limit.requests < b.remaining * a.limit.requests;
    });
  }

  std::vector<Admitted> admitted_;
};

/// Whether two decisions say the same about the limits.
inline bool is_same(const core::Decision& a, const core::Decision& b) {
  return a.reason == b.reason && a.limits == b.limits && a.rate_limit && b.rate_limit &&
         a.rate_limit->limit == b.rate_limit->limit &&
         a.rate_limit->remaining == b.rate_limit->remaining &&
         a.rate_limit->reset_at == b.rate_limit->reset_at &&
         a.rate_limit->retry_after == b.rate_limit->retry_after;
}

/// A decision with its headers, for messages.
inline std::string described(const core::Decision& decision) {
  std::string text(name_of(decision.reason));
  for (const auto& [name, value] : decision.headers()) {
    text.append("; ").append(name).append(": ").append(value);
  }
  return text;
}

/// A window from 1 s to 1 h, often one of a few, so that several keys have the same.
inline core::Window draw_window(std::mt19937_64& random) {
  constexpr std::array<std::uint32_t, 8> kOften{1, 1, 2, 10, 90, 600, 3600, 3600};
  const std::uint64_t drawn = below(random, kOften.size() + 1);
  const core::Window window{drawn < kOften.size()
                                ? kOften.at(drawn)
                                : static_cast<std::uint32_t>(1 + below(random, 3600))};
  return window == core::Window::minute ? core::Window{61} : window;
}

/// Gives a key limits: that of the minute, up to three other windows, and up to two quotas.
inline void draw_limits(std::mt19937_64& random, core::Key& key) {
  key.rate_limit = static_cast<std::uint32_t>(1 + below(random, 6));
  for (std::uint64_t more = below(random, core::kMaxSlidingWindows); more > 0; --more) {
    static_cast<void>(key.limits.apply(
        core::LimitChange{.window = draw_window(random), .requests = 1 + below(random, 12)}));
  }
  for (const core::Window quota : {core::Window::day, core::Window::month}) {
    if (below(random, 2) == 0) {
      static_cast<void>(
          key.limits.apply(core::LimitChange{.window = quota, .requests = 1 + below(random, 20)}));
    }
  }
}

/// A change of the limits of a key after which they are exact: no window that is longer than all
/// others is added, because the times that it would have to count may not be kept.
inline core::KeyChange draw_change(std::mt19937_64& random, const core::Key& key) {
  core::KeyChange change;
  core::LimitChange limit{.window = draw_window(random), .requests = 1 + below(random, 20)};
  switch (below(random, 5)) {
    case 0:
      break;
    case 1:
      limit.window = below(random, 2) == 0 ? core::Window::day : core::Window::month;
      break;
    default:
      if (!key.limits.empty()) {
        limit.window = key.limits.list()[below(random, key.limits.list().size())].window;
      }
  }
  if (below(random, 3) == 0) {
    limit.requests.reset();
  }
  core::Limits limits = key.limits;
  const bool is_kept =
      core::is_quota(limit.window) || core::seconds_of(limit.window) <= longest_of(key.windows());
  if (is_kept && limits.apply(limit)) {
    change.limits = {limit};
  } else {
    change.rate_limit = static_cast<std::uint32_t>(1 + below(random, 8));
  }
  return change;
}

/// How far the clocks go on to the next request about the n-th key of a line: bursts, the very
/// edges of its windows, and those of days and months. `unit`: the resolution of the clocks.
inline core::Tick draw_step(std::mt19937_64& random, const LimitsModel& model, std::size_t key,
                            const core::Windows& windows, core::Tick now, core::Tick unit) {
  switch (below(random, 10)) {
    case 0:
    case 1:
    case 2:
      return core::Tick();
    case 3:
    case 4:
      return unit;
    case 5:
      return std::chrono::milliseconds(below(random, 2000));
    case 6:
      return std::chrono::seconds(below(random, 40'000));
    default:
      break;
  }
  const core::Limit& limit = windows[below(random, windows.size())];
  const auto last = model.last_of(key, 8);
  core::Tick edge = now;
  if (core::is_quota(limit.window)) {
    edge = LimitsModel::end_of(limit.window, now);
  } else if (!last.empty()) {
    edge = last[below(random, last.size())] + core::length_of(limit.window);
  }
  edge += unit * (static_cast<std::int64_t>(below(random, 3)) - 1);
  return std::max(core::Tick(), edge - now);
}

}  // namespace nexakey::test
