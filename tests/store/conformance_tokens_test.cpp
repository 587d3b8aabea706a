// Tokens, upstream responses, and maintenance.

#include "core/endpoint.h"
#include "tests/store/conformance.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Counts;
using core::Grouping;
using core::Key;
using core::Token;
using core::TokenId;
using core::UpstreamResponse;

Token add_token(KeyStore& store, const Token& token) {
  return value_of(store.as(kTester).create_token(token));
}

Token make_trust(std::uint64_t n) {
  Token trust = make_token(n);
  trust.role = core::Role::creator;
  trust.trust = core::Trust{.issuer = "https://issuer.example.com",
                            .audience = "keys",
                            .claims = {{"sub", "repo:acme/api"}, {"ref", "Zoë's \"x\""}}};
  trust.hash = core::hash_of_trust(trust.id);
  return trust;
}

STORE_TEST("a token is stored with all members", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(tokens(*stores.first).empty());
  CHECK(find_token(*stores.first, make_token(1).hash) == std::nullopt);
  std::vector<Token> made{make_token(1), make_token(2), make_token(3), make_token(4)};
  made[0].role = core::Role::verifier;
  made[1].role = core::Role::auditor;
  made[1].workspace = "acme";
  made[1].name = "Zoë's \"x\"";
  made[2].role = core::Role::admin;
  made[2].expires_at = at("2027-01-01T00:00:00.001Z");
  made[3].expires_at = at("2026-02-01");
  made[3].revoked_at = at("2026-01-03T00:00:00.999Z");
  made.push_back(make_trust(5));
  for (const Token& token : made) {
    CHECK(add_token(*stores.first, token) == token);
  }
  // Active or not, and on every connection.
  for (const Token& token : made) {
    CHECK(find_token(*stores.first, token.hash) == token);
    CHECK(find_token(*stores.second, token.hash) == token);
  }
  CHECK(find_token(*stores.second, core::hash_credential("other")) == std::nullopt);
  const std::vector<Token> newest_first(made.rbegin(), made.rend());
  CHECK(tokens(*stores.first) == newest_first);
  CHECK(tokens(*stores.second) == newest_first);
  CHECK(list(*stores.second).empty());
}

STORE_TEST("the trusts that are not revoked are found, newest first", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(trusts(*stores.first).empty());
  add_token(*stores.first, make_token(1));
  for (const std::uint64_t n : {4U, 2U, 3U}) {
    add_token(*stores.first, make_trust(n));
  }
  CHECK(trusts(*stores.second) == std::vector<Token>{make_trust(4), make_trust(3), make_trust(2)});
  value_of(stores.first->as(kTester).revoke_tokens(std::vector{make_trust(3).id}, now()));
  CHECK(trusts(*stores.second) == std::vector<Token>{make_trust(4), make_trust(2)});
}

STORE_TEST("tokens are listed newest first, in any order of creation", STORE_FIXTURES) {
  Stores stores(backend);
  for (const std::uint64_t n : {3U, 1U, 4U, 2U}) {
    add_token(*stores.first, make_token(n));
  }
  // With the same creation time, but added later.
  Token twin = make_token(5);
  twin.created_at = make_token(4).created_at;
  add_token(*stores.second, twin);
  std::vector<std::string> names;
  for (const Token& token : tokens(*stores.first)) {
    names.push_back(token.name);
  }
  CHECK(names == std::vector<std::string>{"token-5", "token-4", "token-3", "token-2", "token-1"});
}

STORE_TEST("the same token again changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  for (int i = 0; i < 2; ++i) {
    CHECK(add_token(*stores.first, make_token(1)) == make_token(1));
    CHECK(add_token(*stores.second, make_token(1)) == make_token(1));
  }
  CHECK(tokens(*stores.second) == std::vector{make_token(1)});
}

STORE_TEST("another token with the same id or hash is a conflict", STORE_FIXTURES) {
  Stores stores(backend);
  add_token(*stores.first, make_token(1));
  Token same_id = make_token(2);
  same_id.id = make_token(1).id;
  Token same_hash = make_token(2);
  same_hash.hash = make_token(1).hash;
  Token other_role = make_token(1);
  other_role.role = core::Role::admin;
  for (const Token& token : {same_id, same_hash, other_role}) {
    CHECK(code_of(stores.second->as(kTester).create_token(token)) == "conflict");
    CHECK(tokens(*stores.first) == std::vector{make_token(1)});
  }
  // Names need not be unique.
  Token same_name = make_token(2);
  same_name.name = make_token(1).name;
  add_token(*stores.second, same_name);
  CHECK(tokens(*stores.first).size() == 2);
}

STORE_TEST("tokens are revoked all or none", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    add_token(*stores.first, make_token(n));
  }
  const auto before = tokens(*stores.first);
  for (const std::vector<TokenId>& ids :
       {std::vector{make_token(1).id, make_token(99).id},
        std::vector{make_token(99).id, make_token(1).id},
        std::vector{make_token(1).id, make_token(2).id, make_token(3).id, TokenId()}}) {
    CHECK(code_of(stores.first->as(kTester).revoke_tokens(ids, now())) == "not_found");
    CHECK(tokens(*stores.first) == before);
    CHECK(tokens(*stores.second) == before);
  }
  CHECK(value_of(stores.first->as(kTester).revoke_tokens({}, now())).empty());

  const core::Time time = at("2026-06-01T12:00:00.123Z");
  const std::vector ids{make_token(3).id, make_token(1).id};
  const auto revoked = value_of(stores.first->as(kTester).revoke_tokens(ids, time));
  REQUIRE(revoked.size() == 2);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(revoked[i].id == ids[i]);
    CHECK(is_time_of_change(stores.fixture, revoked[i].revoked_at, time));
    CHECK(find_token(*stores.second, revoked[i].hash) == revoked[i]);
  }
  CHECK(find_token(*stores.second, make_token(2).hash) == make_token(2));
}

STORE_TEST("a token that is revoked already keeps its time", STORE_FIXTURES) {
  Stores stores(backend);
  add_token(*stores.first, make_token(1));
  add_token(*stores.first, make_token(2));
  const auto first = value_of(
      stores.first->as(kTester).revoke_tokens(std::vector{make_token(1).id}, at("2026-06-01")));
  const core::Time later = at("2026-06-02");
  const std::vector ids{make_token(1).id, make_token(2).id, make_token(1).id};
  const auto revoked = value_of(stores.second->as(kTester).revoke_tokens(ids, later));
  REQUIRE(revoked.size() == 3);
  CHECK(is_time_of_change(stores.fixture, first.at(0).revoked_at, at("2026-06-01")));
  CHECK(revoked[0] == first[0]);
  CHECK(is_time_of_change(stores.fixture, revoked[1].revoked_at, later));
  CHECK(revoked[2] == revoked[0]);
  CHECK(find_token(*stores.first, make_token(1).hash) == first[0]);
  // A revoked token differs from the one that was created.
  CHECK(code_of(stores.first->as(kTester).create_token(make_token(1))) == "conflict");
}

void succeed(const Result<void>& result) { REQUIRE(result.has_value()); }

UpstreamResponse answer(std::uint64_t key, int status, std::string path = "/") {
  return {.key = make_key(key).id,
          .method = "GET",
          .path = std::move(path),
          .status = status,
          .workspace = {}};
}

STORE_TEST("upstream responses are counted beside the decisions", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 4;
  add(*stores.first, key);
  CHECK(admitted(*stores.first, request(1, "GET", "/v1/leads/7"), 5) == 4);
  succeed(stores.second->record_responses(
      std::vector{answer(1, 200, "/v1/leads/7?x=y"), answer(1, 404, "/v1/leads/8"),
                  answer(1, 502, "/v1/leads/9"), answer(1, 502, "/other")}));
  succeed(stores.second->record_responses({}));
  const Counts total{.requests = 5, .denied = 1, .rate_limited = 1, .upstream_errors = 3};
  for (KeyStore* const store : {stores.first.get(), stores.second.get()}) {
    const auto usage = report(*store);
    CHECK(usage.total == total);
    CHECK(usage.total.errors() == 4);
    CHECK(usage.error_rate() == doctest::Approx(0.8));
    CHECK(by_name(usage) ==
          std::map<std::string, Counts>{
              {"GET /v1/leads/{id}",
               {.requests = 5, .denied = 1, .rate_limited = 1, .upstream_errors = 2}},
              {"GET /other", {.upstream_errors = 1}}});
    CHECK(by_name(report(*store, {.by = Grouping::status})) ==
          std::map<std::string, Counts>{{"200", {.requests = 4}},
                                        {"429", {.requests = 1, .denied = 1, .rate_limited = 1}},
                                        {"upstream 200", {.requests = 1}},
                                        {"upstream 404", {.requests = 1, .upstream_errors = 1}},
                                        {"upstream 502", {.requests = 2, .upstream_errors = 2}}});
    CHECK(report(*store, {.key = key.id}).total == total);
    CHECK(report(*store, {.workspace = "none"}).total == Counts());
  }
}

STORE_TEST("upstream responses about unknown keys are dropped", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  succeed(
      stores.first->record_responses(std::vector{answer(2, 500), answer(1, 500), answer(3, 200)}));
  const auto usage = report(*stores.second);
  CHECK(usage.total == Counts{.upstream_errors = 1});
  CHECK(by_name(usage) == std::map<std::string, Counts>{{"GET /", {.upstream_errors = 1}}});
}

STORE_TEST("upstream responses that name another workspace are dropped", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.workspace = "sales";
  add(*stores.first, key);
  add(*stores.first, 2);
  std::vector<UpstreamResponse> answers;
  for (const char* const workspace : {"sales", "default", "none"}) {
    for (const std::uint64_t n : {1, 2, 3}) {
      answers.push_back(answer(n, 500, std::string("/") + workspace));
      answers.back().workspace = workspace;
    }
  }
  answers.push_back(answer(1, 500, "/any"));
  succeed(stores.first->record_responses(answers));
  const auto groups = [&](std::uint64_t n) {
    return by_name(report(*stores.second, {.key = make_key(n).id}));
  };
  const Counts one{.upstream_errors = 1};
  CHECK(groups(1) == std::map<std::string, Counts>{{"GET /sales", one}, {"GET /any", one}});
  CHECK(groups(2) == std::map<std::string, Counts>{{"GET /default", one}});
}

STORE_TEST("an upstream response is not a use of a key", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  CHECK(reason(*stores.first, request(2)) == "allowed");
  const auto used = list(*stores.second).at(0).last_use.at;
  REQUIRE(used);
  while (now() <= *used + std::chrono::milliseconds(2)) {
  }
  succeed(
      stores.first->record_responses(std::vector{answer(1, 200), answer(2, 500), answer(2, 200)}));
  for (KeyStore* const store : {stores.first.get(), stores.second.get()}) {
    CHECK(report(*store).total == Counts{.requests = 1, .upstream_errors = 1});
    CHECK(list(*store).at(0).last_use.at == used);
    CHECK(list(*store).at(1).last_use.at == std::nullopt);
  }
  // It does not occupy the window either.
  CHECK(decide(*stores.first, request(2), kDryRun).rate_limit->remaining == 99);
}

STORE_TEST("one call takes many upstream responses", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  std::uint64_t reported = 0;
  for (const std::size_t count : {63U, 64U, 65U, 128U, 1000U}) {
    std::vector<UpstreamResponse> answers;
    for (std::size_t i = 0; i < count; ++i) {
      answers.push_back(answer(1 + i % 2, 500, "/path-" + std::to_string(i % 50)));
    }
    succeed(stores.first->record_responses(answers));
    reported += count;
    CHECK(report(*stores.second).total == Counts{.upstream_errors = reported});
  }
  CHECK(report(*stores.first).groups.size() == 50);
}

STORE_TEST("maintenance changes no report and no key", STORE_FIXTURES) {
  Stores stores(backend);
  const auto third = stores.fixture.connect();
  add(*stores.first, 1);
  maintain(*third);
  std::uint64_t asked = 0;
  for (int round = 0; round < 20; ++round) {
    const std::vector<core::Request> burst(20, request(1, "GET", "/" + std::to_string(round)));
    value_of(stores.first->verify(burst, {}));
    succeed(stores.second->record_responses(std::vector(10, answer(1, 500, "/v1/leads"))));
    asked += burst.size();
    const auto before = report(*stores.first);
    const auto keys = list(*stores.first);
    maintain(*third);
    for (KeyStore* const store : {stores.first.get(), stores.second.get(), third.get()}) {
      const auto after = report(*store);
      CHECK(after.total == before.total);
      CHECK(after.groups == before.groups);
      CHECK(after.total.requests == asked);
      CHECK(after.total.upstream_errors == asked / 2);
      CHECK(list(*store) == keys);
    }
  }
}

STORE_TEST("a server tells whose token a client has", STORE_FIXTURES) {
  Stores stores(backend);
  const auto whoami = value_of(stores.first->whoami());
  REQUIRE(whoami.has_value() == stores.fixture.names_actors());
  if (whoami) {
    CHECK(whoami->id == core::TokenId(core::TokenId::kMaxBits));
    CHECK(whoami->name == kAdmin);
    CHECK(whoami->role == core::Role::admin);
    CHECK(whoami->workspace == std::nullopt);
    CHECK(whoami->expires_at == std::nullopt);
    CHECK(!whoami->version.empty());
  }
}

}  // namespace
}  // namespace nexakey::store::test
