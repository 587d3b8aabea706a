// Folding: counts of old hours become counts of days.

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Grain;
using core::Grouping;
using core::KeyUsage;
using core::Time;
using std::chrono::days;
using std::chrono::hours;

constexpr hours kOneDay{24};

#define FOLDING_FIXTURES                                                    \
  nexakey::store::test::EngineFixture, nexakey::store::test::SqliteFixture, \
      nexakey::store::test::PostgresFixture

Time today() { return core::start_of_day(now()); }

/// Counts of keys in some hours of the last days, all of which a store keeps by default.
std::vector<KeyUsage> some_usage(std::uint64_t keys) {
  std::vector<KeyUsage> rows;
  for (std::uint64_t n = 1; n <= keys; ++n) {
    for (int day = 9; day >= 2; --day) {
      for (const int hour : {0, 1, 13, 23}) {
        for (const char* const endpoint : {"GET /a", "GET /b"}) {
          for (const int status : {200, 1500, 2010}) {
            rows.push_back({.key = make_key(n).id,
                            .hour = today() - days(day) + hours(hour),
                            .endpoint = endpoint,
                            .status = status,
                            .requests = n + static_cast<std::uint64_t>(hour)});
          }
        }
      }
    }
  }
  return rows;
}

std::string export_of(std::uint64_t keys, const std::vector<KeyUsage>& usage) {
  std::string text;
  core::ExportWriter writer(text, make_key(1).workspace);
  for (std::uint64_t n = 1; n <= keys; ++n) {
    core::Key key = make_key(n);
    key.created_at = at("2026-01-01") + std::chrono::seconds(n);
    writer.add(key);
  }
  for (const KeyUsage& row : usage) {
    writer.add(row);
  }
  writer.finish();
  return text;
}

std::vector<KeyUsage> usage_in(KeyStore& store) {
  std::vector<KeyUsage> usage;
  value_of(store.export_records(std::nullopt, [&](const core::Record& record) {
    if (const auto* const row = std::get_if<KeyUsage>(&record)) {
      usage.push_back(*row);
    }
    return true;
  }));
  return usage;
}

std::size_t count_of(const std::vector<KeyUsage>& usage, Grain grain) {
  return static_cast<std::size_t>(std::ranges::count(usage, grain, &KeyUsage::grain));
}

/// Folds all that is older than a day.
void fold_all(const StoreFixture& fixture) {
  const auto store = fixture.connect_keeping(kOneDay);
  for (int turn = 0; turn < 100 && count_of(usage_in(*store), Grain::hour) > 0; ++turn) {
    CHECK(store->maintain().is_flushed);
  }
}

/// What does not change when counts are folded.
std::vector<core::UsageReport> reports(KeyStore& store) {
  std::vector<core::UsageReport> reports;
  for (const auto by : {Grouping::endpoint, Grouping::day, Grouping::status}) {
    for (const auto& key : {std::optional<core::KeyId>(), std::optional(make_key(2).id)}) {
      for (const int since : {3, 5, 20}) {
        reports.push_back(
            value_of(store.usage({.key = key, .since = today() - days(since), .by = by}, now())));
      }
    }
  }
  return reports;
}

bool are_same(const std::vector<core::UsageReport>& some,
              const std::vector<core::UsageReport>& others) {
  return std::ranges::equal(some, others, [](const auto& a, const auto& b) {
    return a.total == b.total && a.groups == b.groups && a.since == b.since && a.today == b.today &&
           a.this_week == b.this_week && a.this_month == b.this_month;
  });
}

STORE_TEST("folded counts are the sums of their hours", FOLDING_FIXTURES) {
  constexpr std::uint64_t kKeys = 3;
  Stores stores(backend);
  const auto usage = some_usage(kKeys);
  import_text(*stores.first, export_of(kKeys, usage));
  CHECK(usage_in(*stores.first) == usage);
  const auto before = reports(*stores.first);
  REQUIRE(before.front().total.requests > 0);

  fold_all(stores.fixture);
  const auto folded = usage_in(*stores.first);
  CHECK(count_of(folded, Grain::hour) == 0);
  CHECK(folded.size() == usage.size() / 4);
  CHECK(folded.front().requests == 1 + 2 + 14 + 24);
  CHECK(are_same(reports(*stores.second), before));
}

STORE_TEST("a process folds a bounded piece at once", FOLDING_FIXTURES) {
  constexpr std::uint64_t kKeys = 4;  // with 192 rows each
  Stores stores(backend);
  import_text(*stores.first, export_of(kKeys, some_usage(kKeys)));
  const auto before = reports(*stores.first);
  const auto store = stores.fixture.connect_keeping(kOneDay);
  const auto unfolded = [&] { return count_of(usage_in(*stores.first), Grain::hour); };
  CHECK(unfolded() == 768);
  report(*store);
  CHECK(unfolded() == 768 - kMaxAtOnce);
  CHECK(are_same(reports(*stores.second), before));  // of a day of which a part is folded, too
  report(*store);
  CHECK(unfolded() == 0);
  CHECK(are_same(reports(*stores.second), before));
}

STORE_TEST("folded counts belong to no hour", FOLDING_FIXTURES) {
  Stores stores(backend);
  import_text(*stores.first, export_of(1, some_usage(1)));
  fold_all(stores.fixture);
  const Time day = today() - days(5);
  const std::string name = core::format_time(day).substr(0, 10);
  // A report that begins within a folded day begins with that day.
  const auto by_hour =
      value_of(stores.first->usage({.since = day + hours(12), .by = Grouping::hour}, now()));
  CHECK(by_hour.since == day);
  CHECK(by_hour.groups.front().name == name);
  CHECK(by_hour.groups.size() == 4);
  const auto from_midnight = value_of(stores.first->usage({.since = day}, now()));
  for (const auto& key : {std::optional<core::KeyId>(), std::optional(make_key(1).id)}) {
    const auto from_noon =
        value_of(stores.first->usage({.key = key, .since = day + hours(12)}, now()));
    CHECK(from_noon.total == from_midnight.total);
    CHECK(from_noon.since == day);
  }
}

STORE_TEST("a report that begins within a day has the hours of that day", FOLDING_FIXTURES) {
  Stores stores(backend);
  import_text(*stores.first, export_of(1, some_usage(1)));
  const Time since = today() - days(2) + hours(12);
  for (const auto& key : {std::optional<core::KeyId>(), std::optional(make_key(1).id)}) {
    const auto usage = value_of(stores.first->usage({.key = key, .since = since}, now()));
    CHECK(usage.since == since);
    CHECK(usage.total.requests == 2 * 2 * (1 + 13 + 1 + 23));
  }
}

STORE_TEST("an import is compared by the grain of the store", FOLDING_FIXTURES) {
  constexpr std::uint64_t kKeys = 2;
  Stores stores(backend);
  const std::string hourly = export_of(kKeys, some_usage(kKeys));
  import_text(*stores.first, hourly);
  fold_all(stores.fixture);
  const auto before = reports(*stores.first);
  const std::string daily = export_text(*stores.first, make_key(1).workspace);
  const auto changes = [](KeyStore& store, const std::string& text) {
    const auto summary = import_text(store, text);
    return summary.usage.added + summary.usage.changed;
  };
  CHECK(changes(*stores.first, hourly) == 0);
  CHECK(changes(*stores.first, daily) == 0);

  // A store with the hours gets the export of days, and the other way round.
  Stores others(backend);
  import_text(*others.first, hourly);
  CHECK(changes(*others.first, daily) == 0);
  CHECK(are_same(reports(*others.first), before));
  Stores fresh(backend);
  import_text(*fresh.first, daily);
  CHECK(export_text(*fresh.first, make_key(1).workspace) == daily);
  CHECK(changes(*fresh.first, hourly) == 0);
  CHECK(are_same(reports(*fresh.first), before));

  // More counts in one hour of a folded day make the day larger.
  auto more = some_usage(kKeys);
  more.front().requests += 5;
  CHECK(changes(*fresh.first, export_of(kKeys, more)) == 1);
  CHECK(value_of(fresh.first->usage({.since = today() - days(20)}, now())).total.requests ==
        before.at(2).total.requests + 5);
}

STORE_TEST("old hours of an import are folded by it", STORE_FIXTURES) {
  Stores stores(backend);
  const Time day = today() - days(100);
  std::vector<KeyUsage> usage;
  for (int hour = 0; hour < 24; ++hour) {
    usage.push_back({.key = make_key(1).id,
                     .hour = day + hours(hour),
                     .endpoint = "GET /a",
                     .status = 200,
                     .requests = 2});
  }
  const std::string text = export_of(1, usage);
  CHECK(import_text(*stores.first, text).usage.added == 1);
  CHECK(usage_in(*stores.second) == std::vector<KeyUsage>{{.key = make_key(1).id,
                                                           .hour = day,
                                                           .endpoint = "GET /a",
                                                           .status = 200,
                                                           .requests = 48,
                                                           .grain = Grain::day}});
  CHECK(import_text(*stores.first, text).usage.unchanged == 1);
  CHECK(value_of(stores.first->usage({.since = day}, now())).total.requests == 48);
}

TEST_CASE("counts of a folded hour that arrive late are added to its day") {
  const StoresOf<SqliteFixture> stores;
  import_text(*stores.first, export_of(1, some_usage(1)));
  fold_all(stores.fixture);
  const auto before = usage_in(*stores.first);
  // As the journal of a process that was stopped for days is flushed.
  write_rows(stores.fixture.path(), [&](sqlite::SqliteTables& tables) {
    KeyUsage late = before.front();
    late.grain = Grain::hour;
    late.hour += hours(7);
    late.requests = 3;
    tables.set_counts({&late, 1});
  });
  fold_all(stores.fixture);
  auto after = usage_in(*stores.first);
  CHECK(after.front().requests == before.front().requests + 3);
  after.front().requests -= 3;
  CHECK(after == before);
}

TEST_CASE("the sums of days stay those of the counts, and old peaks are deleted") {
  const StoresOf<SqliteFixture> stores;
  const auto path = stores.fixture.path();
  const auto is_equal = [&] {
    return select(path,
                  "SELECT (SELECT group_concat(day || ' ' || endpoint || ' ' || status || ' ' ||"
                  " requests) FROM (SELECT day, endpoint, status, sum(requests) AS requests FROM"
                  " (SELECT hour / 24 AS day, endpoint, status, requests FROM usage_hours"
                  " UNION ALL SELECT day, endpoint, status, requests FROM usage_days)"
                  " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)) IS"
                  " (SELECT group_concat(day || ' ' || endpoint || ' ' || status || ' ' ||"
                  " requests) FROM (SELECT * FROM usage_totals ORDER BY day, endpoint, status))");
  };
  import_text(*stores.first, export_of(3, some_usage(3)));
  CHECK(is_equal() == "1");
  CHECK(admitted(*stores.first, request(1), 5) == 5);
  report(*stores.first);
  CHECK(is_equal() == "1");
  execute(path,
          "INSERT INTO peaks SELECT seq, (unixepoch() / 3600) - hours, 60, 5"
          " FROM api_keys, (SELECT 100 AS hours UNION ALL SELECT 10)");
  fold_all(stores.fixture);
  CHECK(is_equal() == "1");
  report(*stores.first);
  CHECK(select(path, "SELECT count(*) FROM peaks WHERE hour < unixepoch() / 3600 - 48") == "0");
  CHECK(select(path, "SELECT count(*) FROM peaks") == "3");
  execute(path, "DELETE FROM usage_hours; DELETE FROM usage_days");
  CHECK(select(path, "SELECT count(*) FROM usage_totals") == "0");
}

}  // namespace
}  // namespace nexakey::store::test
