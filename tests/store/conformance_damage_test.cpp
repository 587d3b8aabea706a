// A damaged row affects its own key or token, and nothing else.

#include "store/open.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;

std::vector<std::string> reasons(KeyStore& store, const std::vector<core::Request>& requests) {
  std::vector<std::string> reasons;
  for (const Verification& verification : value_of(store.verify(requests, {}))) {
    reasons.emplace_back(name_of(verification.decision.reason));
  }
  return reasons;
}

Key find(KeyStore& store, std::uint64_t n) {
  const core::KeyId id = make_key(n).id;
  return value_of(store.find(std::span(&id, 1))).front().value();
}

STORE_TEST("a key that cannot be decoded denies its own requests only", SQL_FIXTURES) {
  for (const std::string column :
       {"whitelist = '10.0.0.1/8'", "rate_limit = 0", "rate_limit = -1", "rate_limit = 100001",
        "scopes = 0", "scopes = 4", "expires_at = 9223372036854775807", "revoked_at = -1",
        "suspended_at = 253402300800000"}) {
    CAPTURE(column);
    Stores stores(backend);
    add(*stores.first, 1);
    add(*stores.first, 2);
    stores.fixture.damage("api_keys SET " + column + " WHERE name = 'name-2'");
    const std::string name = column.substr(0, column.find(' '));

    const std::vector requests{request(1), request(2), request(1)};
    for (int i = 0; i < 2; ++i) {
      CHECK(reasons(*stores.first, requests) ==
            std::vector<std::string>{"allowed", "damaged_key", "allowed"});
    }
    CHECK(report(*stores.second).total.requests == 4);

    CHECK(list_names(*stores.second) == std::vector<std::string>{"name-2", "name-1"});
    const Key damaged = find(*stores.second, 2);
    CHECK(damaged.status(now()) == core::KeyStatus::damaged);
    CHECK(damaged.damage == std::vector{name});
    CHECK(list(*stores.first, {.status = core::KeyStatus::damaged}) == std::vector{damaged});

    core::KeyChange rename;
    rename.name = "other";
    CHECK(code_of(stores.first->as(kTester).update(damaged.id, rename, now())) == "conflict");
    // Not `store_unavailable`: a client of a server would wait, and try again.
    const auto exported =
        stores.first->export_records({}, [](const core::Record&) { return true; });
    CHECK(code_of(exported) == "conflict");

    value_of(stores.first->as(kTester).revoke(std::vector{damaged.id}, "damaged", now()));
    CHECK(reasons(*stores.second, requests) ==
          std::vector<std::string>{"allowed", "revoked_key", "allowed"});
    const Key revoked = find(*stores.first, 2);
    CHECK(revoked.revoke_reason == "damaged");
    // Only the columns of the revocation were written.
    CHECK(revoked.damage ==
          (name == "revoked_at" ? std::vector<std::string>() : std::vector{name}));
    value_of(stores.first->export_records({}, [](const core::Record&) { return true; }));
  }
}

STORE_TEST("damage that does not affect decisions only marks the key", SQL_FIXTURES) {
  for (const std::string column : {"labels = '{'", "description = '\x07'", "created_at = -1",
                                   "last_four = '\x1b[2J'", "rotated_from = id"}) {
    CAPTURE(column);
    Stores stores(backend);
    add(*stores.first, 1);
    stores.fixture.damage("api_keys SET " + column);
    CHECK(reason(*stores.first, request(1)) == "allowed");
    const Key key = find(*stores.second, 1);
    CHECK(key.status(now()) == core::KeyStatus::active);
    if (column != "rotated_from = id") {
      CHECK(key.damage == std::vector{column.substr(0, column.find(' '))});
      CHECK(code_of(stores.first->as(kTester).update(key.id, {}, now())) == "conflict");
    }
  }
}

STORE_TEST("a damaged key is revoked together with others", SQL_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  stores.fixture.damage("api_keys SET whitelist = 'nonsense' WHERE name = 'name-2'");
  const std::vector ids{make_key(1).id, make_key(2).id};
  CHECK(value_of(stores.first->as(kTester).revoke(ids, "leaked", now())).size() == 2);
  CHECK(reasons(*stores.second, {request(1), request(2)}) ==
        std::vector<std::string>{"revoked_key", "revoked_key"});
}

/// What the check of a store says of these problems.
std::vector<std::string> complaints(const Stores& stores, std::string_view name) {
  std::vector<std::string> found;
  value_of(check(stores.fixture.url(), now(), [&](const Finding& finding) {
    if (finding.check == name && finding.status != Health::ok) {
      found.push_back(finding.found);
    }
  }));
  return found;
}

STORE_TEST("the check of a store names each damaged key", LOCAL_SQL_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  stores.fixture.damage("api_keys SET rate_limit = 0 WHERE name = 'name-2'");
  const auto problems = complaints(stores, "keys");
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find(make_key(2).id.to_string()) != std::string::npos);
  CHECK(problems.front().find("rate_limit") != std::string::npos);
}

STORE_TEST("the check of a store names keys of a rotation that do not belong together",
           LOCAL_SQL_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  CHECK(complaints(stores, "rotations").empty());
  stores.fixture.damage("api_keys SET superseded_by = id WHERE name = 'name-2'");
  const auto problems = complaints(stores, "rotations");
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find(make_key(2).id.to_string()) != std::string::npos);
}

STORE_TEST("the check of a store finds invalid counts", LOCAL_SQL_FIXTURES) {
  for (const std::string_view damage : {"requests = -1", "requests = 9007199254740992", "late"}) {
    CAPTURE(damage);
    Stores stores(backend);
    add(*stores.first, 1);
    CHECK(reasons(*stores.first, {request(1)}) == std::vector<std::string>{"allowed"});
    CHECK(report(*stores.second).total.requests == 1);
    CHECK(complaints(stores, "usage").empty());
    stores.fixture.damage("usage_hours SET " +
                          (damage == "late" ? stores.fixture.late_hour() : std::string(damage)));
    CHECK(complaints(stores, "usage") == std::vector<std::string>{"1 counts are invalid"});
  }
}

STORE_TEST("a damaged token grants nothing and can be revoked", LOCAL_SQL_FIXTURES) {
  Stores stores(backend);
  core::Token token;
  token.id = core::TokenId(7);
  token.name = "ci";
  token.hash = core::hash_credential("token");
  token.last_four = "abcd";
  token.created_at = at("2026-01-02");
  value_of(stores.first->as(kTester).create_token(token));
  stores.fixture.damage("api_tokens SET role = 'king'");
  const auto found = find_token(*stores.second, token.hash);
  REQUIRE(found);
  CHECK(!found->is_active(now()));
  CHECK(found->status(now()) == "damaged");
  CHECK(tokens(*stores.first) == std::vector{*found});
  value_of(stores.first->as(kTester).revoke_tokens(std::vector{token.id}, now()));
  CHECK(find_token(*stores.second, token.hash)->status(now()) == "revoked");
}

STORE_TEST("a count at the end of its range does not end the counting", LOCAL_SQL_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  const std::vector requests{request(1), request(2)};
  CHECK(reasons(*stores.first, requests) == std::vector<std::string>{"allowed", "allowed"});
  CHECK(report(*stores.second).total.requests == 2);
  stores.fixture.damage("usage_hours SET requests = 9223372036854775807 WHERE key = (SELECT " +
                        stores.fixture.usage_key() + " FROM " + stores.fixture.table("api_keys") +
                        " WHERE name = 'name-2')");
  CHECK(reasons(*stores.first, requests) == std::vector<std::string>{"allowed", "allowed"});
  CHECK(report(*stores.second, {.key = make_key(1).id}).total.requests == 2);
  CHECK(report(*stores.second, {.key = make_key(2).id}).total.requests >= core::kMaxCount - 2);
  CHECK(reasons(*stores.first, requests) == std::vector<std::string>{"allowed", "allowed"});
  CHECK(report(*stores.second, {.key = make_key(1).id}).total.requests == 3);
}

}  // namespace
}  // namespace nexakey::store::test
