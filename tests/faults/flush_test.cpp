// The flush of counts from the journal to the tables.

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <random>
#include <thread>

#include <SQLiteCpp/Database.h>
#include <doctest/doctest.h>

#include "store/sqlite/lock_file.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/usage_journal.h"
#include "tests/faults/disk_store.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace nexakey::test {
namespace {

using core::Key;

/// A path so long that few records fill the journal.
const std::string kLongPath = "/" + std::string(240, 'z');
constexpr std::size_t kSegmentSize = std::size_t{4} << 20U;
/// Of a decision about `GET /`: 48 bytes, one fill, and the endpoint, padded.
constexpr std::size_t kRecordSize = 64;

Key fast_key(std::uint64_t n) {
  Key key = make_key(n);
  key.rate_limit = core::kMaxRateLimit;
  return key;
}

TEST_CASE("a killed flush neither loses counts nor counts twice") {
  constexpr std::uint64_t kRounds = 200;
  constexpr std::uint64_t kRequests = 10;
  // In memory, a kill often hits the short time between the commit and the next step.
  const DiskStore disk(TemporaryDirectory::in_memory());
  const auto store = disk.connect();
  add(*store, fast_key(1));
  std::mt19937_64 random(1);
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    Process reporter([&](const Line& line) {
      const auto mine = disk.connect();
      report(*mine);
      line.send(0);
      line.receive();
      report(*mine);
      line.receive();
    });
    REQUIRE(reporter.line().receive());
    CHECK(admitted(*store, request(1), kRequests) == kRequests);
    reporter.line().send(0);
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 800);
    while (std::chrono::steady_clock::now() < end) {
    }
    reporter.kill();
  }
  CHECK(report(*store).total.requests == kRounds * kRequests);
  CHECK(select(disk.path(), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("killed processes that fold counts into days neither lose any nor count any twice") {
  constexpr std::int64_t kRows = 20'000;
  constexpr std::chrono::hours kKept{24};
  const std::uint64_t kills = kill_count(40);
  // In memory, a kill often hits the short time between the commit and the next step.
  const DiskStore disk(TemporaryDirectory::in_memory());
  add(*disk.connect(), 1);
  execute(
      disk.path(),
      "INSERT INTO endpoints (id, text) VALUES (1, 'GET /a');"
      " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT " +
          std::to_string(kRows) +
          ") INSERT INTO usage_hours SELECT 1, unixepoch() / 3600 - 48 - i / 10, 1, 200 + i % 10,"
          " 1 + i % 7 FROM n");
  const auto sum_of = [&](const std::string& table) {
    return std::stoll(select(disk.path(), "SELECT coalesce(sum(requests), 0) FROM usage_" + table));
  };
  const auto all = sum_of("hours");
  const auto unfolded = [&] {
    return std::stoll(select(disk.path(), "SELECT count(*) FROM usage_hours"));
  };
  const auto fold = [&](const Line& line) {
    const auto mine = value_of(
        store::open_served(disk.path().string(), store::OpenMode::existing, {.kept_hours = kKept}));
    line.send(0);
    for (;;) {
      static_cast<void>(mine->maintain());
    }
  };
  std::mt19937_64 random(3);
  std::uint64_t folding = 0;
  std::uint64_t max_life = 20'000;  // of the processes, in µs; longer if they do not get to fold
  for (std::uint64_t i = 0; i < kills && unfolded() > 0; ++i) {
    const auto before = unfolded();
    Process first(fold);
    Process second(fold);
    REQUIRE(first.line().receive());
    std::this_thread::sleep_for(std::chrono::microseconds(random() % max_life));
    first.kill();
    second.kill();
    if (unfolded() < before) {
      ++folding;
    } else {
      max_life = std::min<std::uint64_t>(2 * max_life, 1'000'000);
    }
    CHECK(sum_of("hours") + sum_of("days") == all);
    CHECK(sum_of("totals") == all);
  }
  CHECK(folding > 0);
  CHECK(select(disk.path(), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("counts stay exact while the journal fills again and again") {
  constexpr std::uint64_t kBatches = 500;
  constexpr std::uint64_t kBatch = 64;
  constexpr std::uint64_t kProcesses = 2;
  static_assert(kProcesses * kBatches * kBatch * 240 > 3 * kSegmentSize / 2);
  const DiskStore disk;
  add(*disk.connect(), fast_key(1));
  std::deque<Process> processes;
  for (std::uint64_t i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&](const Line&) {
      const auto store = disk.connect();
      for (std::uint64_t n = 0; n < kBatches; ++n) {
        admitted(*store, request(1, "GET", kLongPath), kBatch);
      }
    });
  }
  for (Process& process : processes) {
    CHECK(process.finish());
  }
  // This is more than the journal holds, so a part was flushed without a request.
  CHECK(std::stoul("0" + select(disk.path(), "SELECT sum(requests) FROM usage_hours")) > 0);
  CHECK(report(*disk.connect()).total.requests == kProcesses * kBatches * kBatch);
}

TEST_CASE("decisions are made and counted however long another process changes the store") {
  constexpr std::uint64_t kProcesses = 3;
  constexpr std::uint64_t kRequests = 70'400;  // of each; two segments have 131,072 records
  constexpr std::uint64_t kBatch = 64;
  const DiskStore disk;
  const auto store = disk.connect();
  for (std::uint64_t i = 0; i < kProcesses; ++i) {
    add(*store, fast_key(i));
  }
  CHECK(admitted(*store, request(0), 1) == 1);
  const auto size = std::filesystem::file_size(disk.file("-usage"));
  {
    const store::sqlite::LockFile lock(disk.file("-lock"));
    const store::sqlite::LockGuard changing(lock, store::sqlite::Lock::writer);
    std::deque<Process> processes;
    for (std::uint64_t i = 0; i < kProcesses; ++i) {
      processes.emplace_back([&, i](const Line&) {
        const auto mine = disk.connect();
        for (std::uint64_t n = 0; n < kRequests; n += kBatch) {
          REQUIRE(admitted(*mine, request(i), kBatch) == kBatch);
        }
      });
    }
    for (Process& process : processes) {
      CHECK(process.finish());
    }
    CHECK(std::filesystem::file_size(disk.file("-usage")) > size);
    CHECK(admitted(*store, request(0), 1) == 1);  // by a process that has mapped the smaller file
  }
  CHECK(report(*store).total.requests == kProcesses * kRequests + 2);
  CHECK(std::filesystem::file_size(disk.file("-usage")) == size);
  CHECK(admitted(*store, request(1), 1) == 1);
  CHECK(report(*store).total.requests == kProcesses * kRequests + 3);
}

TEST_CASE("the maintenance tells of counts that it cannot flush") {
  const DiskStore disk;
  const auto store = disk.connect();
  add(*store, fast_key(1));
  const auto served = value_of(store::open_served(disk.path().string(), store::OpenMode::existing));
  CHECK(served->maintain().is_flushed);
  {
    const store::sqlite::LockFile lock(disk.file("-lock"));
    const store::sqlite::LockGuard changing(lock, store::sqlite::Lock::writer);
    CHECK(served->maintain().is_flushed);  // nothing is due
    CHECK(admitted(*store, request(1), kSegmentSize / kRecordSize) > 0);
    CHECK_FALSE(served->maintain().is_flushed);
  }
  CHECK(served->maintain().is_flushed);
}

TEST_CASE("counts are not lost when processes that fill the journal are killed") {
  constexpr std::uint64_t kBatch = 64;
  const std::uint64_t kills = kill_count(10);
  const DiskStore disk;
  const auto store = disk.connect();
  add(*store, fast_key(1));
  std::mt19937_64 random(2);
  std::uint64_t decided = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    Process verifier([&](const Line& line) {
      const auto mine = disk.connect();
      for (;;) {
        admitted(*mine, request(1, "GET", kLongPath), kBatch);
        line.send(static_cast<std::int64_t>(kBatch));
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
    verifier.kill();
    while (const auto answer = verifier.line().receive()) {
      decided += static_cast<std::uint64_t>(*answer);
    }
  }
  const auto counted = report(*store).total.requests;
  CHECK(counted >= decided);
  CHECK(counted <= decided + kills * kBatch);
}

TEST_CASE("counts of a new journal do not conflict with those of the old one") {
  const DiskStore disk;
  {
    const auto store = disk.connect();
    add(*store, 1);
    for (int i = 0; i < 5; ++i) {
      CHECK(admitted(*store, request(1), 2) == 2);
      CHECK(report(*store).total.requests == static_cast<std::uint64_t>(2 * (i + 1)));
    }
  }
  std::filesystem::remove(disk.file("-usage"));
  const auto store = disk.connect();
  CHECK(admitted(*store, request(1), 3) == 3);
  CHECK(report(*store).total.requests == 13);
}

TEST_CASE("records of a torn segment count up to the tear") {
  const DiskStore disk;
  {
    const auto store = disk.connect();
    add(*store, 1);
    CHECK(admitted(*store, request(1), 10) == 10);
  }
  std::string journal = read_file(disk.file("-usage"));
  journal.replace(4096 + 6 * kRecordSize, 4 * kRecordSize, std::string(4 * kRecordSize, '\0'));
  write_file(disk.file("-usage"), journal);
  CHECK(report(*disk.connect()).total.requests == 6);
  const auto store = disk.connect();
  CHECK(admitted(*store, request(1), 2) == 2);
  CHECK(report(*store).total.requests == 8);
}

TEST_CASE("a flush of records of several hours stores the peaks of each") {
  const DiskStore disk;
  const auto store = disk.connect();
  add(*store, 1);
  store::sqlite::UsageJournal journal(
      disk.file("-usage"), store::sqlite::identity_of(SQLite::Database(disk.path().string())),
      store::sqlite::read_boot(), [](const auto& /*id*/) { return 0; });
  const core::Time this_hour = core::start_of_hour(now());
  const auto decide = [&](int hours_ago, std::uint32_t in_minute, std::uint32_t in_hour) {
    const std::array<store::sqlite::WindowFill, 2> fills{{{60, in_minute}, {3600, in_hour}}};
    REQUIRE(journal.make_room(store::sqlite::UsageJournal::max_size("GET /")));
    journal.append({.key = make_key(1).id,
                    .at = this_hour - std::chrono::hours(hours_ago),
                    .status = 200,
                    .endpoint = "GET /",
                    .address = std::nullopt,
                    .fills = fills});
  };
  const auto peaks = [&] {
    report(*store);
    return select(disk.path(),
                  "SELECT hour_peaks || (SELECT group_concat(text, '') FROM"
                  " (SELECT ', ' || (peak_hour - hour) || ' ' || window_seconds || ' ' || peak"
                  " AS text FROM peaks ORDER BY hour DESC, window_seconds)) FROM last_uses");
  };
  decide(1, 5, 7);
  decide(0, 3, 8);
  decide(1, 9, 6);  // of a process whose clock is behind
  decide(0, 4, 2);
  CHECK(peaks() == R"({"60":4,"3600":8}, 1 60 9, 1 3600 7)");
  decide(2, 1, 1);
  decide(1, 10, 1);
  CHECK(peaks() == R"({"60":4,"3600":8}, 1 60 10, 1 3600 7, 2 60 1, 2 3600 1)");
  CHECK(report(*store, {.since = this_hour - std::chrono::hours(2)}).total.requests == 6);
}

}  // namespace
}  // namespace nexakey::test
