// Tests of the SQLite backend alone.

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/endpoint.h"
#include "store/sql.h"
#include "store/sqlite/hour_peaks.h"
#include "store/sqlite/limits_reader.h"
#include "store/sqlite/statements.h"
#include "tests/store/conformance.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Key;

TEST_CASE("a failed verification does not freeze what the connection sees") {
  const StoresOf<SqliteFixture> stores;
  const Key key = add(*stores.first, 1);
  add(*stores.first, 2);
  execute(stores.fixture.path(),
          "UPDATE api_keys SET whitelist = 'nonsense' WHERE name = 'name-2'");
  CHECK(reason(*stores.first, request(2)) == "damaged_key");
  CHECK(reason(*stores.first, request(1)) == "allowed");
  CHECK(reason(*stores.first, request(2)) == "damaged_key");
  value_of(stores.second->as(kTester).revoke(std::vector{key.id}, "", now()));
  CHECK(reason(*stores.first, request(1)) == "revoked_key");
}

TEST_CASE("countless paths take no room in the store") {
  const StoresOf<SqliteFixture> stores;
  add(*stores.first, 1);
  for (int i = 0; i < 1000; ++i) {
    CHECK(reason(*stores.first, request(1, "TRACE", "/path-" + std::to_string(i))) ==
          "insufficient_scope");
  }
  CHECK(report(*stores.second).total.requests == 1000);
  CHECK(std::stoul(select(stores.fixture.path(), "SELECT count(*) FROM endpoints")) <=
        2 * (core::kEndpointsPerDay + 1));
}

TEST_CASE("a flush stores how full the window was at most in each hour") {
  const StoresOf<SqliteFixture> stores;
  const auto path = stores.fixture.path();
  add(*stores.first, 1);
  add(*stores.first, 2);
  const auto peaks_of_last_hour = [&] {
    report(*stores.first);
    return select(path,
                  "SELECT group_concat(name || ' ' || hour_peaks, ', ') FROM"
                  " (SELECT name, hour_peaks FROM last_uses JOIN api_keys ON key = seq"
                  " ORDER BY name)");
  };
  const auto earlier_peaks = [&] {
    return select(path,
                  "SELECT group_concat(name || ' ' || hours || ' ' || window_seconds || ' ' || peak"
                  ", ', ') FROM (SELECT name, peak_hour - hour AS hours, window_seconds, peak"
                  " FROM peaks JOIN last_uses USING (key) JOIN api_keys ON key = seq"
                  " ORDER BY 1, 2, 3)");
  };
  CHECK(admitted(*stores.first, request(1), 7) == 7);
  CHECK(admitted(*stores.second, request(2), 2) == 2);
  CHECK(reason(*stores.first, request(2, "TRACE")) == "insufficient_scope");
  CHECK(peaks_of_last_hour() == R"(name-1 {"60":7}, name-2 {"60":2})");
  CHECK(admitted(*stores.first, request(1), 3) == 3);
  CHECK(peaks_of_last_hour() == R"(name-1 {"60":10}, name-2 {"60":2})");
  CHECK(earlier_peaks().empty());

  execute(path,
          "UPDATE last_uses SET peak_hour = peak_hour - 1,"
          R"( hour_peaks = '{"60":10,"3600":40}' WHERE key = 1)");
  CHECK(admitted(*stores.first, request(1), 1) == 1);
  CHECK(admitted(*stores.first, request(2), 1) == 1);
  CHECK(peaks_of_last_hour() == R"(name-1 {"60":11}, name-2 {"60":3})");
  CHECK(earlier_peaks() == "name-1 1 60 10, name-1 1 3600 40");

  // Another process has flushed counts of a later hour.
  execute(path, "UPDATE last_uses SET peak_hour = peak_hour + 1");
  CHECK(admitted(*stores.first, request(1), 1) == 1);
  CHECK(peaks_of_last_hour() == R"(name-1 {"60":11}, name-2 {"60":3})");
  CHECK(earlier_peaks() == "name-1 1 60 12, name-1 2 60 10, name-1 2 3600 40");

  execute(path, "UPDATE last_uses SET peak_hour = peak_hour - 1, hour_peaks = '{\"60\":99,'");
  CHECK(admitted(*stores.first, request(1), 1) == 1);
  CHECK(peaks_of_last_hour() == R"(name-1 {"60":99}, name-2 {"60":99,)");
  const auto shown = [&](const std::string& damaged) {
    execute(path, "UPDATE last_uses SET hour_peaks = '" + damaged + "' WHERE key = 2");
    std::string text;
    for (const auto& peak : value_of(stores.first->peaks({.key = make_key(2).id}, now())).peaks) {
      text += std::to_string(peak.requests) + " in " + std::to_string(peak.window_seconds);
    }
    return text;
  };
  CHECK(shown(R"({"60":5})") == "5 in 60");
  for (const char* const damaged :
       {"", "{", "null", R"({"60":0})", R"({"60":-5})", R"({"60":"5"})", R"({"60":100001})",
        R"({"60":9223372036854775807})", R"({"60":99999999999999999999})"}) {
    CAPTURE(damaged);
    CHECK(shown(damaged).empty());
  }
  shown(R"({"60":5})");
  execute(path, "UPDATE last_uses SET peak_hour = 4611686018427387904");
  CHECK(value_of(stores.first->peaks({}, now())).count == 1);  // an earlier one of the other key
}

TEST_CASE("the peaks of an hour are read from what was written, up to where it is damaged") {
  using sqlite::HourPeaks;
  HourPeaks peaks;
  CHECK(peaks.to_text() == "{}");
  for (const HourPeaks::Peak& peak : std::vector<HourPeaks::Peak>{
           {60, 5}, {4'294'967'295, 4'294'967'295}, {60, 4}, {60, 6}, {1, 0}}) {
    peaks.raise(peak);
  }
  const std::string text = R"({"60":6,"4294967295":4294967295})";
  CHECK(peaks.to_text() == text);
  CHECK(HourPeaks::from_text(1, text).list() == peaks.list());
  for (const char* const damaged : {"", "{", "[]", "null", R"({"60")", R"({"60":)", R"({"60":"5"})",
                                    R"({"60":-5})", R"({"4294967296":1})", R"({60:5})"}) {
    CAPTURE(damaged);
    CHECK(HourPeaks::from_text(1, damaged).list().empty());
  }
  CHECK(HourPeaks::from_text(1, R"({"60":5,"1":)").list() == std::vector<HourPeaks::Peak>{{60, 5}});
}

TEST_CASE("a key is looked up by an index, also within a workspace with many") {
  const SqliteFixture fixture;
  const auto store = fixture.connect();
  const SQLite::Database database(fixture.path().string());
  const auto index_of = [&](const core::KeyFilter& filter) {
    SQLite::Statement plan(
        database,
        "EXPLAIN QUERY PLAN " +
            sql::scan_keys(sqlite::Statements::kDialect, filter, {}, Order::newest_first).sql);
    REQUIRE(plan.executeStep());
    return plan.getColumn("detail").getString();
  };
  const core::KeyIdRange ids = core::KeyIdRange::parse("key_abcd").value();
  CHECK(index_of({.workspace = "w", .name = "n"}).find("keys_by_name") != std::string::npos);
  CHECK(index_of({.name = "n"}).find("keys_by_name") != std::string::npos);
  CHECK(index_of({.workspace = "w", .ids = ids}).find("id>? AND id<?") != std::string::npos);
  CHECK(index_of({.workspace = "w", .hash = core::KeyHash{}}).find("hash=?") != std::string::npos);
  CHECK(index_of({.workspace = "w"}).find("keys_by_workspace") != std::string::npos);
}

TEST_CASE("a large unused limit takes no room beside the store") {
  const SqliteFixture fixture;
  add_keys(fixture.path(), 0, 100, [](Key& key) { key.rate_limit = core::kMaxRateLimit; });
  const auto store = fixture.connect();
  const auto size = [&] {
    return std::filesystem::file_size(fixture.path().string() + "-windows");
  };
  for (std::uint64_t n = 0; n < 100; ++n) {
    REQUIRE(reason(*store, request(n)) == "allowed");
  }
  CHECK(size() < 1'000'000);
  CHECK(admitted(*store, request(0), 10'000) == 10'000);
  CHECK(size() < 1'000'000);
}

TEST_CASE("a store is named by any path to it") {
  const SqliteFixture fixture;
  const auto store = fixture.connect();
  add(*store, 1);
  const auto folder = fixture.path().parent_path();
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_directory_symlink(folder, folder / "sub" / "link");
  for (const auto& path : {folder / "." / "keys.db", folder / "sub" / ".." / "keys.db",
                           folder / "sub" / "link" / "keys.db"}) {
    CAPTURE(path.string());
    const auto other = value_of(open(path.string(), OpenMode::existing));
    CHECK(list(*other).size() == 1);
    CHECK(admitted(*other, request(1), 10) == 10);
  }
  CHECK(decide(*store, request(1), kDryRun).rate_limit->remaining == 70);
}

TEST_CASE("a store that does not exist is not found and not created") {
  const TemporaryDirectory directory;
  for (const std::string_view name : {"keys.db", "none/keys.db"}) {
    CHECK(code_of(open((directory / std::string(name)).string(), OpenMode::existing)) ==
          "not_found");
  }
  CHECK(std::filesystem::is_empty(directory.path()));
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("limits are read as they are parsed, however many texts there are") {
  sqlite::LimitsReader reader;
  for (int pass = 0; pass < 2; ++pass) {
    for (int requests = 1; requests <= 100; ++requests) {
      const std::string text =
          std::to_string(requests) + "/1s " + std::to_string(requests) + "/day";
      CHECK(*reader.read(text) == *core::Limits::from_text(text));
      CHECK_FALSE(reader.read("0/1s"));
    }
  }
}

TEST_CASE("every manipulation of the log is found") {
  const StoresOf<SqliteFixture> stores;
  KeyStore& store = *stores.first;
  for (std::uint64_t n = 1; n <= 6; ++n) {
    add(store, n);
  }
  const auto head = value_of(store.audit_head());
  REQUIRE(check_log(store, head) == "whole");
  std::string found;
  const auto tamper = [&](const std::string& sql) {
    execute(stores.fixture.path(), "PRAGMA ignore_check_constraints = ON; " + sql);
    found = check_log(store, head);
  };
  SUBCASE("an entry is altered") {
    for (const std::string_view change :
         {"actor = 'mallory'", "at = at + 1", "at = -1", "at = 9223372036854775807",
          "details = '{}'", "details = 'nonsense'", "details = CAST(x'FF00' AS TEXT)",
          "subject = ''", "action = 'edit'", "hash = zeroblob(32)", "hash = x'00'"}) {
      CAPTURE(change);
      tamper(
          "SAVEPOINT s; CREATE TABLE copy AS SELECT * FROM audit_log WHERE number = 3;"
          "UPDATE audit_log SET " +
          std::string(change) + " WHERE number = 3; RELEASE s");
      CHECK(has(found, "entry 3 does not continue the chain"));
      tamper("REPLACE INTO audit_log SELECT * FROM copy; DROP TABLE copy");
      CHECK(found == "whole");
    }
    return;
  }
  SUBCASE("an entry is removed") {
    tamper("DELETE FROM audit_log WHERE number = 3");
    CHECK(has(found, "entry 3 is missing"));
  }
  SUBCASE("an entry is removed and the others renumbered") {
    tamper(
        "DELETE FROM audit_log WHERE number = 3; UPDATE audit_log SET number = number - 1"
        " WHERE number = 4; UPDATE audit_log SET number = number - 1 WHERE number > 4");
    CHECK(has(found, "entry 3 does not continue the chain"));
  }
  SUBCASE("an entry is put in") {
    tamper(
        "UPDATE audit_log SET number = -number WHERE number > 2;"
        "UPDATE audit_log SET number = 1 - number WHERE number < 0;"
        "INSERT INTO audit_log SELECT 3, at, action, 'mallory', source, workspace, subject, "
        "details,"
        " hash FROM audit_log WHERE number = 2");
    CHECK(has(found, "entry 3 does not continue the chain"));
  }
  SUBCASE("two entries change places") {
    tamper(
        "UPDATE audit_log SET number = 100 WHERE number = 3;"
        "UPDATE audit_log SET number = 3 WHERE number = 4;"
        "UPDATE audit_log SET number = 4 WHERE number = 100");
    CHECK(has(found, "entry 3 does not continue the chain"));
  }
  SUBCASE("its beginning is cut off") {
    tamper("DELETE FROM audit_log WHERE number < 3");
    CHECK(has(found, "entry 1 is missing"));
  }
  SUBCASE("an entry with an invalid number is inserted at the beginning") {
    tamper(
        "INSERT INTO audit_log SELECT 0, at, action, actor, source, workspace, subject, details,"
        " hash FROM audit_log WHERE number = 1");
    CHECK(found == "whole");  // nobody ever sees it
  }
  SUBCASE("its end is cut off") {
    tamper("DELETE FROM audit_log WHERE number > 4");
    CHECK(has(found, "it ends with entry 4; entry 6 of the known head is missing"));
    CHECK(check_log(store) == "whole");
    // Even if the log has grown since.
    for (std::uint64_t n = 7; n <= 9; ++n) {
      add(store, n);
    }
    CHECK(has(check_log(store, head), "entry 6 differs from the known head"));
  }
  SUBCASE("all of it is removed") {
    tamper("DELETE FROM audit_log");
    CHECK(has(found, "it ends with entry 0"));
  }
}

}  // namespace
}  // namespace nexakey::store::test
