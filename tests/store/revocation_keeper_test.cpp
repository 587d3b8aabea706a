// A store with a revocation log: what is logged, and a store that is older than its log.

#include "store/revocation_keeper.h"

#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "core/ids_of.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::KeyId;

#define SQL_STORES SqliteFixture, PostgresFixture

core::Token admin_token() {
  core::Token token = make_token(1);
  token.role = core::Role::admin;
  return token;
}

/// A store with keys and a token, and a log. `without_log`: another process that has no log.
template <typename Fixture>
struct Logged {
  Logged() {
    for (std::uint64_t n = 1; n <= 4; ++n) {
      add(*store, n);
    }
    value_of(store->as(kTester).create_token(admin_token()));
  }

  [[nodiscard]] std::unique_ptr<ServedStore> connect() const {
    return value_of(
        open_served(fixture.url(), OpenMode::create_if_missing, {.revocation_log = path}));
  }
  void execute(const std::string& sql) const {
    if constexpr (std::is_same_v<Fixture, PostgresFixture>) {
      fixture.database().execute(sql);
    } else {
      test::execute(fixture.path(), sql);
    }
  }
  /// Brings the tables to the state with so many entries of the audit log, in which nothing had
  /// ended, as the restore of a backup does.
  void go_back(std::int64_t number) const {
    const std::string n = std::to_string(number);
    const auto table = [&](const char* name) { return fixture.table(name); };
    std::string sql = "UPDATE " + table("api_keys") +
                      " SET revoked_at = NULL, revoke_reason = '', expires_at = NULL; UPDATE " +
                      table("api_tokens") + " SET revoked_at = NULL; DELETE FROM " +
                      table("audit_log") + " WHERE number > " + n;
    if constexpr (std::is_same_v<Fixture, PostgresFixture>) {
      sql += "; UPDATE nexakey.audit_log_head SET number = " + n +
             ", hash = (SELECT hash FROM nexakey.audit_log WHERE number = " + n + ")";
    }
    execute(sql);
  }
  void revoke(std::uint64_t n) const {
    value_of(store->as(kTester).revoke(std::vector{make_key(n).id}, "leaked", now()));
  }
  void expire(std::uint64_t n, std::optional<core::Time> at) const {
    value_of(store->as(kTester).update(make_key(n).id, {.expires_at = std::optional(at)}, now()));
  }
  /// What the log has, in its order: "revoked key_…".
  [[nodiscard]] std::vector<std::string> logged() const {
    std::vector<std::string> found;
    std::ifstream file(path);
    for (std::string word, id, rest; file >> word >> id && std::getline(file, rest);) {
      if (word == "revoked" || word == "expires") {
        found.push_back(word + " " + id);
      }
    }
    return found;
  }
  [[nodiscard]] core::Key find(std::uint64_t n) const {
    return *value_of(store->find(std::vector{make_key(n).id})).front();
  }

  Fixture fixture;
  TemporaryDirectory directory = TemporaryDirectory::in_memory();
  std::filesystem::path path = directory / "revocations";
  std::unique_ptr<ServedStore> store = connect();
};

std::string revoked(std::uint64_t n) { return "revoked " + make_key(n).id.to_string(); }
std::string expires(std::uint64_t n) { return "expires " + make_key(n).id.to_string(); }

/// The code of the error with which a store decides: "ok", if it does.
std::string verified(KeyStore& store, std::uint64_t n = 1) {
  return code_of(store.verify(std::vector{request(n)}, {}));
}

TEST_CASE_TEMPLATE("what ends a key or a token is logged before it is acknowledged", T,
                   SQL_STORES) {
  const Logged<T> logged;
  CHECK_FALSE(std::filesystem::exists(logged.path));
  const auto soon = now() + std::chrono::hours(1);
  logged.revoke(1);
  CHECK(logged.logged() == std::vector{revoked(1)});
  logged.revoke(1);
  logged.expire(2, soon);
  logged.expire(2, soon + std::chrono::hours(1));
  value_of(logged.store->as(kTester).update(make_key(2).id, {.name = "new"}, now()));
  value_of(logged.store->as(kTester).update(make_key(2).id, {.suspended = true}, now()));
  CHECK(logged.logged() == std::vector{revoked(1), expires(2)});

  core::Rotation rotation;
  rotation.successor = make_key(7).id;
  rotation.hash = make_key(7).hash;
  rotation.last_four = "abcd";
  rotation.created_at = now();
  rotation.grace = std::chrono::hours(24);
  value_of(logged.store->as(kTester).rotate(make_key(3).id, rotation, now()));
  rotation.successor = make_key(8).id;
  rotation.hash = make_key(8).hash;
  rotation.grace = std::chrono::seconds(0);
  value_of(logged.store->as(kTester).rotate(make_key(4).id, rotation, now()));
  value_of(logged.store->as(kTester).revoke_tokens(std::vector{admin_token().id}, now()));
  CHECK(logged.logged() == std::vector{revoked(1), expires(2), expires(3), revoked(4),
                                       "revoked " + admin_token().id.to_string()});
  CHECK(code_of(logged.store->check_revocation_log()) == "ok");
}

TEST_CASE_TEMPLATE("a store that is older than its log is not used until the log is applied", T,
                   SQL_STORES) {
  Logged<T> logged;
  const auto soon = now() + std::chrono::hours(1);
  const auto at = now();
  logged.revoke(1);
  logged.expire(2, soon);
  value_of(logged.store->as(kTester).revoke_tokens(std::vector{admin_token().id}, now()));
  const auto running = logged.connect();
  CHECK(reason(*running, request(1)) == "revoked_key");
  logged.go_back(5);

  logged.store = logged.connect();
  KeyStore& store = *logged.store;
  const std::string refused = "store_unavailable";
  CHECK(code_of(logged.store->check_revocation_log()) == refused);
  CHECK(verified(store) == refused);
  CHECK(code_of(logged.store->find_tokens(std::vector{admin_token().hash})) == refused);
  CHECK(code_of(store.as(kTester).revoke(std::vector{make_key(3).id}, "", now())) == refused);
  CHECK(code_of(store.as(kTester).create(make_key(9), CreateMode::always, now())) == refused);
  CHECK(code_of(store.as(kTester).stage_import(core::ImportId(1), 0, "x\n", now())) == refused);
  CHECK(code_of(logged.store->write_revocation_log()) == "outcome_unknown");
  CHECK(list(store).size() == 4);
  // A process that had the store open finds out within a second.
  int tries = 0;
  while (verified(*running) != refused && ++tries < 100) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  CHECK(verified(*running) == refused);

  const auto applied = value_of(logged.store->apply_revocation_log(kTester, now()));
  CHECK(applied == AppliedEndings{.revoked_tokens = 1, .revoked_keys = 1, .expired_earlier = 1});
  for (KeyStore* const user : {&store, static_cast<KeyStore*>(running.get())}) {
    CHECK(reason(*user, request(1)) == "revoked_key");
    CHECK(reason(*user, request(3)) == "allowed");
  }
  CHECK(logged.find(1).revoked_at >= at);
  CHECK(logged.find(2).expires_at == soon);
  CHECK(tokens(store).front().revoked_at >= at);
  CHECK(check_log(store) == "whole");
  CHECK(value_of(store.audit_head()).number == 8);
  const auto again = value_of(logged.store->apply_revocation_log(kTester, now()));
  CHECK(again == AppliedEndings());
  logged.revoke(3);
  CHECK(logged.logged().back() == revoked(3));
}

TEST_CASE_TEMPLATE("a state of another branch is older too", T, SQL_STORES) {
  Logged<T> logged;
  logged.revoke(1);
  logged.revoke(2);
  logged.go_back(5);
  // Another process, without the log, goes on to the same number of entries.
  const auto other = value_of(open_served(logged.fixture.url(), OpenMode::existing));
  for (const std::uint64_t n : {3, 4}) {
    value_of(other->as(kTester).revoke(std::vector{make_key(n).id}, "", now()));
  }
  logged.store = logged.connect();
  CHECK(verified(*logged.store) == "store_unavailable");
  CHECK(value_of(logged.store->apply_revocation_log(kTester, now())).revoked_keys == 2);
  CHECK(reason(*logged.store, request(1)) == "revoked_key");
  // What the other process revoked is in the log now.
  const auto all = logged.logged();
  CHECK(std::set(all.begin(), all.end()) ==
        std::set{revoked(1), revoked(2), revoked(3), revoked(4)});
}

TEST_CASE_TEMPLATE("an expiry that was extended before the backup is not shortened again", T,
                   SQL_STORES) {
  Logged<T> logged;
  logged.expire(2, now() + std::chrono::hours(1));
  logged.expire(2, std::nullopt);
  logged.revoke(3);
  logged.revoke(1);
  logged.go_back(8);  // and revokes key 3 again
  logged.store = logged.connect();
  const auto applied = value_of(logged.store->apply_revocation_log(kTester, now()));
  CHECK(applied == AppliedEndings{.revoked_keys = 2});
  CHECK_FALSE(logged.find(2).expires_at);
}

TEST_CASE_TEMPLATE("what a process did not log, the next one does", T, SQL_STORES) {
  const Logged<T> logged;
  const auto dead = value_of(open_served(logged.fixture.url(), OpenMode::existing));
  value_of(dead->as(kTester).revoke(std::vector{make_key(1).id}, "", now()));
  CHECK(logged.logged().empty());
  SUBCASE("with a change") {
    logged.revoke(2);
    CHECK(logged.logged() == std::vector{revoked(1), revoked(2)});
  }
  SUBCASE("with the same change again") {
    logged.revoke(1);
    CHECK(logged.logged() == std::vector{revoked(1)});
  }
  SUBCASE("as a server") {
    const Maintained done = logged.store->maintain();
    CHECK(done.is_flushed);
    CHECK(done.is_logged == true);
    CHECK(logged.logged() == std::vector{revoked(1)});
    CHECK(value_of(open_served(logged.fixture.url(), OpenMode::existing))->maintain().is_logged ==
          std::nullopt);
  }
  SUBCASE("by restore --check") {
    CHECK(value_of(logged.store->apply_revocation_log(kTester, now())) == AppliedEndings());
    CHECK(logged.logged() == std::vector{revoked(1)});
  }
}

TEST_CASE_TEMPLATE("a revocation that cannot be logged is made, and says so", T, SQL_STORES) {
  Logged<T> logged;
  logged.path = logged.directory / "missing" / "revocations";
  logged.store = logged.connect();
  const auto made = logged.store->as(kTester).revoke(std::vector{make_key(1).id}, "", now());
  REQUIRE(code_of(made) == "outcome_unknown");
  CHECK(made.error().message.starts_with("the change was made, but is not logged: "));
  CHECK(made.error().message.ends_with("No such file or directory"));
  CHECK(logged.store->maintain().is_logged == false);
  CHECK(reason(*logged.store, request(1)) == "revoked_key");
  std::filesystem::create_directory(logged.directory / "missing");
  logged.revoke(2);
  CHECK(logged.logged() == std::vector{revoked(1), revoked(2)});
}

TEST_CASE_TEMPLATE("a damaged log stops decisions, and neither revocations nor a process at work",
                   T, SQL_STORES) {
  Logged<T> logged;
  logged.revoke(1);
  const auto running = logged.connect();
  CHECK(verified(*running) == "ok");
  std::ofstream(logged.path, std::ios::app) << "through the looking glass\n";
  logged.store = logged.connect();
  CHECK(verified(*logged.store) == "store_unavailable");
  CHECK(code_of(logged.store->as(kTester).revoke(std::vector{make_key(2).id}, "", now())) ==
        "outcome_unknown");
  CHECK(reason(*running, request(2)) == "revoked_key");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // it looks again
  CHECK(reason(*running, request(3)) == "allowed");
}

TEST_CASE_TEMPLATE("the log of another store is refused", T, SQL_STORES) {
  const Logged<T> other;
  other.revoke(1);
  Logged<T> logged;
  logged.path = other.path;
  logged.store = logged.connect();
  CHECK(verified(*logged.store) == "store_unavailable");
  CHECK(code_of(logged.store->as(kTester).revoke(std::vector{make_key(2).id}, "", now())) ==
        "store_unavailable");
  CHECK(code_of(logged.store->apply_revocation_log(kTester, now())) == "store_unavailable");
  CHECK(other.logged() == std::vector{revoked(1)});
}

/// Adds so many keys, whose numbers begin with 100.
std::vector<KeyId> add_many(KeyStore& store, std::size_t count) {
  std::vector<core::Key> keys;
  for (std::uint64_t n = 100; n < 100 + count; ++n) {
    keys.push_back(make_key(n));
  }
  add_all(store, keys);
  return core::ids_of(keys);
}

TEST_CASE_TEMPLATE("thousands of revocations are logged in blocks, and applied", T, SQL_STORES) {
  constexpr std::size_t kCount = 1'300;
  Logged<T> logged;
  const std::vector<KeyId> ids = add_many(*logged.store, kCount);
  const auto before = value_of(logged.store->audit_head()).number;
  CHECK(value_of(logged.store->as(kTester).revoke(ids, "", now())).size() == kCount);
  CHECK(logged.logged().size() == kCount);
  logged.go_back(before);
  logged.store = logged.connect();
  CHECK(value_of(logged.store->apply_revocation_log(kTester, now())).revoked_keys == kCount);
  CHECK(reason(*logged.store, request(150)) == "revoked_key");
  CHECK(check_log(*logged.store) == "whole");
}

TEST_CASE_TEMPLATE("if the log cannot be written, all keys are revoked all the same", T,
                   SQL_STORES) {
  constexpr std::size_t kCount = 600;
  Logged<T> logged;
  const std::vector<KeyId> ids = add_many(*logged.store, kCount);
  logged.path = logged.directory / "missing" / "revocations";
  logged.store = logged.connect();
  CHECK(code_of(logged.store->as(kTester).revoke(ids, "", now())) == "outcome_unknown");
  const auto found = value_of(logged.store->find(std::span<const KeyId>(ids)));
  CHECK(std::ranges::all_of(found, [](const auto& key) { return key && key->revoked_at; }));
}

TEST_CASE("a restore applies the log, also what the replaced store had not logged") {
  Logged<SqliteFixture> logged;
  const auto file = logged.directory / "keys.bak";
  std::ofstream(file).close();
  value_of(backup(logged.fixture.url(), file));
  logged.revoke(1);
  {
    const auto unlogged = value_of(open_served(logged.fixture.url(), OpenMode::existing));
    value_of(unlogged->as(kTester).revoke(std::vector{make_key(2).id}, "", now()));
  }
  logged.store.reset();
  const StoreSettings settings{.revocation_log = logged.path};
  SUBCASE("over the store") {
    const auto summary = value_of(restore(logged.fixture.url(), file, kTester, now(), settings));
    CHECK(summary.ended == AppliedEndings{.revoked_keys = 2});
    CHECK(logged.logged() == std::vector{revoked(1), revoked(2)});
  }
  SUBCASE("without the store") {
    std::filesystem::remove(logged.fixture.path());
    const auto summary = value_of(restore(logged.fixture.url(), file, kTester, now(), settings));
    CHECK(summary.ended.revoked_keys == 1);
  }
  logged.store = logged.connect();
  CHECK(verified(*logged.store) == "ok");
  CHECK(reason(*logged.store, request(1)) == "revoked_key");
  CHECK(check_log(*logged.store) == "whole");
}

TEST_CASE_TEMPLATE("the log of a store that began with an import has what was revoked before", T,
                   SQL_STORES) {
  const Logged<T> source;
  source.revoke(1);
  const T fixture;
  const TemporaryDirectory directory = TemporaryDirectory::in_memory();
  const auto open = [&] {
    return value_of(open_served(fixture.url(), OpenMode::create_if_missing,
                                {.revocation_log = directory / "revocations"}));
  };
  const auto store = open();
  import_text(*store, export_text(*source.store));
  value_of(store->as(kTester).revoke(std::vector{make_key(2).id}, "leaked", now()));
  std::ifstream file(directory / "revocations");
  const std::string log((std::istreambuf_iterator<char>(file)), {});
  CHECK(log.find(revoked(1)) != log.npos);
  CHECK(log.find(revoked(2)) != log.npos);
  const auto other = open();
  CHECK(reason(*other, request(2)) == "revoked_key");
  CHECK(reason(*other, request(3)) == "allowed");
  CHECK(value_of(other->apply_revocation_log(kTester, now())) == AppliedEndings{});
}

TEST_CASE("keys that an import revives are revoked again by the log") {
  Logged<SqliteFixture> logged;
  const std::string exported = export_text(*logged.store);
  logged.revoke(1);
  const SqliteFixture other;
  {
    const auto copy = value_of(open_served(other.url(), OpenMode::create_if_missing));
    import_text(*copy, exported);
  }
  // As if the backup of before the key was made had been restored, and the export imported.
  logged.execute("DELETE FROM api_keys");
  logged.store = logged.connect();
  execute(logged.fixture.path(), "DELETE FROM audit_log");
  logged.store = logged.connect();
  value_of(logged.store->apply_revocation_log(kTester, now()));
  import_text(*logged.store, exported);
  CHECK(reason(*logged.store, request(1)) == "allowed");
  CHECK(value_of(logged.store->apply_revocation_log(kTester, now())).revoked_keys == 1);
  CHECK(reason(*logged.store, request(1)) == "revoked_key");
}

}  // namespace
}  // namespace nexakey::store::test
