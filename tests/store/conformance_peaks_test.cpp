// How close keys came to the limits of their sliding windows.

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyPeak;
using core::Limit;
using core::PeakQuery;
using core::PeakReport;
using core::Window;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Key limited(std::uint64_t n, std::uint32_t minute, std::string_view limits = "") {
  Key key = make_key(n);
  key.rate_limit = minute;
  key.limits = value_of(core::Limits::from_text(limits));
  return key;
}

PeakReport peaks(KeyStore& store, const PeakQuery& query = {}) {
  return value_of(store.peaks(query, now()));
}

/// The peaks of a report: `name-1 5 of 10 in 60`.
std::vector<std::string> texts(const PeakReport& report) {
  std::vector<std::string> texts;
  for (const KeyPeak& peak : report.peaks) {
    texts.push_back(peak.name + " " + std::to_string(peak.requests) + " of " +
                    std::to_string(peak.limit) + " in " + std::to_string(peak.window_seconds));
  }
  return texts;
}

using Texts = std::vector<std::string>;

STORE_TEST("keys are ranked by their shares of their limits", STORE_FIXTURES) {
  Stores stores(backend);
  const core::Time before = core::start_of_hour(now());
  add(*stores.first, limited(1, 10));
  add(*stores.first, limited(2, 4, "40/1h 100/day"));
  add(*stores.first, limited(3, 4));
  Key far = limited(4, 3);
  far.workspace = "far";
  add(*stores.first, far);
  add(*stores.first, 5);
  CHECK(peaks(*stores.first) == PeakReport{.since = peaks(*stores.first).since});
  CHECK(admitted(*stores.first, request(1), 5) == 5);
  CHECK(admitted(*stores.second, request(2), 9) == 4);
  CHECK(admitted(*stores.first, request(3), 1) == 1);
  CHECK(admitted(*stores.first, request(4), 1) == 1);

  const Texts all{"name-2 4 of 4 in 60", "name-1 5 of 10 in 60", "name-4 1 of 3 in 60",
                  "name-3 1 of 4 in 60", "name-2 4 of 40 in 3600"};
  const PeakReport report = peaks(*stores.second);
  CHECK(texts(report) == all);
  CHECK(report.count == 5);
  CHECK(report.since >= core::start_of_hour(before - core::kDefaultPeakDays));
  CHECK(report.since <= core::start_of_hour(now() - core::kDefaultPeakDays));
  CHECK(report.peaks[0].key == make_key(2).id);
  CHECK(report.peaks[0].hour >= before);
  CHECK(report.peaks[0].hours == 1);
  CHECK(!report.peaks[0].hours_above);
  CHECK(report.peaks[1].share() == doctest::Approx(0.5));

  const PeakReport first = peaks(*stores.first, {.top = 2});
  CHECK(texts(first) == Texts(all.begin(), all.begin() + 2));
  CHECK(first.count == 5);
  CHECK(texts(peaks(*stores.first, {.workspace = "far"})) == Texts{all[2]});
  CHECK(texts(peaks(*stores.first, {.key = make_key(2).id})) == Texts{all[0], all[4]});
  CHECK(peaks(*stores.first, {.since = now() + hours(1)}).peaks.empty());

  // Keys that have ended are left out, and so are windows that a key has no more.
  value_of(stores.first->as(kTester).revoke(std::vector{make_key(1).id}, "", now()));
  core::KeyChange change;
  change.rate_limit = 2;
  change.limits = {{.window = Window::hour}};
  REQUIRE(value_of(stores.first->as(kTester).update(make_key(2).id, change, now())));
  CHECK(texts(peaks(*stores.second)) == Texts{"name-2 4 of 2 in 60", all[2], all[3]});
  CHECK(texts(peaks(*stores.second, {.key = make_key(1).id})) == Texts{all[1]});
}

STORE_TEST("the peaks of a key are compared with other limits", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 10, "20/1h"));
  add(*stores.first, 2);
  CHECK(admitted(*stores.first, request(1), 6) == 6);
  const auto above = [&](const std::vector<Limit>& limits) {
    std::vector<std::pair<std::string, std::uint64_t>> found;
    const PeakReport report = peaks(*stores.second, {.key = make_key(1).id, .above = limits});
    for (const KeyPeak& peak : report.peaks) {
      CHECK(peak.hours == 1);
      found.emplace_back(texts({.peaks = {peak}}).front(), peak.hours_above.value());
    }
    return found;
  };
  using Found = std::vector<std::pair<std::string, std::uint64_t>>;
  CHECK(above({{Window::minute, 5}}) == Found{{"name-1 6 of 5 in 60", 1}});
  CHECK(above({{Window::minute, 6}}) == Found{{"name-1 6 of 6 in 60", 0}});
  CHECK(above({{Window::hour, 5}, {Window::minute, 99}}) ==
        Found{{"name-1 6 of 5 in 3600", 1}, {"name-1 6 of 99 in 60", 0}});
  CHECK(above({{static_cast<Window>(5), 5}}).empty());
  CHECK(above({}).size() == 2);
  CHECK(peaks(*stores.first, {.key = make_key(2).id}).peaks.empty());
}

STORE_TEST("a key whose requests were all denied by other rules has no peaks", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 5, "9/1h"));
  CHECK(reason(*stores.first, request(1, "TRACE")) == "insufficient_scope");
  CHECK(peaks(*stores.second).count == 0);
  CHECK(peaks(*stores.second, {.key = make_key(1).id}).peaks.empty());
}

TEST_CASE("the peaks of more keys than a page are ranked") {
  const SqliteFixture fixture;
  constexpr std::uint64_t kKeys = 1100;
  const auto limit_of = [](const Key& key) {
    return static_cast<std::uint32_t>(1 + (key.id.bits() % 5000));
  };
  add_keys(fixture.path(), 1, kKeys, [&](Key& key) { key.rate_limit = limit_of(key); });
  const auto store = fixture.connect();
  std::vector<core::Request> requests;
  std::vector<std::pair<std::uint32_t, std::string>> limits;
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    requests.push_back(request(n));
    limits.emplace_back(limit_of(make_key(n)), make_key(n).name);
  }
  CHECK(value_of(store->verify(requests, {})).size() == kKeys);
  std::ranges::sort(limits);
  const auto names_of = [&](std::uint32_t top) {
    const PeakReport report = peaks(*store, {.top = top});
    CHECK(report.count == kKeys);
    Texts names;
    std::ranges::transform(report.peaks, std::back_inserter(names), &KeyPeak::name);
    return names;
  };
  for (const std::uint32_t top : {1U, 7U, 549U, 5000U}) {
    Texts expected;
    for (const auto& [limit, name] : limits) {
      expected.push_back(name);
    }
    expected.resize(std::min<std::size_t>(top, kKeys));
    CHECK(names_of(top) == expected);
  }
}

/// Makes everything that is recorded of this hour that of the hour before. What is in the windows
/// stays: they do not begin anew with an hour.
void end_hour(const StoreFixture& fixture, KeyStore& store) {
  const std::string table = fixture.table("peaks");
  const std::string shift = "UPDATE " + table + " SET hour = -(hour - 1); UPDATE " + table +
                            " SET hour = -hour;" + "UPDATE " + fixture.table("last_uses") +
                            " SET peak_hour = peak_hour - 1;";
  if (const auto* const postgres = dynamic_cast<const PostgresFixture*>(&fixture)) {
    // Without the trigger that moves the peaks.
    postgres->database().execute("SET LOCAL session_replication_role = replica;" + shift +
                                 "DELETE FROM nexakey.usage_hours");
  } else {
    peaks(store);  // counts are in the table then
    execute(dynamic_cast<const SqliteFixture&>(fixture).path(), shift);
  }
}

/// A call, at some moment between `begun` and `ended`, and how many requests it admitted.
struct Call {
  int hour;
  std::uint64_t requests;
  steady_clock::time_point begun;
  steady_clock::time_point ended;
};

/// How full a window was at most at the calls of an hour, by the requests that were admitted: at
/// least and at most, because their moments are not known exactly.
std::pair<std::uint64_t, std::uint64_t> peak_of(const std::vector<Call>& log, int hour,
                                                Window window) {
  const auto length = length_of(window);
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  for (std::size_t last = 0; last < log.size(); ++last) {
    if (log[last].hour != hour) {
      continue;
    }
    std::uint64_t certain = 0;
    std::uint64_t possible = 0;
    for (std::size_t i = 0; i <= last; ++i) {
      certain += log[i].begun > log[last].ended - length ? log[i].requests : 0;
      possible += log[i].ended >= log[last].begun - length ? log[i].requests : 0;
    }
    min = std::max(min, certain);
    max = std::max(max, possible);
  }
  return {min, max};
}

STORE_TEST("peaks are those of the requests that were admitted", LOCAL_SQL_FIXTURES) {
  constexpr int kHours = 5;
  constexpr int kCalls = 9;  // in an hour
  Stores stores(backend);
  add(*stores.first, limited(1, 200, "6/1s 9/2s 500/1h"));
  // Until the real hour has room for the test.
  std::this_thread::sleep_for(std::max(
      milliseconds(0), std::chrono::seconds(60) - (core::start_of_hour(now()) + hours(1) - now())));
  std::minstd_rand random(7);
  std::vector<Call> log;
  for (int hour = 0; hour < kHours; ++hour) {
    if (hour > 0) {
      end_hour(stores.fixture, *stores.first);
    }
    for (int call = 0; call < kCalls; ++call) {
      KeyStore& store = random() % 2 == 0 ? *stores.first : *stores.second;
      const auto begun = steady_clock::now();
      const std::uint64_t requests = admitted(store, request(1), 1 + random() % 3);
      log.push_back({hour, requests, begun, steady_clock::now()});
      std::this_thread::sleep_for(milliseconds(random() % 250));
    }
  }
  const core::Time first = core::start_of_hour(now()) - hours(kHours - 1);
  const auto hours_above = [&](int since, const Limit& limit) {
    const PeakReport report = peaks(
        *stores.second, {.key = make_key(1).id, .since = first + hours(since), .above = {limit}});
    return report.peaks.empty() ? 0 : report.peaks.front().hours_above.value();
  };
  for (const std::uint32_t seconds : {1, 2, 60, 3600}) {
    const auto window = static_cast<Window>(seconds);
    CAPTURE(seconds);
    std::uint64_t min_hours = 0;
    std::uint64_t max_hours = 0;
    for (int hour = 0; hour < kHours; ++hour) {
      CAPTURE(hour);
      const auto [min, max] = peak_of(log, hour, window);
      min_hours += min > 0 ? 1 : 0;
      max_hours += max > 0 ? 1 : 0;
      // In the hours from this one on there is one more above a limit than in those behind it, if
      // its peak was above the limit.
      const auto is_above = [&](std::uint64_t requests) {
        const Limit limit{.window = window, .requests = requests};
        return hours_above(hour, limit) - hours_above(hour + 1, limit) == 1;
      };
      if (min > 1) {
        CHECK(is_above(min - 1));
      }
      if (max > 0) {
        CHECK(!is_above(max));
      }
    }
    CHECK(min_hours > 0);
    const PeakReport report = peaks(
        *stores.first,
        {.key = make_key(1).id, .since = first, .above = {{.window = window, .requests = 1}}});
    REQUIRE(report.peaks.size() == 1);
    CHECK(report.peaks.front().hours >= min_hours);
    CHECK(report.peaks.front().hours <= max_hours);
    const int hour = static_cast<int>((report.peaks.front().hour - first) / hours(1));
    const auto [min, max] = peak_of(log, hour, window);
    CHECK(report.peaks.front().requests >= min);
    CHECK(report.peaks.front().requests <= max);
  }
}

/// The number of rows of a table.
std::string rows_of(const StoreFixture& fixture, const std::string& table) {
  const std::string count = "SELECT count(*) FROM " + fixture.table(table);
  const auto* const postgres = dynamic_cast<const PostgresFixture*>(&fixture);
  return postgres != nullptr ? postgres->database().select(count)
                             : select(dynamic_cast<const SqliteFixture&>(fixture).path(), count);
}

STORE_TEST("a key that is purged leaves no peaks", LOCAL_SQL_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 10, "20/1h"));
  SUBCASE("alone") {}
  SUBCASE("the first one of a line, whose quotas are counted in its row") {
    add(*stores.first, 2);
    stores.fixture.damage("api_keys SET line = " + std::to_string(make_key(1).id.bits()) +
                          " WHERE id = " + std::to_string(make_key(2).id.bits()));
  }
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  end_hour(stores.fixture, *stores.first);
  CHECK(admitted(*stores.first, request(1), 2) == 2);
  REQUIRE(peaks(*stores.first).count == 2);
  CHECK(rows_of(stores.fixture, "peaks") == "2");
  stores.fixture.damage("api_keys SET created_at = 1, expires_at = 2 WHERE id = " +
                        std::to_string(make_key(1).id.bits()));
  value_of(stores.first->as(kTester).purge(std::vector{make_key(1).id}, {.ended_before = now()},
                                           now(), [](auto) { return true; }));
  CHECK(rows_of(stores.fixture, "api_keys WHERE created_at = 1") == "0");
  CHECK(rows_of(stores.fixture, "peaks") == "0");
  CHECK(rows_of(stores.fixture, "last_uses WHERE peak_hour != 0") == "0");
}

}  // namespace
}  // namespace nexakey::store::test
