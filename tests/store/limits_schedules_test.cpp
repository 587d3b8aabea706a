// Random schedules of keys with several limits, against a model that remembers every request. The
// clocks of the stores are those of the test: requests come at equal times, at the very edges of
// windows, and at the ends of days and months, while limits change and keys are rotated.

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "store/postgres/session.h"
#include "tests/store/conformance.h"
#include "tests/store/fake_clock.h"
#include "tests/support/limits_model.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::Tick;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// How many schedules share a clock, and how many of such groups share a store.
constexpr std::uint64_t kLines = 32;
constexpr std::uint64_t kGroups = 6;
constexpr int kSteps = 40;

/// The functions of a store on PostgreSQL with another clock than that of the server.
const std::string kReplaceClock = R"(
CREATE TABLE public.clock AS SELECT clock_timestamp() AS now;
CREATE FUNCTION public.stopped_clock() RETURNS timestamptz LANGUAGE plpgsql AS
  'BEGIN RETURN (SELECT c.now FROM public.clock AS c); END';
DO $$
DECLARE
  function regprocedure;
BEGIN
  FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'nexakey'::regnamespace
                  AND prosrc LIKE '%clock_timestamp()%' LOOP
    EXECUTE replace(pg_get_functiondef(function), 'clock_timestamp()', 'public.stopped_clock()');
  END LOOP;
END $$)";

/// A store whose clock is that of the test, with two connections.
class StoppedStore {
 public:
  StoppedStore(Backend backend, Tick begin) : stores_((stop_clocks_at(begin), backend)) {
    if (const auto* const postgres = dynamic_cast<const PostgresFixture*>(&stores_.fixture)) {
      server_.emplace(value_of(postgres::Session::to(postgres->url())));
      server_->execute(kReplaceClock);
      unit_ = microseconds(1);
    }
    set(begin);
  }

  void set(Tick now) {
    now_ = now;
    stop_clocks_at(now);
    if (server_) {
      const auto whole = std::chrono::floor<seconds>(now);
      const auto rest = std::chrono::floor<microseconds>(now - whole);
      server_->execute("UPDATE public.clock SET now = timestamptz '1970-01-01 00:00:00+00' + " +
                       std::to_string(whole.count()) + " * interval '1 second' + " +
                       std::to_string(rest.count()) + " * interval '1 microsecond'");
    }
  }

  [[nodiscard]] Tick now() const { return now_; }
  /// The resolution of the clock of the windows.
  [[nodiscard]] Tick unit() const { return unit_; }
  [[nodiscard]] KeyStore& one(bool first) const { return first ? *stores_.first : *stores_.second; }

 private:
  Stores stores_;
  std::optional<postgres::Session> server_;
  Tick now_{};
  Tick unit_ = nanoseconds(1);
};

/// The keys of a line of rotations, and which of the tests' keys they are.
struct Line {
  std::vector<Key> keys;
  std::vector<std::uint64_t> numbers;
  LimitsModel model;
};

/// Schedules that share a clock: each is that of a line of keys.
class Group {
 public:
  Group(StoppedStore& store, std::uint64_t seed, std::uint64_t& next_key)
      : store_(store), random_(seed), next_key_(next_key), lines_(kLines) {
    std::vector<Key> keys;
    for (Line& line : lines_) {
      Key& key = line.keys.emplace_back(new_key(line));
      draw_limits(random_, key);
      keys.push_back(key);
    }
    add_all(any_store(), keys);
  }

  /// Returns the number of decisions.
  std::size_t play() {
    std::size_t decisions = 0;
    for (int step = 0; step < kSteps; ++step) {
      CAPTURE(step);
      go_on();
      change(any_line());
      if (chance(2)) {
        rotate(any_line());
      }
      decisions += ask();
    }
    maintain(any_store());
    return decisions;
  }

 private:
  /// A request of a call, and what must be decided.
  struct Asked {
    core::Request request;
    Line* line;
    std::size_t key;
  };

  bool chance(std::uint64_t one_in) { return below(random_, one_in) == 0; }
  Line& any_line() { return lines_[below(random_, lines_.size())]; }
  KeyStore& any_store() { return store_.one(chance(2)); }

  /// The next of the tests' keys, for a line.
  Key new_key(Line& line) {
    line.numbers.push_back(next_key_);
    return make_key(next_key_++);
  }

  void go_on() {
    const Line& line = any_line();
    const std::size_t key = below(random_, line.keys.size());
    store_.set(store_.now() + draw_step(random_, line.model, key, line.keys[key].windows(),
                                        store_.now(), store_.unit()));
  }

  /// Changes limits of a key. Its quotas are those of all keys of its line: what a key without
  /// quotas counts for the others is not the same on all backends (docs/limits.md).
  void change(Line& line) {
    const std::size_t changed = below(random_, line.keys.size());
    const core::KeyChange change = draw_change(random_, line.keys[changed]);
    const bool is_of_line = !change.limits.empty() && core::is_quota(change.limits[0].window);
    for (std::size_t i = 0; i < line.keys.size(); ++i) {
      if (i == changed || is_of_line) {
        Key& key = line.keys[i];
        key = value_of(core::apply(key, change, now()));
        const auto updated = value_of(any_store().as(kTester).update(key.id, change, now()));
        REQUIRE(updated->limits == key.limits);
        REQUIRE(updated->rate_limit == key.rate_limit);
      }
    }
  }

  /// Rotates the last key of a line, whose keys all stay active.
  void rotate(Line& line) {
    const Key key = new_key(line);
    const core::Rotation rotation{.successor = key.id,
                                  .hash = key.hash,
                                  .last_four = key.last_four,
                                  .created_at = now(),
                                  .grace = core::kMaxDuration};
    const auto rotated =
        value_of(any_store().as(kTester).rotate(line.keys.back().id, rotation, now()));
    line.keys.push_back(rotated->successor);
  }

  /// Asks about one key of most lines, several times each, in one call. Returns the number of
  /// requests.
  std::size_t ask() {
    std::vector<Asked> asked;
    for (Line& line : lines_) {
      const std::size_t key = below(random_, line.keys.size());
      for (std::uint64_t requests = below(random_, 5); requests > 0; --requests) {
        const char* const method = chance(16) ? "TRACE" : "GET";
        asked.push_back({request(line.numbers[key], method), &line, key});
      }
    }
    std::ranges::shuffle(asked, random_);
    std::vector<core::Request> requests;
    std::ranges::transform(asked, std::back_inserter(requests), &Asked::request);
    const VerifyOptions options{.counting = chance(8) ? Counting::dry_run : Counting::counted};
    const auto verifications = value_of(any_store().verify(requests, options));
    REQUIRE(verifications.size() == asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      compare(asked[i], options, verifications[i].decision);
    }
    return asked.size();
  }

  void compare(const Asked& asked, const VerifyOptions& options, const core::Decision& decision) {
    const auto refused = asked.request.method == "TRACE"
                             ? std::optional(core::Reason::insufficient_scope)
                             : std::nullopt;
    const core::Decision expected =
        asked.line->model.decide(asked.key, asked.line->keys[asked.key].windows(), store_.now(),
                                 options.counting == Counting::dry_run, refused);
    INFO("decided ", described(decision), ", and not ", described(expected));
    REQUIRE(is_same(decision, expected));
  }

  StoppedStore& store_;
  std::mt19937_64 random_;
  std::uint64_t& next_key_;
  std::vector<Line> lines_;
};

/// Shortly before some midnight, often that of a new month or year.
Tick draw_begin(std::mt19937_64& random) {
  constexpr std::uint64_t kYears = 250;  // the windows' clock of an SQLite store ends in 2262
  const std::chrono::year year(static_cast<int>(1971 + below(random, kYears)));
  const std::chrono::month month(static_cast<unsigned>(1 + below(random, 12)));
  const auto midnight = std::chrono::sys_days(year / month / 1) +
                        std::chrono::days(below(random, 2) == 0 ? 0 : below(random, 31));
  return midnight.time_since_epoch() - seconds(below(random, 3));
}

/// Schedules on one store.
std::size_t play(Backend backend, std::uint64_t seed, std::uint64_t groups) {
  std::mt19937_64 random(seed);
  StoppedStore store(backend, draw_begin(random));
  std::size_t decisions = 0;
  std::uint64_t next_key = 0;
  for (std::uint64_t group = 0; group < groups; ++group) {
    CAPTURE(group);
    decisions += Group(store, random(), next_key).play();
  }
  return decisions;
}

STORE_TEST("bursts at both edges of two windows and of a day", SqliteFixture, PostgresFixture) {
  const Tick midnight = at("2028-03-01T00:00:00Z").time_since_epoch();
  const Tick begin = midnight - seconds(11);
  StoppedStore store(backend, begin);
  Key key = make_key(1);
  key.limits = value_of(core::Limits::from_text("3/1s 5/10s 12/day 14/month"));
  add(store.one(true), key);
  const auto burst = [&](Tick moment) {
    store.set(moment);
    return admitted(store.one(false), request(1), 4) + admitted(store.one(true), request(1), 4);
  };
  const Tick unit = store.unit();
  CHECK(burst(begin) == 3);
  CHECK(burst(begin + seconds(1) - unit) == 0);
  CHECK(burst(begin + seconds(1)) == 2);
  CHECK(burst(begin + seconds(10) - unit) == 0);
  CHECK(burst(begin + seconds(10)) == 3);
  CHECK(burst(midnight - unit) == 0);
  CHECK(burst(midnight) == 2);
  CHECK(burst(midnight + seconds(9)) == 3);
  CHECK(burst(midnight + seconds(10)) == 2);
  CHECK(burst(midnight + seconds(19)) == 3);
  CHECK(burst(midnight + seconds(20)) == 2);
  // The day began anew at midnight, and has no more room; so did the month.
  CHECK(burst(midnight + std::chrono::hours(24) - unit) == 0);
  CHECK(burst(midnight + std::chrono::hours(24)) == 2);
  CHECK(burst(midnight + std::chrono::hours(31 * 24) - unit) == 0);
  CHECK(burst(midnight + std::chrono::hours(31 * 24)) == 3);
}

std::uint64_t wanted(const char* variable, std::uint64_t otherwise) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

/// NEXAKEY_SCHEDULES: how many; scripts/soak has 100,000. NEXAKEY_SEED: of the first store.
STORE_TEST("random schedules have the same decisions as a model", SqliteFixture, PostgresFixture) {
  const std::uint64_t schedules = wanted("NEXAKEY_SCHEDULES", 192);
  std::uint64_t played = 0;
  std::size_t decisions = 0;
  for (std::uint64_t seed = wanted("NEXAKEY_SEED", 1); played < schedules; ++seed) {
    CAPTURE(seed);
    const std::uint64_t groups = std::min(kGroups, (schedules - played + kLines - 1) / kLines);
    decisions += play(backend, seed, groups);
    played += groups * kLines;
  }
  MESSAGE(played, " schedules with ", decisions, " decisions: 0 differences");
}

}  // namespace
}  // namespace nexakey::store::test
