// Processes that are killed at any point of their work.

#include <chrono>
#include <random>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "tests/faults/disk_store.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace nexakey::test {
namespace {

using core::Key;

constexpr std::int64_t kReady = -1;

/// Lets a process that has reported that it is ready work for a random time of at most `longest`,
/// kills it, and calls `answered` with what it had sent.
template <typename Answered>
void kill_within(std::chrono::microseconds longest, std::mt19937_64& random, Process& process,
                 const Answered& answered) {
  REQUIRE(process.line().receive() == kReady);
  const auto last =
      static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(longest.count()));
  std::this_thread::sleep_for(std::chrono::microseconds(last));
  process.kill();
  while (const auto answer = process.line().receive()) {
    answered(*answer);
  }
}

TEST_CASE("killed verifications lose no count and make no room in the window") {
  const std::uint64_t kills = kill_count(50);
  constexpr std::uint32_t kLimit = 2000;
  const DiskStore disk;
  const auto store = disk.connect();
  Key key = make_key(1);
  key.rate_limit = kLimit;
  add(*store, key);
  // The first decision makes the files of the counts and windows, for longer than a process lives
  // here.
  REQUIRE(decide(*store, request(1)).allowed());
  std::mt19937_64 random(1);
  std::uint64_t decided = 1;
  std::uint64_t allowed = 1;
  for (std::uint64_t i = 0; i < kills; ++i) {
    Process verifier([&](const Line& line) {
      const auto mine = disk.connect();
      line.send(kReady);
      for (;;) {
        line.send(decide(*mine, request(1)).allowed() ? 1 : 0);
      }
    });
    kill_within(std::chrono::milliseconds(25), random, verifier, [&](std::int64_t answer) {
      ++decided;
      allowed += answer == 1 ? 1 : 0;
    });
  }
  REQUIRE(decided > 1);
  CHECK(allowed <= kLimit);
  // A decision may have been made and counted but not sent.
  const auto counts = report(*store).total;
  CHECK(counts.requests >= decided);
  CHECK(counts.requests <= decided + kills);
  CHECK(counts.requests - counts.errors() >= allowed);
  const auto remaining = decide(*store, request(1), kDryRun).rate_limit->remaining;
  CHECK(remaining <= kLimit - allowed);
  CHECK(remaining + kills >= kLimit - allowed);
  CHECK(admitted(*store, request(1), kLimit + 1) == remaining);
}

TEST_CASE("keys that a killed process had created exist") {
  const std::uint64_t kills = kill_count(30);
  const DiskStore disk;
  const auto store = disk.connect();
  std::mt19937_64 random(2);
  std::uint64_t created = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    Process creator([&disk, n = created](const Line& line) mutable {
      const auto mine = disk.connect();
      line.send(kReady);
      for (;; ++n) {
        add(*mine, n);
        line.send(static_cast<std::int64_t>(n));
      }
    });
    kill_within(std::chrono::milliseconds(20), random, creator,
                [&](std::int64_t n) { created = static_cast<std::uint64_t>(n) + 1; });
  }
  const auto keys = list(*store);
  REQUIRE(keys.size() >= created);
  CHECK(keys.size() <= created + 1);
  for (std::uint64_t n = 0; n < keys.size(); ++n) {
    CHECK(keys[keys.size() - 1 - n] == make_key(n));
  }
  CHECK(select(disk.path(), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("revocations by a killed process stay in effect") {
  constexpr std::uint64_t kKeys = 400;
  const DiskStore disk;
  add_keys(disk.path(), 0, kKeys);
  std::mt19937_64 random(3);
  std::uint64_t revoked = 0;
  for (int i = 0; i < 20; ++i) {
    Process revoker([&disk, n = revoked](const Line& line) mutable {
      const auto mine = disk.connect();
      line.send(kReady);
      for (; n < kKeys; ++n) {
        value_of(mine->as(kTester).revoke(std::vector{make_key(n).id}, "", now()));
        line.send(static_cast<std::int64_t>(n));
      }
    });
    kill_within(std::chrono::milliseconds(20), random, revoker,
                [&](std::int64_t n) { revoked = static_cast<std::uint64_t>(n) + 1; });
  }
  const auto store = disk.connect();
  for (std::uint64_t n = 0; n < revoked; ++n) {
    CHECK(reason(*store, request(n)) == "revoked_key");
  }
  if (revoked + 1 < kKeys) {
    CHECK(reason(*store, request(kKeys - 1)) == "allowed");
  }
}

TEST_CASE("a store whose creation was killed is created by the next process") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    const DiskStore disk(TemporaryDirectory::in_memory());
    bool acknowledged = false;
    {
      Process maker([&](const Line& line) {
        line.send(kReady);
        add(*disk.connect(), 1);
        line.send(1);
        line.receive();
      });
      kill_within(std::chrono::milliseconds(12), random, maker,
                  [&](std::int64_t) { acknowledged = true; });
    }
    if (acknowledged) {
      CHECK(list(*value_of(store::open(disk.path(), store::OpenMode::existing))).size() == 1);
    }
    const auto store = disk.connect();
    add(*store, 1);
    CHECK(list_names(*store) == std::vector<std::string>{"name-1"});
    CHECK(reason(*store, request(1)) == "allowed");
    CHECK(report(*store).total.requests == 1);
    CHECK(select(disk.path(), "PRAGMA integrity_check") == "ok");
  }
}

TEST_CASE("windows stay exact when processes that move them are killed") {
  constexpr std::uint64_t kKeys = 3000;
  const DiskStore disk;
  add_keys(disk.path(), 0, kKeys, [](Key& key) { key.rate_limit = 1; });
  const auto store = disk.connect();
  CHECK(reason(*store, request(0)) == "allowed");
  std::mt19937_64 random(5);
  std::multiset<std::int64_t> allowed{0};
  for (int i = 0; i < 20; ++i) {
    Process verifier([&disk, first = random() % kKeys](const Line& line) {
      const auto mine = disk.connect();
      line.send(kReady);
      for (std::uint64_t next = first; next < first + kKeys; ++next) {
        const std::uint64_t n = next % kKeys;
        if (decide(*mine, request(n)).allowed()) {
          line.send(static_cast<std::int64_t>(n));
        }
      }
    });
    kill_within(std::chrono::milliseconds(100), random, verifier,
                [&](std::int64_t n) { allowed.insert(n); });
    CHECK(reason(*store, request(0)) == "rate_limited");
  }
  CHECK(allowed.size() == std::set(allowed.begin(), allowed.end()).size());
  // At most the last one of each was admitted without being told.
  std::size_t rest = 0;
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    const bool is_admitted = decide(*store, request(n)).allowed();
    rest += is_admitted ? 1 : 0;
    if (is_admitted) {
      CHECK(!allowed.contains(static_cast<std::int64_t>(n)));
    }
  }
  CHECK(allowed.size() + rest <= kKeys);
  CHECK(allowed.size() + rest + 20 >= kKeys);
}

TEST_CASE("a window stays exact when processes that make it grow are killed") {
  constexpr std::uint32_t kLimit = 20'000;
  const DiskStore disk;
  add_keys(disk.path(), 1, 1, [](Key& key) { key.rate_limit = kLimit; });
  const auto store = disk.connect();
  std::mt19937_64 random(6);
  std::uint32_t allowed = 0;
  constexpr int kProcesses = 20;
  for (int i = 0; i < kProcesses; ++i) {
    Process verifier([&disk](const Line& line) {
      const auto mine = disk.connect();
      line.send(kReady);
      while (decide(*mine, request(1)).allowed()) {
        line.send(1);
      }
    });
    kill_within(std::chrono::milliseconds(30), random, verifier,
                [&](std::int64_t) { allowed += 1; });
  }
  // At most the last one of each was admitted without being told.
  const auto rest = static_cast<std::uint32_t>(admitted(*store, request(1), kLimit + 1));
  CHECK(allowed + rest <= kLimit);
  CHECK(allowed + rest + kProcesses >= kLimit);
}

TEST_CASE("windows continue after a reboot") {
  const DiskStore disk;
  {
    const auto store = disk.connect();
    add(*store, 1);
    add(*store, 2);
    add(*store, 3);
    CHECK(admitted(*store, request(1), 60) == 60);
    CHECK(admitted(*store, request(2), 10) == 10);
  }
  const auto windows = disk.file("-windows");
  write_number(windows, WindowsHeader::boot_id, 0);
  SUBCASE("") {}
  SUBCASE("and their header was not written to the disk in time") {
    write_number(windows, WindowsHeader::slots_used, 0);
    write_number(windows, WindowsHeader::arena_used, 0);
  }
  const auto store = disk.connect();
  CHECK(admitted(*store, request(3), 130) == 100);
  CHECK(admitted(*store, request(2), 130) == 90);
  CHECK(admitted(*store, request(1), 130) == 40);
  CHECK(read_number(windows, WindowsHeader::slots_used) == 3);
  // The ring of each has 128 times.
  CHECK(read_number(windows, WindowsHeader::arena_used) >= 3 * 128);
}

}  // namespace
}  // namespace nexakey::test
