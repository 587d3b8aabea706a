// create, update, revoke and workspaces.

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyChange;
using core::KeyId;

const KeyId kNoSuchKey = make_key(999).id;

/// A key with all members.
Key full_key(std::uint64_t n) {
  Key key = make_key(n);
  key.workspace = "sales";
  key.scopes = scopes("write");
  key.whitelist = whitelist({"203.0.113.0/24", "2001:db8::1"});
  key.rate_limit = core::kMaxRateLimit;
  key.expires_at = at("2999-12-31T23:59:59.999Z");
  key.suspended_at = at("2026-02-03T04:05:06.007Z");
  key.revoked_at = at("2026-02-04T00:00:00Z");
  key.revoke_reason = "leaked: 💥 'quoted' \"twice\"";
  key.name = "Zoë's key; DROP TABLE keys";
  key.description = "naïve — 日本語";
  key.labels = {{"team", "crm"}, {"stage", "{\"json\": \"like\"}"}};
  return key;
}

STORE_TEST("a new store is empty", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(list(*stores.first).empty());
  CHECK(value_of(stores.first->workspaces()).empty());
  CHECK(report(*stores.first).total == core::Counts{});
  CHECK(reason(*stores.first, request(1)) == "unknown_key");
}

STORE_TEST("a created key is found with all members on every connection", STORE_FIXTURES) {
  Stores stores(backend);
  for (const Key& key : {make_key(1), full_key(2)}) {
    CHECK(add(*stores.first, key) == key);
    for (KeyStore* const store : {stores.first.get(), stores.second.get()}) {
      const auto found = list(*store, {.ids = core::KeyIdRange{key.id, key.id}});
      REQUIRE(found.size() == 1);
      CHECK(found[0] == key);
    }
  }
}

STORE_TEST("the same key again changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, full_key(1));
  CHECK(add(*stores.second, key) == key);
  CHECK(value_of(stores.first->as(kTester).create(key, CreateMode::unless_named, now())) == key);
  CHECK(list(*stores.first).size() == 1);
}

STORE_TEST("a key that has been used is still the same key", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  const Key used = list(*stores.first).at(0);
  REQUIRE(used.last_use.at);
  CHECK(code_of(stores.first->as(kTester).create(key, CreateMode::always, now())) == "ok");
  CHECK(code_of(stores.second->as(kTester).create(used, CreateMode::always, now())) == "ok");
  CHECK(list(*stores.first).size() == 1);
}

STORE_TEST("a new key was never used", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.last_use.at = at("2026-05-05");
  const Key created = add(*stores.first, key);
  CHECK(created == list(*stores.first).at(0));
  CHECK(code_of(stores.first->as(kTester).create(key, CreateMode::always, now())) == "ok");
}

STORE_TEST("another key with the same id is a conflict", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  Key other = make_key(2);
  other.id = key.id;
  CHECK(code_of(stores.first->as(kTester).create(other, CreateMode::always, now())) == "conflict");
  CHECK(code_of(stores.second->as(kTester).create(other, CreateMode::unless_named, now())) ==
        "conflict");
  Key edited = key;
  edited.description = "another one";
  CHECK(code_of(stores.first->as(kTester).create(edited, CreateMode::always, now())) == "conflict");
  CHECK(list(*stores.first) == std::vector{key});
}

STORE_TEST("another key with the same hash is a conflict", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  Key twin = make_key(2);
  twin.hash = key.hash;
  CHECK(code_of(stores.first->as(kTester).create(twin, CreateMode::always, now())) == "conflict");
  CHECK(code_of(stores.second->as(kTester).create(twin, CreateMode::unless_named, now())) ==
        "conflict");
  CHECK(list(*stores.first) == std::vector{key});
}

STORE_TEST("a key cannot be rotated from or to one that does not exist", STORE_FIXTURES) {
  Stores stores(backend);
  const Key first = add(*stores.first, 1);
  Key orphan = make_key(2);
  SUBCASE("from") { orphan.rotated_from = kNoSuchKey; }
  SUBCASE("by") { orphan.superseded_by = kNoSuchKey; }
  CHECK(code_of(stores.first->as(kTester).create(orphan, CreateMode::always, now())) ==
        "not_found");
  CHECK(list(*stores.second) == std::vector{first});
  // The store can be used after the error.
  Key successor = make_key(3);
  successor.rotated_from = first.id;
  successor.line = first.id;
  CHECK(add(*stores.first, successor) == successor);
  CHECK(reason(*stores.second, request(3)) == "allowed");
}

STORE_TEST("names need not be unique", STORE_FIXTURES) {
  Stores stores(backend);
  Key second = make_key(2);
  second.name = add(*stores.first, 1).name;
  CHECK(add(*stores.first, second) == second);
  CHECK(list(*stores.first).size() == 2);
}

STORE_TEST("unless_named returns the active namesake in place of the key", STORE_FIXTURES) {
  Stores stores(backend);
  const Key first = add(*stores.first, 1);
  Key second = make_key(2);
  second.name = first.name;
  CHECK(value_of(stores.second->as(kTester).create(second, CreateMode::unless_named, now())) ==
        first);
  CHECK(list(*stores.first) == std::vector{first});

  SUBCASE("but not one of another workspace") { second.workspace = "sales"; }
  SUBCASE("but not one of another name") { second.name = first.name + "x"; }
  SUBCASE("but not one that is revoked") {
    value_of(stores.first->as(kTester).revoke(std::vector{first.id}, "", now()));
  }
  SUBCASE("but not one that is suspended") {
    value_of(stores.first->as(kTester).update(first.id, {.suspended = true}, now()));
  }
  SUBCASE("but not one that has expired") {
    value_of(stores.first->as(kTester).update(first.id, {.expires_at = at("2026-01-03")}, now()));
  }
  CHECK(value_of(stores.second->as(kTester).create(second, CreateMode::unless_named, now())).id ==
        (second == make_key(2) ? first.id : second.id));
}

STORE_TEST("unique refuses a key whose name refers to another key", STORE_FIXTURES) {
  Stores stores(backend);
  const Key first = add(*stores.first, 1);
  Key second = make_key(2);
  second.name = first.name;
  const auto create = [&] {
    return stores.second->as(kTester).create(second, CreateMode::unique, now());
  };
  CHECK(code_of(create()) == "conflict");
  CHECK(list(*stores.first) == std::vector{first});

  SUBCASE("but not one of another workspace") { second.workspace = "sales"; }
  SUBCASE("but not one of another name") { second.name = first.name + "x"; }
  SUBCASE("but not one that is revoked") {
    value_of(stores.first->as(kTester).revoke(std::vector{first.id}, "", now()));
  }
  SUBCASE("but not one that has expired") {
    value_of(stores.first->as(kTester).update(first.id, {.expires_at = at("2026-01-03")}, now()));
  }
  SUBCASE("also one that is suspended") {
    value_of(stores.first->as(kTester).update(first.id, {.suspended = true}, now()));
    CHECK(code_of(create()) == "conflict");
    return;
  }
  CHECK(value_of(create()) == second);
  CHECK(value_of(create()) == second);  // the same key again changes nothing
}

STORE_TEST("each part of a key can be changed and the rest stays", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = full_key(1);
  key.revoked_at.reset();
  key.suspended_at.reset();
  key.revoke_reason.clear();
  add(*stores.first, key);
  add(*stores.first, 2);
  KeyChange change;
  Key expected = key;
  SUBCASE("name") { expected.name = *(change.name = "other"); }
  SUBCASE("description") { expected.description = *(change.description = ""); }
  SUBCASE("scopes") { expected.scopes = *(change.scopes = scopes("read")); }
  SUBCASE("expiry") { expected.expires_at = *(change.expires_at = at("2027-01-01")); }
  SUBCASE("no expiry") {
    change.expires_at.emplace(std::nullopt);
    expected.expires_at.reset();
  }
  SUBCASE("rate limit") { expected.rate_limit = *(change.rate_limit = 7); }
  SUBCASE("labels") {
    change.labels = {{"team", "sales"}, {"stage", ""}, {"new", "yes"}};
    expected.labels = {{"team", "sales"}, {"new", "yes"}};
  }
  SUBCASE("whitelist") {
    change.allow = whitelist({"198.51.100.7"});
    change.disallow = whitelist({"2001:db8::1"});
    expected.whitelist = whitelist({"198.51.100.7", "203.0.113.0/24"});
  }
  SUBCASE("an open whitelist") {
    change.disallow = key.whitelist;
    change.may_open = true;
    expected.whitelist = {};
  }
  SUBCASE("suspension") {
    change.suspended = true;
    expected.suspended_at = at("2026-06-06");
  }
  SUBCASE("all of it") {
    change = {.name = "other",
              .description = "text",
              .scopes = scopes("read,write"),
              .rate_limit = 1,
              .suspended = true};
    expected.name = "other";
    expected.description = "text";
    expected.scopes = scopes("read,write");
    expected.rate_limit = 1;
    expected.suspended_at = at("2026-06-06");
  }
  const auto changed = value_of(stores.first->as(kTester).update(key.id, change, at("2026-06-06")));
  REQUIRE(changed);
  if (expected.suspended_at) {
    CHECK(is_time_of_change(stores.fixture, changed->suspended_at, *expected.suspended_at));
    expected.suspended_at = changed->suspended_at;
  }
  CHECK(*changed == expected);
  CHECK(list(*stores.second) == std::vector{make_key(2), expected});
}

STORE_TEST("suspending twice keeps the first time and resuming clears it", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const auto first =
      value_of(stores.first->as(kTester).update(key.id, {.suspended = true}, at("2026-06-06")));
  REQUIRE(first);
  CHECK(is_time_of_change(stores.fixture, first->suspended_at, at("2026-06-06")));
  CHECK(value_of(stores.second->as(kTester).update(key.id, {.suspended = true},
                                                   at("2026-07-07"))) == first);
  CHECK(value_of(stores.second->as(kTester).update(key.id, {.suspended = false}, now())) == key);
}

STORE_TEST("changing a key that does not exist is not an error", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  CHECK(value_of(stores.first->as(kTester).update(kNoSuchKey, {.name = "x"}, now())) ==
        std::nullopt);
}

STORE_TEST("a change that is refused changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.whitelist = whitelist({"203.0.113.0/24"});
  KeyChange change{.name = "other", .rate_limit = 1};
  std::string code;
  SUBCASE("because the key is revoked") {
    key.revoked_at = at("2026-02-02");
    code = "conflict";
  }
  SUBCASE("because it would open the whitelist") {
    change.disallow = key.whitelist;
    code = "confirmation_required";
  }
  SUBCASE("because an address to remove is missing") {
    change.disallow = whitelist({"192.0.2.1"});
    code = "not_found";
  }
  add(*stores.first, key);
  CHECK(code_of(stores.first->as(kTester).update(key.id, change, now())) == code);
  CHECK(list(*stores.second) == std::vector{key});
}

STORE_TEST("revoking returns the keys in the given order", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    add(*stores.first, n);
  }
  const std::vector ids{make_key(2).id, make_key(4).id, make_key(1).id, make_key(2).id};
  const auto revoked = value_of(stores.first->as(kTester).revoke(ids, "leaked", at("2026-06-06")));
  REQUIRE(revoked.size() == ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(revoked[i].id == ids[i]);
    CHECK(is_time_of_change(stores.fixture, revoked[i].revoked_at, at("2026-06-06")));
    CHECK(revoked[i].revoke_reason == "leaked");
  }
  const core::KeyFilter active{.status = core::KeyStatus::active};
  CHECK(list_names(*stores.second, active) == std::vector<std::string>{"name-3"});
  CHECK(value_of(stores.first->as(kTester).revoke({}, "", now())).empty());
}

STORE_TEST("revoking is all or none", STORE_FIXTURES) {
  Stores stores(backend);
  const Key first = add(*stores.first, 1);
  const Key second = add(*stores.first, 2);
  const auto revoked =
      stores.first->as(kTester).revoke(std::vector{first.id, second.id, kNoSuchKey}, "", now());
  CHECK(code_of(revoked) == "not_found");
  CHECK(list(*stores.second) == std::vector{second, first});
  CHECK(reason(*stores.first, request(1)) == "allowed");
}

STORE_TEST("revoking twice keeps the first time and reason", STORE_FIXTURES) {
  Stores stores(backend);
  const std::vector ids{add(*stores.first, 1).id};
  const auto first = value_of(stores.first->as(kTester).revoke(ids, "leaked", at("2026-06-06")));
  CHECK(value_of(stores.second->as(kTester).revoke(ids, "again", at("2026-07-07"))) == first);
  CHECK(list(*stores.first) == first);
}

STORE_TEST("a revoked key stays revoked when it is created again", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "leaked", now()));
  CHECK(code_of(stores.first->as(kTester).create(key, CreateMode::always, now())) == "conflict");
  CHECK(reason(*stores.second, request(1)) == "revoked_key");
}

STORE_TEST("workspaces are those with keys and sorted", STORE_FIXTURES) {
  Stores stores(backend);
  std::uint64_t n = 0;
  for (const std::string_view workspace : {"sales", "Zebra", "crm", "sales", "default"}) {
    Key key = make_key(++n);
    key.workspace = workspace;
    add(*stores.first, key);
  }
  value_of(stores.first->as(kTester).revoke(std::vector{make_key(3).id}, "", now()));
  CHECK(value_of(stores.second->workspaces()) ==
        std::vector<std::string>{"Zebra", "crm", "default", "sales"});
}

}  // namespace
}  // namespace nexakey::store::test
