// Random schedules of a key with several limits against a model that remembers every request, and
// the headers of their decisions, parsed by the rules of RFC 9651.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "core/decision.h"
#include "tests/support/limits_model.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using nexakey::test::described;
using nexakey::test::is_same;
using nexakey::test::LimitsModel;
using nexakey::test::wall;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::at;
using test::below;
using test::kSomeApiKey;
using test::value_of;

/// A list of RFC 9651, 4.2.1, of strings with integers as parameters, which is all that the headers
/// use. Fails the test if it is anything else.
using List = std::vector<std::pair<std::string, std::map<std::string, std::int64_t>>>;

class ListParser {
 public:
  explicit ListParser(std::string_view text) : rest_(text) {}

  List parse() {
    List list;
    for (;;) {
      list.emplace_back(parse_string(), std::map<std::string, std::int64_t>());
      while (take(';')) {
        const std::string key = parse_key();
        REQUIRE(take('='));
        list.back().second[key] = parse_integer();
      }
      skip_white();
      if (rest_.empty()) {
        return list;
      }
      REQUIRE(take(','));
      skip_white();
    }
  }

 private:
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  void skip_white() {
    while (take(' ') || take('\t')) {
    }
  }
  std::string take_while(std::string_view allowed) {
    const std::size_t size = std::min(rest_.find_first_not_of(allowed), rest_.size());
    const std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }
  std::string parse_string() {
    REQUIRE(take('"'));
    std::string text;
    while (!rest_.starts_with('"')) {
      REQUIRE(!rest_.empty());
      if (take('\\')) {
        REQUIRE((rest_.starts_with('"') || rest_.starts_with('\\')));
      }
      REQUIRE((rest_.front() >= ' ' && rest_.front() <= '~'));
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    rest_.remove_prefix(1);
    return text;
  }
  std::string parse_key() {
    REQUIRE((!rest_.empty() &&
             (rest_.front() == '*' || (rest_.front() >= 'a' && rest_.front() <= 'z'))));
    return take_while("abcdefghijklmnopqrstuvwxyz0123456789_-.*");
  }
  std::int64_t parse_integer() {
    const bool is_negative = take('-');
    const std::string digits = take_while("0123456789");
    REQUIRE((!digits.empty() && digits.size() <= 15));
    const std::int64_t value = std::stoll(digits);
    return is_negative ? -value : value;
  }

  std::string_view rest_;
};

std::string header(const Decision& decision, std::string_view name) {
  for (const auto& [known, value] : decision.headers()) {
    if (known == name) {
      return value;
    }
  }
  return "";
}

/// A key whose memory grows as an owner's must.
class Owner {
 public:
  Decision decide(const Request& request, const Key& key, Time now, Tick tick, bool dry_run) {
    const auto windows = key.windows();
    const Tick longest = seconds(longest_of(windows));
    if (is_short(log(), windows, tick)) {
      std::vector<Tick> larger(2 * ring_.size());
      log().copy_to(larger, tick, longest);
      ring_ = std::move(larger);
    }
    KeyWindows memory{.log = log(), .quotas = QuotaCounters(day_, day_count_, month_count_)};
    return core::decide(request, &key, &memory, now, tick, dry_run);
  }

 private:
  SlidingWindow log() { return {count_, ring_}; }

  std::uint64_t count_ = 0;
  std::vector<Tick> ring_ = std::vector<Tick>(1);
  std::uint32_t day_ = 0;
  std::uint64_t day_count_ = 0;
  std::uint64_t month_count_ = 0;
};

void check_headers(const Decision& decision, const Windows& windows) {
  const List policies = ListParser(header(decision, "RateLimit-Policy")).parse();
  const List states = ListParser(header(decision, "RateLimit")).parse();
  REQUIRE(policies.size() == windows.size());
  REQUIRE(states.size() == windows.size());
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Limit& limit = windows[i];
    REQUIRE(policies[i].first == name_of(limit.window));
    REQUIRE(states[i].first == name_of(limit.window));
    std::map<std::string, std::int64_t> policy{{"q", static_cast<std::int64_t>(limit.requests)}};
    if (!is_quota(limit.window)) {
      policy["w"] = seconds_of(limit.window);
    }
    REQUIRE(policies[i].second == policy);
    REQUIRE(states[i].second == std::map<std::string, std::int64_t>{
                                    {"r", static_cast<std::int64_t>(decision.limits[i].remaining)},
                                    {"t", decision.limits[i].reset_in}});
  }
}

void play(std::uint64_t seed) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Key key = test::some_key();
  key.scopes = test::scopes("read");
  nexakey::test::draw_limits(random, key);
  Request request;
  set_credential(request, kSomeApiKey);
  Owner owner;
  LimitsModel model;
  Tick now = at("2027-12-31T20:00:00Z").time_since_epoch();
  const Tick booted = now - seconds(100'000);
  for (int step = 0; step < 60; ++step) {
    if (below(random, 16) == 0) {
      key = value_of(apply(key, nexakey::test::draw_change(random, key), wall(now)));
    }
    const auto windows = key.windows();
    now += nexakey::test::draw_step(random, model, 0, windows, now, nanoseconds(1));
    const bool dry_run = below(random, 8) == 0;
    const Decision expected = model.decide(0, windows, now, dry_run);
    const Decision decision = owner.decide(request, key, wall(now), now - booted, dry_run);
    INFO("decided ", described(decision), ", and not ", described(expected));
    REQUIRE(is_same(decision, expected));
    check_headers(decision, windows);
  }
}

TEST_CASE("Random schedules have the same decisions as a model, at each limit") {
  // NEXAKEY_SCHEDULES: how many; scripts/soak has 100,000.
  const char* const wanted = std::getenv("NEXAKEY_SCHEDULES");
  const std::uint64_t schedules = wanted == nullptr ? 300 : std::strtoull(wanted, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    play(seed);
  }
}

/// A reader with the limit of the minute and others, and a request with it.
struct Scene {
  Scene(std::uint32_t minute, std::string_view limits) {
    key.scopes = test::scopes("read");
    key.rate_limit = minute;
    key.limits = value_of(Limits::from_text(limits));
    set_credential(request, kSomeApiKey);
  }
  Decision decide(Time now, Tick tick, bool dry_run) {
    return owner.decide(request, key, now, tick, dry_run);
  }

  Key key = test::some_key();
  Request request;
  Owner owner;
};

TEST_CASE("X-RateLimit-* tell the smallest share, or the limit that has room last") {
  Scene scene(10, "2/1s 20/1h 5/day");
  const Time now = at("2027-06-01T00:00:00Z");
  const auto ask = [&](Tick tick) {
    return scene.decide(now + std::chrono::floor<milliseconds>(tick), tick, false);
  };
  const auto told = [](const Decision& decision) {
    return header(decision, "X-RateLimit-Remaining") + " of " +
           header(decision, "X-RateLimit-Limit");
  };
  CHECK(told(ask(seconds(100))) == "1 of 2");
  CHECK(told(ask(seconds(100))) == "0 of 2");
  const Decision refused = ask(seconds(100));
  CHECK(name_of(refused.reason) == "rate_limited");
  CHECK(told(refused) == "0 of 2");
  CHECK(header(refused, "Retry-After") == "1");
  CHECK(told(ask(seconds(101))) == "2 of 5");
  CHECK(told(ask(seconds(102))) == "1 of 5");
  CHECK(told(ask(seconds(103))) == "0 of 5");
  const Decision exceeded = ask(seconds(104));
  CHECK(name_of(exceeded.reason) == "quota_exceeded");
  CHECK(status_of(exceeded.reason) == 429);
  CHECK(told(exceeded) == "0 of 5");
  CHECK(header(exceeded, "Retry-After") == std::to_string(86'400 - 104));
  CHECK(header(exceeded, "RateLimit-Policy") ==
        R"("second";q=2;w=1, "minute";q=10;w=60, "hour";q=20;w=3600, "day";q=5)");
  CHECK(header(exceeded, "RateLimit") ==
        R"("second";r=2;t=1, "minute";r=5;t=56, "hour";r=15;t=3596, "day";r=0;t=86296)");
  const auto checks = explain(scene.request, &scene.key, exceeded, now);
  CHECK(checks.back().name == "quota");
  CHECK_FALSE(checks.back().passed);
}

TEST_CASE("With equal shares, the shorter window is told") {
  const Decision decision = Scene(10, "5/1s").decide(at("2027-06-01"), seconds(100), true);
  CHECK(header(decision, "X-RateLimit-Limit") == "5");
}

}  // namespace
}  // namespace nexakey::core
