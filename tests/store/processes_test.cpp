// Many processes on one store.

#include <algorithm>
#include <deque>

#include "tests/store/conformance.h"
#include "tests/support/process.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Key;

STORE_TEST("16 processes share one window", SqliteFixture, PostgresFixture) {
  constexpr int kProcesses = 16;
  constexpr int kRequests = 20;
  const auto made = backend();
  const StoreFixture& fixture = *made;
  add(*fixture.connect(), 1);
  std::deque<Process> processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&](const Line& line) {
      const auto store = fixture.connect();
      line.send(0);
      line.receive();
      std::int64_t allowed = 0;
      std::int64_t unanswered = 0;
      for (int n = 0; n < kRequests; ++n) {
        const auto answers = store->verify(std::vector{request(1)}, {});
        unanswered += answers ? 0 : 1;
        allowed += answers && answers->front().decision.allowed() ? 1 : 0;
      }
      line.send(allowed);
      line.send(unanswered);
    });
  }
  for (const Process& process : processes) {
    REQUIRE(process.line().receive());
  }
  for (const Process& process : processes) {
    process.line().send(0);
  }
  std::int64_t allowed = 0;
  std::int64_t unanswered = 0;
  for (Process& process : processes) {
    allowed += process.line().receive().value_or(0);
    unanswered += process.line().receive().value_or(0);
    CHECK(process.finish());
  }
  CHECK(allowed <= 100);
  CHECK(allowed + unanswered >= 100);
  CHECK((unanswered == 0 || fixture.may_be_late()));
  const core::Counts total = report(*fixture.connect()).total;
  const auto counted = static_cast<std::int64_t>(total.requests);
  const auto admitted = static_cast<std::int64_t>(total.requests - total.denied);
  CHECK(counted <= kProcesses * kRequests);
  CHECK(counted + unanswered >= kProcesses * kRequests);
  CHECK(admitted <= 100);
  CHECK(admitted >= allowed);
  CHECK(total.denied == total.rate_limited);
}

STORE_TEST("8 processes create keys in a store that does not exist yet", SqliteFixture,
           PostgresFixture) {
  constexpr std::uint64_t kProcesses = 8;
  constexpr std::uint64_t kKeys = 200;
  const auto made = backend();
  const StoreFixture& fixture = *made;
  std::deque<Process> processes;
  for (std::uint64_t i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&fixture, i](const Line&) {
      const auto store = fixture.connect();
      for (std::uint64_t n = 0; n < kKeys; ++n) {
        add(*store, i * kKeys + n);
      }
    });
  }
  for (Process& process : processes) {
    CHECK(process.finish());
  }
  const auto keys = list(*fixture.connect());
  REQUIRE(keys.size() == kProcesses * kKeys);
  for (std::uint64_t n = 0; n < keys.size(); ++n) {
    CHECK(keys[keys.size() - 1 - n] == make_key(n));
  }
}

STORE_TEST("many processes with unless_named create one key", SqliteFixture, PostgresFixture) {
  const auto made = backend();
  const StoreFixture& fixture = *made;
  std::deque<Process> processes;
  for (std::uint64_t n = 1; n <= 8; ++n) {
    processes.emplace_back([&fixture, n](const Line& line) {
      const auto store = fixture.connect();
      Key key = make_key(n);
      key.name = "crm";
      line.send(
          value_of(store->as(kTester).create(key, CreateMode::unless_named, now())).id.bits());
    });
  }
  const auto keys = [&] {
    std::vector<std::int64_t> ids;
    for (const Process& process : processes) {
      ids.push_back(process.line().receive().value_or(-1));
    }
    return ids;
  }();
  const auto listed = list(*fixture.connect());
  REQUIRE(listed.size() == 1);
  CHECK(std::ranges::count(keys, listed[0].id.bits()) == 8);
}

STORE_TEST("of many processes that create a unique name, one succeeds", SqliteFixture,
           PostgresFixture) {
  const auto made = backend();
  const StoreFixture& fixture = *made;
  std::deque<Process> processes;
  for (std::uint64_t n = 1; n <= 8; ++n) {
    processes.emplace_back([&fixture, n](const Line& line) {
      const auto store = fixture.connect();
      Key key = make_key(n);
      key.name = "crm";
      line.send(store->as(kTester).create(key, CreateMode::unique, now()) ? 1 : 0);
    });
  }
  std::int64_t created = 0;
  for (const Process& process : processes) {
    created += process.line().receive().value_or(-100);
  }
  CHECK(created == 1);
  CHECK(list(*fixture.connect()).size() == 1);
}

STORE_TEST("a verification that begins after a revocation is not admitted", SqliteFixture,
           PostgresFixture) {
  const auto made = backend();
  const StoreFixture& fixture = *made;
  const auto store = fixture.connect();
  constexpr std::uint64_t kKeys = 20;
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    Key key = make_key(n);
    key.rate_limit = core::kMaxRateLimit;
    add(*store, key);
  }
  Process verifier([&](const Line& line) {
    const auto mine = fixture.connect();
    for (std::uint64_t n = 1; n <= kKeys; ++n) {
      while (line.receive() == 0) {
        line.send(decide(*mine, request(n)).allowed() ? 1 : 0);
      }
      line.send(decide(*mine, request(n)).allowed() ? 1 : 0);
    }
  });
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    CAPTURE(n);
    for (int i = 0; i < 5; ++i) {
      verifier.line().send(0);
      CHECK(verifier.line().receive() == 1);
    }
    value_of(store->as(kTester).revoke(std::vector{make_key(n).id}, "", now()));
    verifier.line().send(1);
    CHECK(verifier.line().receive() == 0);
  }
  CHECK(verifier.finish());
}

STORE_TEST("no admission that another process began after a revocation gets through a busy store",
           SqliteFixture, PostgresFixture) {
  const auto made = backend();
  const StoreFixture& fixture = *made;
  const auto store = fixture.connect();
  Key key = make_key(1);
  key.rate_limit = core::kMaxRateLimit;
  add(*store, key);
  std::deque<Process> verifiers;
  for (int i = 0; i < 4; ++i) {
    verifiers.emplace_back([&](const Line& line) {
      const auto mine = fixture.connect();
      line.send(0);
      // All of them verify without a pause until the key is refused, which it then always is.
      while (decide(*mine, request(1)).allowed()) {
      }
      std::int64_t late = 0;
      for (int n = 0; n < 200; ++n) {
        late += decide(*mine, request(1)).allowed() ? 1 : 0;
      }
      line.send(late);
    });
  }
  for (const Process& verifier : verifiers) {
    REQUIRE(verifier.line().receive());
  }
  value_of(store->as(kTester).revoke(std::vector{key.id}, "", now()));
  CHECK(reason(*store, request(1)) == "revoked_key");
  for (Process& verifier : verifiers) {
    CHECK(verifier.line().receive() == 0);
    CHECK(verifier.finish());
  }
}

TEST_CASE("windows of thousands of keys stay exact while their file grows") {
  constexpr std::uint64_t kKeys = 5000;
  constexpr std::uint32_t kLimit = 3;
  const SqliteFixture fixture;
  add_keys(fixture.path(), 0, kKeys, [](Key& key) { key.rate_limit = kLimit; });
  std::deque<Process> processes;
  for (int i = 0; i < 2; ++i) {
    processes.emplace_back([&](const Line& line) {
      const auto store = fixture.connect();
      std::vector<std::int64_t> allowed(kKeys);
      for (std::uint32_t round = 0; round < kLimit; ++round) {
        for (std::uint64_t n = 0; n < kKeys; ++n) {
          allowed[n] += decide(*store, request(n)).allowed() ? 1 : 0;
        }
      }
      std::ranges::for_each(allowed, [&](std::int64_t count) { line.send(count); });
    });
  }
  std::vector<std::int64_t> wrong;
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    std::int64_t allowed = 0;
    for (const Process& process : processes) {
      allowed += process.line().receive().value_or(0);
    }
    if (allowed != kLimit) {
      wrong.push_back(static_cast<std::int64_t>(n));
    }
  }
  CHECK(wrong.empty());
  CHECK(report(*fixture.connect()).total == core::Counts{.requests = 2 * kLimit * kKeys,
                                                         .denied = kLimit * kKeys,
                                                         .rate_limited = kLimit * kKeys});
}

}  // namespace
}  // namespace nexakey::store::test
