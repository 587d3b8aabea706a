// Stores of older schemas, and programs that are older than a store.

#include <cstring>
#include <fstream>

#include "store/postgres/migrations.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/schema.h"
#include "tests/store/conformance.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Counts;
using core::Key;

/// The hash of a key in SQL.
std::string sql_hash(const Key& key, const std::string& prefix) {
  return prefix + core::to_hex(key.hash) + "'";
}

/// The first schema with the tables of today.
constexpr std::size_t kRenamed = 5;

/// A key with the number `n` that the schemas from 1 on have, and three requests of it.
std::string sql_key(std::uint64_t n, const std::string& table, const std::string& hash) {
  const Key key = make_key(n);
  return "INSERT INTO " + table +
         " (id, hash, last_four, name, workspace, scopes, whitelist, rate_limit, labels,"
         " description, created_at, revoke_reason) VALUES (" +
         std::to_string(key.id.bits()) + ", " + hash + ", '" + key.last_four + "', '" + key.name +
         "', 'default', 3, '', 100, '', '', " +
         std::to_string(key.created_at.time_since_epoch().count()) + ", '');";
}

/// Makes a store of an older schema with one key that was used three times.
void make_old_store(const std::filesystem::path& path, std::size_t schema) {
  std::string sql = "PRAGMA journal_mode = WAL; PRAGMA application_id = " +
                    std::to_string(sqlite::kApplicationId) +
                    "; PRAGMA user_version = " + std::to_string(schema) + ";";
  for (std::size_t version = 0; version < schema; ++version) {
    sql += sqlite::kMigrations[version];
  }
  const std::string now_in_hours =
      std::to_string(std::chrono::floor<std::chrono::hours>(now().time_since_epoch()).count());
  const bool is_renamed = schema >= kRenamed;
  sql += sql_key(1, is_renamed ? "api_keys" : "keys", sql_hash(make_key(1), "x'")) +
         "INSERT INTO endpoints VALUES (1, 'GET /v1/leads');"
         "INSERT INTO " +
         (is_renamed ? "usage_hours" : "usage") + " VALUES (1, " + now_in_hours +
         ", 1, 200, 2), (1, " + now_in_hours + ", 1, 401, 1); INSERT INTO " +
         (is_renamed ? "last_uses (key, last_at)" : "last_used (key, at)") +
         " VALUES (1, 1700000000000);";
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
}

/// Writes a usage journal of format 1 with `count` requests of the key, of which the tables have
/// none, in the generation 1.
void write_old_journal(const std::filesystem::path& path, std::uint64_t count) {
  constexpr std::size_t kHalf = std::size_t{4} << 20U;
  std::string file(4096 + 2 * kHalf, '\0');
  const auto put = [&](std::size_t at, const auto& value) {
    std::memcpy(file.data() + at, &value, sizeof value);
  };
  const std::string endpoint = "GET /v1/leads";
  constexpr std::size_t kRecord = 40;
  file.replace(0, 8, "nxkuse01");
  file.replace(8, 16, "0123456789abcdef");  // its id
  put(24, std::uint64_t{1});                // the active generation
  put(48, std::uint64_t{1});                // the generation of half 1
  put(56, std::uint64_t{count * kRecord});
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::size_t at = 4096 + kHalf + n * kRecord;
    put(at, make_key(1).id.bits());
    put(at + 8, std::int64_t{now().time_since_epoch().count()});
    put(at + 16, std::uint32_t{1});
    put(at + 20, std::uint16_t{200});
    put(at + 22, static_cast<std::uint16_t>(endpoint.size()));
    file.replace(at + 24, endpoint.size(), endpoint);
  }
  std::ofstream(path, std::ios::binary) << file;
}

TEST_CASE("the counts of an old journal are flushed by the upgrade, once") {
  const SqliteFixture fixture;
  make_old_store(fixture.path(), 4);
  write_old_journal(fixture.path().string() + "-usage", 5);
  for (std::uint64_t opened = 0; opened < 2; ++opened) {
    const auto store = value_of(open(fixture.url(), OpenMode::existing));
    CHECK(report(*store).total == Counts{.requests = 8 + opened, .denied = 1});
    CHECK(reason(*store, request(1)) == "allowed");
  }
}

TEST_CASE("an old journal whose store was upgraded is not counted again") {
  const SqliteFixture fixture;
  make_old_store(fixture.path(), 4);
  value_of(open(fixture.url(), OpenMode::existing));
  // As after a death between the upgrade and the removal of the journal.
  write_old_journal(fixture.path().string() + "-usage", 5);
  const auto store = value_of(open(fixture.url(), OpenMode::existing));
  CHECK(reason(*store, request(1)) == "allowed");
  CHECK(report(*store).total == Counts{.requests = 4, .denied = 1});
}

TEST_CASE("a store of an older schema is upgraded when it is opened") {
  for (std::size_t schema = 1; schema < sqlite::kMigrations.size(); ++schema) {
    CAPTURE(schema);
    const SqliteFixture fixture;
    make_old_store(fixture.path(), schema);
    for (int opened = 0; opened < 2; ++opened) {
      const auto store = value_of(open(fixture.url(), OpenMode::existing));
      CHECK(list(*store).size() == 1);
      CHECK(list(*store).front().last_use ==
            core::LastUse{.at = core::Time(std::chrono::milliseconds(1'700'000'000'000))});
      CHECK(report(*store).total == Counts{.requests = 3, .denied = 1});
      value_of(store->as(kTester).revoke(std::vector{make_key(1).id}, "", now()));
      CHECK(value_of(store->audit_head()).number == 1);
      CHECK(value_of(store->tokens()).empty());
    }
    CHECK(select(fixture.path(), "PRAGMA user_version") == std::to_string(sqlite::newest_schema()));
    CHECK(select(fixture.path(), "SELECT length(id) || ' ' || generation FROM store") == "16 1");
  }
}

/// Whether a result is the error of a store that a newer program has migrated to schema 99.
template <typename T>
bool is_refused(const core::Result<T>& result) {
  return !result && result.error().code == core::ErrorCode::store_unavailable &&
         result.error().message.find("was written by a newer nexakey (schema 99") !=
             std::string::npos;
}

TEST_CASE("a process that has the store open refuses it once a newer one has migrated it") {
  const StoresOf<SqliteFixture> stores;
  const Key key = add(*stores.first, 1);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  execute(stores.fixture.path(), "PRAGMA user_version = 99");
  CHECK(is_refused(stores.first->verify(std::vector{request(1)}, {})));
  CHECK(is_refused(stores.first->find(std::vector{key.id})));
  CHECK(is_refused(stores.first->as(kTester).create(make_key(2), CreateMode::always, now())));
  CHECK(is_refused(stores.first->usage({}, now())));
  CHECK(is_refused(stores.first->audit_head()));
}

/// Makes a store of an older schema in a database.
void make_old_store(const PostgresDatabase& database, std::size_t schema) {
  std::string sql;
  for (std::size_t version = 0; version < schema; ++version) {
    sql += std::string(postgres::kMigrations[version]) +
           ";INSERT INTO nexakey.migrations VALUES (" + std::to_string(version + 1) + ");";
  }
  const std::string id = std::to_string(make_key(1).id.bits());
  const auto hours = std::chrono::floor<std::chrono::hours>(now().time_since_epoch()).count();
  const std::string day = std::to_string(hours / 24);
  const std::string hour = std::to_string(hours % 24);
  const bool is_renamed = schema >= kRenamed;
  sql +=
      sql_key(1, is_renamed ? "nexakey.api_keys" : "nexakey.keys", sql_hash(make_key(1), "'\\x")) +
      "INSERT INTO nexakey." + (is_renamed ? "usage_hours" : "usage") + " VALUES (" + id + ", " +
      day + ", 'GET /v1/leads', " + hour + ", 200, 2), (" + id + ", " + day +
      ", 'GET /v1/leads', " + hour + ", 401, 1);" + "INSERT INTO nexakey." +
      (is_renamed ? "last_uses" : "uses") + " VALUES (" + id + ", 1700000000000, 0, 0);";
  database.execute(sql);
}

TEST_CASE("a PostgreSQL store of an older schema is upgraded and roles keep what they may do") {
  for (std::size_t schema = 3; schema < postgres::kMigrations.size(); ++schema) {
    CAPTURE(schema);
    const PostgresFixture fixture;
    make_old_store(fixture.database(), schema);
    fixture.database().execute(
        "DROP ROLE IF EXISTS old_verifier; CREATE ROLE old_verifier;"
        "GRANT EXECUTE ON FUNCTION nexakey.look_up, nexakey.decide, nexakey." +
        std::string(schema >= kRenamed ? "vacuum_windows" : "tidy_windows") + " TO old_verifier");
    const auto store = value_of(open(fixture.url(), OpenMode::existing));
    CHECK(list(*store).size() == 1);
    CHECK(list(*store).front().last_use ==
          core::LastUse{.at = core::Time(std::chrono::milliseconds(1'700'000'000'000))});
    CHECK(report(*store).total == Counts{.requests = 3, .denied = 1});
    CHECK(reason(*store, request(1)) == "allowed");
    CHECK(fixture.database().select("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc"
                                    " WHERE pronamespace = 'nexakey'::regnamespace"
                                    " AND proacl::text LIKE '%old_verifier%'") ==
          "decide look_up vacuum_windows");
    fixture.database().execute("DROP OWNED BY old_verifier; DROP ROLE old_verifier");
  }
}

TEST_CASE("a process refuses a PostgreSQL store once a newer one has migrated it") {
  const StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  stores.fixture.database().execute("INSERT INTO nexakey.migrations VALUES (99)");
  CHECK(is_refused(stores.first->verify(std::vector{request(1)}, {})));
  CHECK(is_refused(stores.first->tokens()));
  CHECK(is_refused(stores.first->as(kTester).create(make_key(2), CreateMode::always, now())));
  const core::UpstreamResponse response{.key = make_key(1).id, .status = 200};
  CHECK(is_refused(stores.first->record_responses(std::vector{response})));
}

}  // namespace
}  // namespace nexakey::store::test
