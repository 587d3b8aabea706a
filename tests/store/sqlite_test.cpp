// What only the SQLite backend has to keep.

#include "core/endpoint.h"
#include "tests/store/conformance.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Key;

TEST_CASE("a failed verification does not freeze what the connection sees") {
  const Stores<SqliteFixture> stores;
  const Key key = add(*stores.first, 1);
  add(*stores.first, 2);
  execute(stores.fixture.path(), "UPDATE keys SET whitelist = 'nonsense' WHERE name = 'name-2'");
  const std::vector damaged{request(2)};
  CHECK(code_of(stores.first->verify(damaged, {})) == "store_unavailable");
  CHECK(reason(*stores.first, request(1)) == "allowed");
  CHECK(code_of(stores.first->verify(damaged, {})) == "store_unavailable");
  value_of(stores.second->revoke(std::vector{key.id}, "", now()));
  CHECK(reason(*stores.first, request(1)) == "revoked_key");
}

TEST_CASE("a key that can't be read lets nobody in and hides no other key") {
  const Stores<SqliteFixture> stores;
  add(*stores.first, 1);
  add(*stores.first, 2);
  for (const std::string_view damage : {"labels = '{'", "whitelist = '10.0.0.1/8'"}) {
    CAPTURE(damage);
    execute(stores.fixture.path(),
            "UPDATE keys SET " + std::string(damage) + " WHERE name = 'name-2'");
    CHECK(code_of(stores.first->list({}, {}, now(), [](const Key&) { return true; })) ==
          "store_unavailable");
    CHECK(code_of(stores.first->update(make_key(2).id, {}, now())) == "store_unavailable");
    CHECK(reason(*stores.second, request(1)) == "allowed");
  }
}

TEST_CASE("a key that can't be read can be revoked by its id, and is out of the way then") {
  for (const std::string_view damage :
       {"labels = '{'", "whitelist = '10.0.0.1/8'", "rate_limit = 0", "name = CAST(x'FF' AS TEXT)",
        "scopes = 0", "description = char(7)"}) {
    CAPTURE(damage);
    const Stores<SqliteFixture> stores;
    add(*stores.first, 1);
    execute(stores.fixture.path(), "UPDATE keys SET " + std::string(damage));
    const core::Time at = now();
    const auto revoked = value_of(stores.first->revoke(std::vector{make_key(1).id}, "ill", at));
    REQUIRE(revoked.size() == 1);
    CHECK(revoked[0].id == make_key(1).id);
    CHECK(revoked[0].revoked_at == at);
    const auto listed = list(*stores.second);
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].revoke_reason == "ill");
  }
}

TEST_CASE("a key with numbers that no key has lets nobody in") {
  for (const std::string_view damage :
       {"rate_limit = 0", "rate_limit = -1", "rate_limit = 100001", "rate_limit = 4294967297",
        "id = -1", "id = 1152921504606846976", "id = 9223372036854775807"}) {
    CAPTURE(damage);
    const Stores<SqliteFixture> stores;
    add(*stores.first, 1);
    execute(stores.fixture.path(), "UPDATE keys SET " + std::string(damage));
    CHECK(code_of(stores.first->verify(std::vector{request(1)}, {})) == "store_unavailable");
  }
}

TEST_CASE("paths without number take no room in the store") {
  const Stores<SqliteFixture> stores;
  add(*stores.first, 1);
  for (int i = 0; i < 1000; ++i) {
    CHECK(reason(*stores.first, request(1, "TRACE", "/path-" + std::to_string(i))) ==
          "insufficient_scope");
  }
  CHECK(report(*stores.second).total.requests == 1000);
  CHECK(std::stoul(select(stores.fixture.path(), "SELECT count(*) FROM endpoints")) <=
        2 * (core::kEndpointsPerDay + 1));
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

TEST_CASE("a store that was never made is not found and not made") {
  const TemporaryDirectory directory;
  for (const std::string_view name : {"keys.db", "none/keys.db"}) {
    CHECK(code_of(open((directory / std::string(name)).string(), OpenMode::existing)) ==
          "not_found");
  }
  CHECK(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace nexakey::store::test
