// Tests of PostgreSQL alone.

#include <algorithm>

#include "store/postgres/tables.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;

/// Sends requests one by one, so that each admission has its own time.
std::size_t admitted_one_by_one(KeyStore& store, std::size_t requests) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < requests; ++i) {
    count += decide(store, request(1)).allowed() ? 1 : 0;
  }
  return count;
}

/// Makes all admissions older by a number of seconds, as if that time had passed.
void age(const PostgresFixture& fixture, int by_seconds) {
  const std::string by = std::to_string(by_seconds) + "000000";
  fixture.database().execute(
      "UPDATE nexakey.windows SET times = ARRAY(SELECT t - " + by +
      " FROM unnest(times) AS t); UPDATE nexakey.window_parts SET newest = newest - " + by +
      ", times = ARRAY(SELECT t - " + by + " FROM unnest(times) AS t)");
}

TEST_CASE("a PostgreSQL store keeps how full the windows were at most in each hour") {
  const StoresOf<PostgresFixture> stores;
  const auto& database = stores.fixture.database();
  const auto of_last_hour = [&] {
    return database.select(
        "SELECT concat(peak, ' ', peak_windows, ' ', window_peaks)"
        " FROM nexakey.last_uses");
  };
  const auto of_earlier_hours = [&] {
    return database.select(
        "SELECT string_agg(u.peak_hour - p.hour || ' ' || window_seconds || ' '"
        " || p.peak, ', ' ORDER BY p.hour DESC, window_seconds)"
        " FROM nexakey.peaks AS p JOIN nexakey.last_uses AS u USING (key)");
  };
  const auto set_limits = [&](const std::string& limits) {
    database.execute("UPDATE nexakey.api_keys SET limits = '" + limits +
                     "', stamp = gen_random_uuid()");
  };
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 7) == 7);
  CHECK(of_last_hour() == "7  ");
  set_limits("99/10m");
  CHECK(admitted(*stores.first, request(1), 1) == 1);
  CHECK(of_last_hour() == "8 {600} {8}");
  set_limits("99/5m 99/1h");
  CHECK(admitted(*stores.first, request(1), 2) == 2);
  CHECK(of_last_hour() == "10 {300,600,3600} {10,8,10}");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(of_last_hour() == "11 {300,600,3600} {11,8,11}");
  set_limits("");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(of_last_hour() == "12 {300,600,3600} {11,8,11}");
  CHECK(of_earlier_hours().empty());

  // Without the trigger that moves the peaks.
  const std::string as_it_is = "SET LOCAL session_replication_role = replica;";
  const std::string hour_later =
      as_it_is + "UPDATE nexakey.last_uses SET peak_hour = peak_hour - 1;";
  database.execute(hour_later + "UPDATE nexakey.usage_hours SET day = day - 1");
  CHECK(admitted(*stores.second, request(1), 2) == 2);
  CHECK(of_last_hour() == "14  ");
  CHECK(of_earlier_hours() == "1 60 12, 1 300 11, 1 600 8, 1 3600 11");

  // Counts of the hour were imported, so the first decision does not add the first count.
  database.execute(
      hour_later +
      "UPDATE nexakey.peaks SET hour = hour - 1;"
      "SELECT nexakey.import_usage(array_agg(key), array_agg(day), array_agg(endpoint),"
      " array_agg(hour), array_agg(status), array_agg(requests + 1))"
      " FROM nexakey.usage_hours");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(of_last_hour() == "15  ");
  CHECK(of_earlier_hours() == "1 60 14, 2 60 12, 2 300 11, 2 600 8, 2 3600 11");

  // The clock has gone back to an hour that has counts already.
  database.execute(as_it_is + "UPDATE nexakey.last_uses SET peak_hour = peak_hour + 1, peak = 99");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(of_last_hour() == "16  ");
  CHECK(of_earlier_hours() == "-1 60 99, 1 60 14, 2 60 12, 2 300 11, 2 600 8, 2 3600 11");
  const std::vector response{core::UpstreamResponse{.key = make_key(1).id, .status = 200}};
  value_of(stores.second->record_responses(response));
  CHECK(of_last_hour() == "16  ");
  database.execute(hour_later);
  value_of(stores.second->record_responses(response));
  CHECK(of_last_hour() == "16  ");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(of_earlier_hours().starts_with("-1 60 99, 1 60 16, "));

  // Damage does not fail decisions.
  database.execute(
      hour_later +
      "UPDATE nexakey.last_uses SET peak_windows = '{60,60}', window_peaks = '{1,2,3}'");
  std::string found;
  value_of(check(stores.fixture.url(), now(), [&](const Finding& finding) {
    found += finding.check == "usage" ? finding.found : "";
  }));
  CHECK(found == "the last peaks of 1 key cannot be read");
  CHECK(admitted(*stores.second, request(1), 1) == 1);
  CHECK(value_of(stores.second->peaks({}, now())).count == 1);
}

TEST_CASE("a store whose functions have other parameters was upgraded by a newer program") {
  const StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  // A program without `ends`, as versions before schema 9 called the function.
  const std::string old =
      "SELECT nexakey.decide('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',"
      " '{}', '{}', '{}', true, 8)";
  CHECK_THROWS_WITH_AS(stores.fixture.database().execute(old), doctest::Contains("newer nexakey"),
                       std::exception);
  stores.fixture.database().execute("ALTER FUNCTION nexakey.decide RENAME TO decide_anew");
  const auto verified = stores.first->verify(std::vector{request(1)}, {});
  REQUIRE(!verified);
  CHECK(verified.error().message.find("was upgraded by a newer nexakey") != std::string::npos);
}

TEST_CASE("a window of many times stays exact while they leave") {
  StoresOf<PostgresFixture> stores;
  Key key = make_key(1);
  key.rate_limit = 400;
  add(*stores.first, key);
  const auto remaining = [&] {
    return decide(*stores.second, request(1), kDryRun).rate_limit->remaining;
  };
  CHECK(admitted_one_by_one(*stores.first, 300) == 300);
  age(stores.fixture, 30);
  CHECK(admitted_one_by_one(*stores.second, 150) == 100);
  CHECK(remaining() == 0);
  const auto reset_in = [&] {
    return decide(*stores.first, request(1)).rate_limit->retry_after.value_or(0);
  };
  CHECK(reset_in() <= 30);
  // A lowered limit waits for the one that makes room, which is among the newer ones.
  value_of(stores.first->as(kTester).update(key.id, {.rate_limit = 50}, now()));
  CHECK(remaining() == 0);
  CHECK(reset_in() > 30);
  value_of(stores.first->as(kTester).update(key.id, {.rate_limit = 350}, now()));
  CHECK(reset_in() <= 30);
  age(stores.fixture, 30);  // the first 300 have left
  CHECK(remaining() == 250);
  CHECK(admitted_one_by_one(*stores.first, 300) == 250);
  age(stores.fixture, 30);
  CHECK(remaining() == 100);
  age(stores.fixture, 31);
  CHECK(remaining() == 350);
  CHECK(admitted_one_by_one(*stores.second, 351) == 350);
}

TEST_CASE("windows that all requests have left are emptied, and others stay as they are") {
  StoresOf<PostgresFixture> stores;
  Key key = make_key(1);
  key.rate_limit = 400;
  add(*stores.first, key);
  add(*stores.first, 2);
  CHECK(admitted_one_by_one(*stores.first, 300) == 300);
  const auto tidy = [&] {
    CHECK(value_of(open_served(stores.fixture.url(), OpenMode::existing))->maintain().is_flushed);
  };
  const auto kept = [&] {
    return stores.fixture.database().select(
        "SELECT (SELECT sum(cardinality(times)) FROM nexakey.windows) || ' ' ||"
        " (SELECT count(*) FROM nexakey.window_parts)");
  };
  age(stores.fixture, 30);
  CHECK(decide(*stores.first, request(2)).allowed());
  const std::string before = kept();
  tidy();
  CHECK(kept() == before);
  CHECK(admitted_one_by_one(*stores.first, 10) == 10);
  age(stores.fixture, 30);  // the first 300 have left
  tidy();
  CHECK(kept().ends_with(" 0"));
  CHECK(admitted_one_by_one(*stores.second, 400) == 390);
  age(stores.fixture, 60);
  tidy();
  CHECK(kept() == "0 0");
  CHECK(admitted_one_by_one(*stores.second, 410) == 400);
}

TEST_CASE("the windows of many keys are vacuumed in parts") {
  StoresOf<PostgresFixture> stores;
  stores.fixture.database().execute(
      "INSERT INTO nexakey.windows (key, admitted, times, before)"
      " SELECT n, 1, '{1}', '{0}' FROM generate_series(0, 2499) AS n");
  const auto left = [&] {
    return stores.fixture.database().select(
        "SELECT count(*) FROM nexakey.windows WHERE times <> '{}'");
  };
  for (const char* const expected : {"1500", "500", "0", "0"}) {
    maintain(*stores.first);
    CHECK(left() == expected);
  }
}

TEST_CASE("a server's clock that is set back neither closes a window nor opens it") {
  StoresOf<PostgresFixture> stores;
  Key key = make_key(1);
  key.rate_limit = 10;
  add(*stores.first, key);
  CHECK(admitted_one_by_one(*stores.first, 8) == 8);
  age(stores.fixture, -3600);  // an hour ago it was an hour later
  CHECK(admitted_one_by_one(*stores.second, 5) == 2);
  CHECK(decide(*stores.first, request(1)).rate_limit->retry_after <= 60);
  age(stores.fixture, 61);
  CHECK(admitted_one_by_one(*stores.first, 12) == 10);
}

TEST_CASE("after a crash, a server has empty windows and all counts") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 90) == 90);
  stores.fixture.database().execute("TRUNCATE nexakey.windows, nexakey.window_parts");
  CHECK(admitted(*stores.first, request(1), 120) == 100);
  CHECK(report(*stores.second).total.requests == 210);
}

TEST_CASE("a store is completely in its own schema") {
  const PostgresFixture fixture;
  CHECK(code_of(open(fixture.url(), OpenMode::existing)) == "not_found");
  add(*fixture.connect(), 1);
  CHECK(fixture.database().select("SELECT string_agg(DISTINCT schemaname, ',') FROM pg_tables"
                                  " WHERE schemaname !~ '^(pg_|information_)'") == "nexakey");
  const auto again = value_of(open("postgres" + fixture.url().substr(10), OpenMode::existing));
  CHECK(list(*again).size() == 1);
}

TEST_CASE("a store of a newer nexakey is refused and not changed") {
  const PostgresFixture fixture;
  add(*fixture.connect(), 1);
  fixture.database().execute("INSERT INTO nexakey.migrations VALUES (1000)");
  for (const OpenMode mode : {OpenMode::existing, OpenMode::create_if_missing}) {
    CHECK(code_of(open(fixture.url(), mode)) == "store_unavailable");
  }
}

TEST_CASE("commits are waited for, whatever the role or the database has set") {
  StoresOf<PostgresFixture> stores;
  stores.fixture.database().execute("ALTER DATABASE " + stores.fixture.database().name() +
                                    " SET synchronous_commit = off");
  stores.fixture.database().execute(
      "CREATE TABLE seen (setting text); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN INSERT INTO public.seen VALUES (current_setting(''synchronous_commit''));"
      " RETURN NULL; END';"
      "CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON nexakey.api_keys"
      " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();"
      "CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON nexakey.usage_hours"
      " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()");
  const auto store = stores.fixture.connect();
  add(*store, 1);
  CHECK(reason(*store, request(1)) == "allowed");
  REQUIRE(store->record_responses(
      std::vector{core::UpstreamResponse{.key = make_key(1).id, .status = 200}}));
  CHECK(stores.fixture.database().select(
            "SELECT count(*) || string_agg(DISTINCT setting, ',') FROM seen") == "3on");
}

TEST_CASE("a change is repeated after a deadlock, but not endlessly") {
  const PostgresDatabase database;
  auto connection = value_of(postgres::Session::to(database.url()));
  database.execute(
      "CREATE SCHEMA nexakey; CREATE FUNCTION nexakey.begin_change(integer) RETURNS void"
      " LANGUAGE sql AS ''; CREATE TABLE done (n integer)");
  for (const auto& [deadlocks, done] : {std::pair(0, true), {4, true}, {5, false}}) {
    int attempts = 0;
    const auto change = [&] {
      connection.execute("INSERT INTO done VALUES (1)");
      if (++attempts <= deadlocks) {
        connection.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$");
      }
      return true;
    };
    const auto result = postgres::guarded([&]() -> Result<void> {
      connection.change(change);
      return {};
    });
    CHECK(code_of(result) == (done ? "ok" : "store_unavailable"));
    CHECK(attempts == std::min(deadlocks + 1, 5));
  }
  CHECK(database.select("SELECT count(*) FROM done") == "2");
}

TEST_CASE("a window that something else keeps locked refuses requests about its key only") {
  StoresOf<PostgresFixture> stores;
  for (const std::uint64_t key : {1, 2, 3}) {
    add(*stores.first, key);
  }
  const std::vector requests{request(1), request(2), request(1), request(3)};
  const auto reasons = [&](const VerifyOptions& options) {
    std::vector<std::string> names;
    for (const Verification& verification : value_of(stores.first->verify(requests, options))) {
      names.emplace_back(core::name_of(verification.decision.reason));
    }
    return names;
  };
  const std::vector<std::string> all_allowed(4, "allowed");
  const std::vector<std::string> others_allowed{"busy_key", "allowed", "busy_key", "allowed"};
  CHECK(reasons({}) == all_allowed);
  auto holder = value_of(postgres::Session::to(stores.fixture.url()));
  for (const char* const table : {"windows", "last_uses", "usage_hours"}) {
    CAPTURE(table);
    holder.execute("BEGIN; SELECT FROM nexakey." + std::string(table) +
                   " WHERE key = " + std::to_string(make_key(1).id.bits()) + " FOR UPDATE");
    for (int i = 0; i < 3; ++i) {
      CHECK(reasons({}) == others_allowed);
    }
    CHECK(reasons({.counting = Counting::dry_run}) == all_allowed);
    const auto explained = value_of(stores.first->verify(requests, {.explain = true}));
    CHECK(explained[0].checks.back().found == "the window of the key is locked");
    CHECK(!explained[0].decision.is_counted());
    holder.execute("ROLLBACK");
    CHECK(reasons({}) == all_allowed);
  }
  const auto counted = [&](std::uint64_t key) {
    return report(*stores.second, {.key = make_key(key).id}).total.requests;
  };
  CHECK(counted(1) == 2 * 4);
  CHECK(counted(2) == 1 + 3 * 5);
}

TEST_CASE("upstream responses to a locked key do not keep others from being counted") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  add(*stores.first, 2);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  auto holder = value_of(postgres::Session::to(stores.fixture.url()));
  holder.execute("BEGIN; SELECT FROM nexakey.windows FOR UPDATE");
  const std::vector responses{core::UpstreamResponse{.key = make_key(1).id, .status = 200},
                              core::UpstreamResponse{.key = make_key(2).id, .status = 201}};
  CHECK(code_of(stores.first->record_responses(responses)) == "store_unavailable");
  holder.execute("ROLLBACK");
  const auto counts = [&] {
    return stores.fixture.database().select(
        "SELECT string_agg(requests::text, ' ' ORDER BY status) FROM nexakey.usage_hours"
        " WHERE status >= 1000");
  };
  CHECK(counts() == "1");
  CHECK(code_of(stores.first->record_responses(responses)) == "ok");
  CHECK(counts() == "1 2");
}

TEST_CASE("a key whose first window something else adds does not hold up other keys") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  add(*stores.first, 2);
  auto holder = value_of(postgres::Session::to(stores.fixture.url()));
  holder.execute("BEGIN; INSERT INTO nexakey.windows (key) VALUES (" +
                 std::to_string(make_key(1).id.bits()) + ")");
  const auto verified = value_of(stores.first->verify(std::vector{request(1), request(2)}, {}));
  CHECK(core::name_of(verified[0].decision.reason) == "busy_key");
  CHECK(core::name_of(verified[1].decision.reason) == "allowed");
  holder.execute("ROLLBACK");
  CHECK(reason(*stores.first, request(1)) == "allowed");
}

TEST_CASE("a store does not depend on the settings of the role and the database") {
  const PostgresFixture fixture;
  for (const char* const setting :
       {"bytea_output = escape", "statement_timeout = 60000", "lock_timeout = 1",
        "default_transaction_isolation = serializable", "search_path = ''",
        "standard_conforming_strings = off", "datestyle = 'SQL, DMY'"}) {
    fixture.database().execute("ALTER DATABASE " + fixture.database().name() + " SET " + setting);
  }
  const auto store = fixture.connect();
  add(*store, 1);
  core::Token token;
  token.id = core::TokenId(1);
  token.name = "ci";
  token.hash = make_key(9).hash;
  token.last_four = "0009";
  token.created_at = now();
  value_of(store->as(kTester).create_token(token));
  CHECK(find_token(*store, token.hash) == token);
  CHECK(admitted(*store, request(1), 120) == 100);
  CHECK(list(*store).front().hash == make_key(1).hash);
  const PostgresFixture other;
  const auto target = other.connect();
  const std::string text = export_text(*store);
  import_text(*target, text);
  CHECK(export_text(*target) == text);
  import_text(*store, text);
}

TEST_CASE("a read-only server refuses changes and decides nothing") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  stores.fixture.database().execute("ALTER DATABASE " + stores.fixture.database().name() +
                                    " SET default_transaction_read_only = on");
  const auto store = value_of(open(stores.fixture.url(), OpenMode::existing));
  CHECK(list(*store).size() == 1);
  const auto verified = store->verify(std::vector{request(1)}, {});
  CHECK(code_of(verified) == "store_unavailable");
  CHECK(verified.error().message.find("read-only") != std::string::npos);
  CHECK(code_of(store->as(kTester).revoke(std::vector{make_key(1).id}, "", now())) ==
        "store_unavailable");
}

TEST_CASE("counts during an import are not lost") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 2) == 2);
  std::vector<core::KeyUsage> usage;
  value_of(stores.first->export_records({}, [&](const core::Record& record) {
    if (const auto* const row = std::get_if<core::KeyUsage>(&record)) {
      usage.push_back(*row);
    }
    return true;
  }));
  REQUIRE(!usage.empty());
  auto connection = value_of(postgres::Session::to(stores.fixture.url()));
  connection.change([&] {
    postgres::PostgresTables tables(connection);
    usage[0].requests = 4;
    const auto row = std::span<const core::KeyUsage>(usage).first(1);
    CHECK(tables.counts_of(row).at(0) < 4);
    stores.fixture.database().execute("UPDATE nexakey.usage_hours SET requests = 9");
    tables.set_counts(row);
    return true;
  });
  CHECK(report(*stores.second).total.requests == 9 * usage.size());
}

TEST_CASE("no message contains a part of the password of a URL") {
  for (const std::string& url : std::vector<std::string>{
           "postgresql://admin:hunter2@127.0.0.1:1/keys",
           "postgresql://admin:hunter2@127.0.0.1:1,localhost:2/keys?connect_timeout=1",
           "postgres://admin:hunter2@[/keys", "postgresql://127.0.0.1:1/keys?password=hunter2",
           "postgresql://127.0.0.1:1/keys?Password=hunter2",
           "postgresql://127.0.0.1:1/keys?sslpassword=hunter2&sslmode=x",
           "postgresql://127.0.0.1:1/keys?application_name=hunter2",
           "postgresql://admin:hunter2@/x?y=z", "postgresql:admin:hunter2",
           // Special characters that are not percent-encoded, and what libpq makes of them
           "postgresql://u:p@hunter2:hunter2@127.0.0.1/keys",
           "postgresql://u:p@hunter2@127.0.0.1:1/keys", "postgresql://u:p/hunter2@127.0.0.1:1/keys",
           "postgresql://u:1/hunter2@127.0.0.1:1/keys",
           "postgresql://hunter2:1?user=a@127.0.0.1:1/keys",
           "postgresql://u:p@hunter2?host=x@127.0.0.1:1/keys",
           "postgresql://u:p@hunter2/?user=b@127.0.0.1:1/keys",
           "postgresql://u:p%hunter2@127.0.0.1:1/keys",
           "postgresql://u:p#hunter2@127.0.0.1:1/keys@x",
           "postgresql://127.0.0.1:1/dbname%3Dx%20password%3Dhunter2",
           "postgresql://u%3Ahunter2%40127.0.0.1:1/keys",
           "postgresql:///keys?host=u:hunter2@127.0.0.1", "postgresql:///keys?host=u:hunter2",
           // Connection strings, other schemes, slips of the pen
           "postgresql:host=127.0.0.1 password=hunter2", "host=127.0.0.1 password=hunter2",
           "host=127.0.0.1 PassWord = 'hunter2'", "host=127.0.0.1 password=hunter2:x",
           "host=127.0.0.1 pass=hunter2 user=x", "user=x pw=hunter2",
           "postgresql//admin:hunter2@127.0.0.1/keys", "/postgresql://admin:hunter2@127.0.0.1/keys",
           "//admin:hunter2@127.0.0.1/keys", "sqlite:postgresql://admin:hunter2@127.0.0.1/keys",
           "mysql://admin:hunter2@127.0.0.1/keys", "https://admin:hunter2@127.0.0.1",
           "https://127.0.0.1/?token=hunter2", "http://admin:hunter2@127.0.0.1:1"}) {
    CAPTURE(url);
    const auto opened = open(url, OpenMode::existing);
    REQUIRE(!opened);
    CHECK((opened.error().message + opened.error().hint).find("hunter2") == std::string::npos);
    CHECK(place_of(url).find("hunter2") == std::string::npos);
    const auto checked = check(url, now(), [](const Finding&) {});
    REQUIRE(!checked);
    CHECK((checked.error().message + checked.error().hint).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("the place of a store is shown as its backend reads it") {
  for (const auto& [url, place] : std::vector<std::pair<std::string, std::string>>{
           {"postgresql://a:b@h/d?password=c&sslmode=require", "postgresql://h/d"},
           {"postgres://a:p%40ss@h1:1,h2:2/d", "postgresql://h1,h2:1,2/d"},
           {"postgresql://ann%40corp:x@[2001:db8::7]:5433/d", "postgresql://[2001:db8::7]:5433/d"},
           {"postgresql:///d?host=/run/postgresql&user=a@b", "postgresql:///run/postgresql/d"},
           {"postgresql:///?service=keys", "postgresql:///"},
           {"postgresql://a:p@ss@h/d", "the store URL"},
           {"keys.db", "keys.db"},
           {"sqlite:/srv/a@b:c/keys.db", "/srv/a@b:c/keys.db"},
           {"https://keys.example.com:8443/", "https://keys.example.com:8443"},
           {"unix:/run/nexakey/api.sock", "unix:/run/nexakey/api.sock"},
           {"", "the store URL"}}) {
    CAPTURE(url);
    CHECK(place_of(url) == place);
  }
}

/// A role of the cluster, which is dropped at the end.
class Role {
 public:
  Role(const PostgresFixture& fixture, const std::string& name)
      : database_(fixture.database()), name_(name + "_" + database_.name()) {
    database_.execute("CREATE ROLE " + name_ + " LOGIN");
  }
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;
  ~Role() { database_.execute("DROP OWNED BY " + name_ + "; DROP ROLE " + name_); }

  void grant(const std::string& what) const { database_.execute("GRANT " + what + " TO " + name_); }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    std::string url = database_.url();
    url.replace(url.find("postgres@"), 8, name_);
    return value_of(open(url, OpenMode::existing));
  }

 private:
  const PostgresDatabase& database_;
  std::string name_;
};

TEST_CASE("roles can do what the GRANTs of docs/postgresql.md let them") {
  StoresOf<PostgresFixture> stores;
  add(*stores.first, 1);
  const std::vector ids{make_key(1).id};
  const std::string refused = "store_unavailable";

  const Role verifier(stores.fixture, "verifier");
  verifier.grant("USAGE ON SCHEMA nexakey");
  verifier.grant("SELECT ON nexakey.migrations");
  verifier.grant(
      "EXECUTE ON FUNCTION nexakey.look_up, nexakey.decide, nexakey.report, nexakey.find_token,"
      " nexakey.trusts, nexakey.audit_point, nexakey.vacuum_windows");
  const auto as_verifier = verifier.connect();
  CHECK(reason(*as_verifier, request(1)) == "allowed");
  CHECK(code_of(as_verifier->record_responses(
            std::vector{core::UpstreamResponse{.key = ids[0], .status = 200}})) == "ok");
  CHECK(find_token(*as_verifier, {}) == std::nullopt);
  CHECK(trusts(*as_verifier).empty());
  maintain(*as_verifier);
  CHECK(code_of(as_verifier->list({}, {}, now(), [](const Key&) { return true; })) == refused);
  CHECK(code_of(as_verifier->as(kTester).revoke(ids, "", now())) == refused);
  CHECK(code_of(as_verifier->usage({}, now())) == refused);
  CHECK(code_of(as_verifier->audit_head()) == refused);
  CHECK(code_of(as_verifier->tokens()) == refused);

  const Role auditor(stores.fixture, "auditor");
  auditor.grant("USAGE ON SCHEMA nexakey");
  auditor.grant("SELECT ON ALL TABLES IN SCHEMA nexakey");
  const auto as_auditor = auditor.connect();
  CHECK(list(*as_auditor).size() == 1);
  CHECK(report(*as_auditor).total.requests == 1);
  CHECK(value_of(as_auditor->audit_head()).number == 1);
  CHECK(code_of(as_auditor->tokens()) == "ok");
  CHECK(code_of(as_auditor->as(kTester).revoke(ids, "", now())) == refused);
  CHECK(code_of(as_auditor->verify(std::vector{request(1)}, {})) == refused);
  CHECK(list(*as_auditor).size() == 1);

  const Role admin(stores.fixture, "admin");
  admin.grant("USAGE ON SCHEMA nexakey");
  admin.grant("SELECT ON ALL TABLES IN SCHEMA nexakey");
  admin.grant(
      "INSERT, UPDATE ON nexakey.api_keys, nexakey.api_tokens, nexakey.audit_log, "
      "nexakey.audit_log_head");
  admin.grant("INSERT ON nexakey.tombstones");
  admin.grant("INSERT, UPDATE, DELETE ON nexakey.staged_parts, nexakey.accepted_imports");
  admin.grant("EXECUTE ON ALL FUNCTIONS IN SCHEMA nexakey");
  const auto as_admin = admin.connect();
  add(*as_admin, 2);
  value_of(as_admin->as(kTester).revoke(ids, "", now()));
  CHECK(reason(*as_admin, request(1)) == "revoked_key");
  CHECK(reason(*as_admin, request(2)) == "allowed");

  const std::string text = export_text(*as_auditor);
  CHECK(code_of(as_auditor->as(kTester).stage_import(core::ImportId(1), 0, text, now())) ==
        refused);
  import_text(*as_admin, text);
  const PostgresFixture other;
  const auto target = other.connect();
  // Of the first key what was allowed, answered and refused, and of the second what was allowed.
  CHECK(import_text(*target, text).usage.added == 4);
  CHECK(export_text(*target) == text);

  value_of(as_admin->as(kTester).purge(ids, {.ended_before = now() + std::chrono::hours(1)}, now(),
                                       [](const auto&) { return true; }));
  CHECK(list(*as_auditor).size() == 1);
}

}  // namespace
}  // namespace nexakey::store::test
