// Several sliding windows and quotas of one key.

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::Limits;
using core::Window;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Key limited(std::uint64_t n, std::uint32_t minute, std::string_view limits) {
  Key key = make_key(n);
  key.rate_limit = minute;
  key.limits = value_of(Limits::from_text(limits));
  return key;
}

/// The number of admitted requests among `count`.
std::size_t admit(KeyStore& store, std::uint64_t key, std::size_t count) {
  return admitted(store, request(key), count);
}

std::vector<std::uint64_t> remaining(const core::Decision& decision) {
  std::vector<std::uint64_t> numbers;
  for (const core::LimitState& state : decision.limits) {
    numbers.push_back(state.remaining);
  }
  return numbers;
}

void change_limits(KeyStore& store, std::uint64_t key, std::vector<core::LimitChange> limits) {
  core::KeyChange change;
  change.limits = std::move(limits);
  REQUIRE(value_of(store.as(kTester).update(make_key(key).id, change, now())));
}

/// Rotates a key to the next one, with a grace.
core::Rotated rotate(KeyStore& store, std::uint64_t key) {
  const Key successor = make_key(key + 1);
  return *value_of(store.as(kTester).rotate(make_key(key).id,
                                            {.successor = successor.id,
                                             .hash = successor.hash,
                                             .last_four = successor.last_four,
                                             .created_at = now(),
                                             .grace = std::chrono::hours(1)},
                                            now()));
}

STORE_TEST("limits are kept as they are", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = limited(1, 100, "20/1s 7/10m 1000/1h 5000/day 60000/month");
  add(*stores.first, key);
  CHECK(list(*stores.second).front().limits == key.limits);
  change_limits(*stores.first, 1,
                {{Window::hour, std::nullopt}, {Window{1}, 30}, {Window::day, std::nullopt}});
  CHECK(list(*stores.second).front().limits.to_text() == "30/1s 7/10m 60000/month");

  core::KeyChange change;
  change.limits = {{Window{2}, 1}, {Window{3}, 1}};
  const auto refused = stores.first->as(kTester).update(key.id, change, now());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == core::ErrorCode::usage);
  CHECK(list(*stores.second).front().limits.to_text() == "30/1s 7/10m 60000/month");
}

STORE_TEST("a request that one limit refuses occupies none", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "3/1h 50/day"));
  CHECK(admit(*stores.first, 1, 10) == 3);
  const core::Decision refused = decide(*stores.second, request(1));
  CHECK(name_of(refused.reason) == "rate_limited");
  CHECK(remaining(refused) == std::vector<std::uint64_t>{97, 0, 47});
  CHECK(refused.rate_limit->limit == 3);
  CHECK(*refused.rate_limit->retry_after > 3590);
  // With more room in the hour, the requests that were refused are not in the other windows.
  change_limits(*stores.first, 1, {{Window::hour, 5}});
  CHECK(admit(*stores.second, 1, 10) == 2);
  CHECK(remaining(decide(*stores.first, request(1))) == std::vector<std::uint64_t>{95, 0, 45});
}

STORE_TEST("a batch takes from all limits", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 6, "8/1h 5/month"));
  const std::vector<core::Request> requests(9, request(1));
  const auto verifications = value_of(stores.first->verify(requests, {}));
  for (std::size_t i = 0; i < verifications.size(); ++i) {
    CAPTURE(i);
    const std::uint64_t taken = std::min<std::uint64_t>(i + 1, 5);
    CHECK(name_of(verifications[i].decision.reason) == (i < 5 ? "allowed" : "quota_exceeded"));
    CHECK(remaining(verifications[i].decision) ==
          std::vector<std::uint64_t>{6 - taken, 8 - taken, 5 - taken});
  }
}

STORE_TEST("a dry run shows the limits and occupies none", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 10, "2/1h 9/day"));
  CHECK(admit(*stores.first, 1, 1) == 1);
  for (int i = 0; i < 3; ++i) {
    const core::Decision decision = decide(*stores.second, request(1), kDryRun);
    CHECK(decision.allowed());
    CHECK(remaining(decision) == std::vector<std::uint64_t>{9, 1, 8});
  }
}

STORE_TEST("a short window has room again when its oldest request has left", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "2/1s"));
  CHECK(admit(*stores.first, 1, 3) == 2);
  const core::Decision refused = decide(*stores.first, request(1));
  CHECK(refused.rate_limit->retry_after == 1);
  std::this_thread::sleep_for(milliseconds(1010));
  CHECK(admit(*stores.second, 1, 3) == 2);
  CHECK(remaining(decide(*stores.first, request(1))) == std::vector<std::uint64_t>{0, 96});
}

STORE_TEST("a quota counts what was admitted before it was set", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, make_key(1));
  CHECK(admit(*stores.first, 1, 4) == 4);
  change_limits(*stores.second, 1, {{Window::day, 10}});
  CHECK(remaining(decide(*stores.first, request(1)))[1] == 5);
  // Also what was admitted while it was removed.
  change_limits(*stores.second, 1, {{Window::day, std::nullopt}});
  CHECK(admit(*stores.second, 1, 2) == 2);
  change_limits(*stores.second, 1, {{Window::day, 10}, {Window::month, 9}});
  CHECK(admit(*stores.first, 1, 10) == 2);
  const core::Decision refused = decide(*stores.first, request(1));
  CHECK(name_of(refused.reason) == "quota_exceeded");
  CHECK(refused.rate_limit->limit == 9);
  CHECK(admit(*stores.second, 1, 1) == 0);
}

STORE_TEST("quotas are of a line of rotations, windows of each key", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "4/1h 10/day"));
  CHECK(admit(*stores.first, 1, 3) == 3);
  for (const std::uint64_t n : {1U, 2U}) {
    const core::Rotated rotated = rotate(*stores.first, n);
    CHECK(rotated.successor.line == make_key(1).id);
    CHECK(rotated.successor.limits.to_text() == "4/1h 10/day");
  }
  CHECK(admit(*stores.second, 3, 9) == 4);
  CHECK(remaining(decide(*stores.first, request(1))) == std::vector<std::uint64_t>{96, 0, 2});
  CHECK(admit(*stores.second, 2, 9) == 2);
  CHECK(name_of(decide(*stores.first, request(2)).reason) == "quota_exceeded");
  CHECK(remaining(decide(*stores.first, request(3), kDryRun))[2] == 0);
}

STORE_TEST("a quota counts what all keys of its line were admitted before it was set",
           STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "20/day"));
  rotate(*stores.first, 1);
  CHECK(admit(*stores.first, 1, 1) == 1);
  CHECK(admit(*stores.first, 2, 1) == 1);
  for (const std::optional<std::uint64_t> quota :
       {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(10)}) {
    change_limits(*stores.first, 1, {{Window::day, quota}});
    change_limits(*stores.first, 2, {{Window::day, quota}});
    if (!quota) {
      CHECK(admit(*stores.second, 2, 5) == 5);
    }
  }
  CHECK(remaining(decide(*stores.first, request(1)))[1] == 2);
  CHECK(remaining(decide(*stores.second, request(2)))[1] == 1);
}

STORE_TEST("a key cannot be made to use up the quotas of another line", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "2/day"));
  Key stranger = limited(2, 100, "1000/day");
  stranger.workspace = "other";
  stranger.line = make_key(1).id;
  REQUIRE(stores.first->as(kTester).create(stranger, CreateMode::always, now()));
  CHECK(list(*stores.first, {.workspace = "other"}).front().line == std::nullopt);
  CHECK(admit(*stores.first, 2, 5) == 5);
  CHECK(admit(*stores.first, 1, 5) == 2);
}

STORE_TEST("a key without a quota counts for the quotas of its line", SqliteFixture, UnixFixture) {
  Stores stores(backend);
  add(*stores.first, 1);
  rotate(*stores.first, 1);
  rotate(*stores.first, 2);
  change_limits(*stores.first, 3, {{Window::day, 10}});
  // In one batch, and one after the other; the first key of the line, and one between.
  CHECK(admit(*stores.first, 3, 1) == 1);
  const auto verifications = value_of(stores.first->verify(
      std::vector{request(1), request(3), request(2), request(3), request(1), request(3)}, {}));
  CHECK(remaining(verifications.back().decision)[1] == 3);
  CHECK(admit(*stores.second, 2, 1) == 1);
  CHECK(admit(*stores.second, 1, 1) == 1);
  CHECK(admit(*stores.second, 3, 5) == 1);
  CHECK(name_of(decide(*stores.first, request(3)).reason) == "quota_exceeded");
  CHECK(decide(*stores.first, request(2)).allowed());
}

STORE_TEST("an export has the limits and the line of a key", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, limited(1, 100, "4/1h 10/day"));
  CHECK(admit(*stores.first, 1, 3) == 3);
  rotate(*stores.first, 1);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  import_text(*others.first, text);
  CHECK(import_text(*others.first, text).keys.unchanged == 2);
  CHECK(export_text(*others.second) == text);
  // The counts of the day come with it.
  CHECK(remaining(decide(*others.second, request(2)))[2] == 6);
}

/// Clients ask at once while limits change. No span of a window has more than its limit, and the
/// quota is used up exactly. A busy PostgreSQL may answer too late, in which case nobody is let in,
/// but the quota may have been used.
STORE_TEST("limits hold while many ask and limits change", SqliteFixture, UnixFixture,
           PostgresFixture) {
  constexpr std::uint64_t kQuota = 150;
  constexpr int kClients = 4;
  Stores stores(backend);
  add(*stores.first, limited(1, 1000, "20/1s 30/2s 150/day"));
  struct Span {
    steady_clock::time_point before;
    steady_clock::time_point after;
  };
  std::vector<std::vector<Span>> spans(kClients);
  std::atomic<bool> is_used_up = false;
  std::atomic<std::uint64_t> unanswered = 0;
  const bool may_be_late = stores.fixture.may_be_late();
  std::vector<std::jthread> clients;
  for (int n = 0; n < kClients; ++n) {
    clients.emplace_back([&, n] {
      const auto store = stores.fixture.connect();
      while (!is_used_up) {
        const auto before = steady_clock::now();
        const auto answers = store->verify(std::vector{request(1)}, {});
        if (!answers) {
          ++unanswered;
          continue;
        }
        const core::Decision& decision = answers->front().decision;
        if (decision.allowed()) {
          spans[static_cast<std::size_t>(n)].push_back({before, steady_clock::now()});
        }
        is_used_up = is_used_up || name_of(decision.reason) == "quota_exceeded" ||
                     (decision.limits.size() > 3 && decision.limits[3].remaining == 0);
      }
    });
  }
  for (std::uint64_t minute = 900; !is_used_up; ++minute) {
    core::KeyChange change;
    change.rate_limit = static_cast<std::uint32_t>(minute);
    const auto updated = stores.first->as(kTester).update(make_key(1).id, change, now());
    REQUIRE((updated ? updated->has_value() : may_be_late));
    std::this_thread::sleep_for(milliseconds(100));
  }
  clients.clear();
  std::vector<Span> all;
  for (const auto& some : spans) {
    all.insert(all.end(), some.begin(), some.end());
  }
  CHECK(all.size() <= kQuota);
  CHECK(all.size() + unanswered >= kQuota);
  CHECK((unanswered == 0 || may_be_late));
  for (const auto& [length, limit] :
       {std::pair(milliseconds(1000), 20), {milliseconds(2000), 30}}) {
    for (const Span& first : all) {
      // Those that were certainly admitted within `length` after this one was.
      const auto inside = std::ranges::count_if(all, [&](const Span& span) {
        return span.before >= first.before && span.after <= first.before + length;
      });
      CHECK(inside <= limit);
    }
  }
}

}  // namespace
}  // namespace nexakey::store::test
