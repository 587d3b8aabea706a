// verify: decisions, their order, and the window.

#include <algorithm>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::Request;

Request without_key(std::string_view text) {
  Request request;
  core::set_credential(request, text);
  return request;
}

/// Keys 1 to 7: one without restrictions, and those for which a request can be denied.
void add_one_for_each_reason(KeyStore& store) {
  Key revoked = make_key(2);
  revoked.revoked_at = at("2026-02-02");
  Key suspended = make_key(3);
  suspended.suspended_at = at("2026-02-02");
  Key expired = make_key(4);
  expired.expires_at = at("2026-02-02");
  Key reader = make_key(5);
  reader.scopes = scopes("read");
  Key local = make_key(6);
  local.whitelist = whitelist({"192.0.2.0/24"});
  Key slow = make_key(7);
  slow.rate_limit = 1;
  for (const Key& key : {make_key(1), revoked, suspended, expired, reader, local, slow}) {
    add(store, key);
  }
}

STORE_TEST("every reason is given", STORE_FIXTURES) {
  Stores stores(backend);
  add_one_for_each_reason(*stores.first);
  Request from_outside = request(6);
  from_outside.ip = ip("198.51.100.1");
  Request from_inside = request(6);
  from_inside.ip = ip("192.0.2.9");
  Request elsewhere = request(1);
  elsewhere.workspace = "sales";
  Request at_home = request(1);
  at_home.workspace = "default";

  const std::vector<std::pair<Request, std::string>> rows{
      {without_key(""), "missing_key"},
      {without_key("fc_live_short"), "malformed_key"},
      {request(99), "unknown_key"},
      {elsewhere, "unknown_key"},
      {request(2), "revoked_key"},
      {request(3), "suspended_key"},
      {request(4), "expired_key"},
      {request(6), "ip_not_allowed"},
      {from_outside, "ip_not_allowed"},
      {request(5, "POST"), "insufficient_scope"},
      {request(1, "TRACE"), "insufficient_scope"},
      {request(7), "allowed"},
      {request(7), "rate_limited"},
      {at_home, "allowed"},
      {from_inside, "allowed"},
      {request(5), "allowed"},
      {request(1, "DELETE"), "allowed"},
  };
  std::vector<Request> requests;
  for (const auto& [request, expected] : rows) {
    requests.push_back(request);
    requests.back().ref = std::to_string(requests.size());
  }
  const auto verifications = value_of(stores.second->verify(requests, {}));
  REQUIRE(verifications.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const core::Decision& decision = verifications[i].decision;
    CHECK(name_of(decision.reason) == rows[i].second);
    CHECK(decision.ref == requests[i].ref);
    CHECK(decision.client_ip == requests[i].ip);
    CHECK(decision.key_id.has_value() == (decision.reason > core::Reason::unknown_key));
    CHECK(decision.workspace == (decision.key_id ? "default" : ""));
    CHECK(verifications[i].checks.empty());
  }
}

STORE_TEST("no requests have no decisions", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(value_of(stores.first->verify({}, {})).empty());
}

STORE_TEST("a long batch is decided in order", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  std::vector<Request> requests;
  for (std::uint64_t n = 0; n < 500; ++n) {
    requests.push_back(request(n % 3));
    requests.back().ref = std::to_string(n);
  }
  const auto verifications = value_of(stores.first->verify(requests, {}));
  REQUIRE(verifications.size() == requests.size());
  std::size_t allowed = 0;
  for (std::size_t n = 0; n < requests.size(); ++n) {
    CHECK(verifications[n].decision.ref == std::to_string(n));
    CHECK(verifications[n].decision.key_id ==
          (n % 3 == 0 ? std::nullopt : std::optional(make_key(n % 3).id)));
    allowed += verifications[n].decision.allowed() ? 1 : 0;
  }
  CHECK(allowed == 200);
}

STORE_TEST("checks are explained when asked for", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.scopes = scopes("read");
  add(*stores.first, key);
  const std::vector requests{request(1), request(1, "PUT")};
  const auto verifications = value_of(stores.first->verify(requests, {.explain = true}));
  REQUIRE(!verifications.at(0).checks.empty());
  CHECK(std::ranges::all_of(verifications[0].checks, &core::Check::passed));
  REQUIRE(!verifications.at(1).checks.empty());
  CHECK(verifications[1].checks.back().name == "scope");
  CHECK(!verifications[1].checks.back().passed);
}

STORE_TEST("a dry run changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 1;
  add(*stores.first, key);
  for (int i = 0; i < 3; ++i) {
    CHECK(reason(*stores.first, request(1), kDryRun) == "allowed");
    CHECK(reason(*stores.second, request(1, "TRACE"), kDryRun) == "insufficient_scope");
  }
  CHECK(report(*stores.first).total == core::Counts{});
  CHECK(list(*stores.first).at(0).last_use.at == std::nullopt);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  CHECK(reason(*stores.second, request(1), kDryRun) == "rate_limited");
  CHECK(report(*stores.first).total.requests == 1);
}

/// The same request about a key that is named by its id.
Request by_id(Request request, std::uint64_t n) {
  request.key_hash = {};
  request.key_id = make_key(n).id;
  return request;
}

STORE_TEST("a key that is named by its id is decided like its secret", STORE_FIXTURES) {
  Stores stores(backend);
  add_one_for_each_reason(*stores.first);
  CHECK(reason(*stores.first, request(7)) == "allowed");
  const core::Counts before = report(*stores.first).total;

  std::vector<Request> by_secret;
  std::vector<Request> named;
  for (std::uint64_t n = 1; n <= 7; ++n) {
    for (const std::string method : {"GET", "POST", "TRACE"}) {
      for (const char* const address : {"", "192.0.2.9", "198.51.100.1"}) {
        Request one = request(n, method);
        one.ip = core::IpAddress::parse(address);
        one.workspace = n % 2 == 0 ? std::optional<std::string>("default") : std::nullopt;
        by_secret.push_back(one);
        named.push_back(by_id(one, n));
      }
    }
  }
  const VerifyOptions how{.counting = Counting::dry_run, .explain = true};
  for (int i = 0; i < 2; ++i) {  // the second time as the first: no window is occupied
    const auto expected = value_of(stores.first->verify(by_secret, how));
    const auto found = value_of(stores.second->verify(named, how));
    REQUIRE(found.size() == expected.size());
    for (std::size_t n = 0; n < found.size(); ++n) {
      CAPTURE(n);
      const core::Decision& decision = found[n].decision;
      CHECK(name_of(decision.reason) == name_of(expected[n].decision.reason));
      CHECK(decision.key_id == expected[n].decision.key_id);
      CHECK(decision.workspace == expected[n].decision.workspace);
      CHECK(decision.scopes == expected[n].decision.scopes);
      CHECK(decision.client_ip == expected[n].decision.client_ip);
      CHECK(decision.rate_limit.has_value() == expected[n].decision.rate_limit.has_value());
      if (decision.rate_limit) {
        CHECK(decision.rate_limit->remaining == expected[n].decision.rate_limit->remaining);
      }
      REQUIRE(found[n].checks.size() == expected[n].checks.size());
      CHECK(found[n].checks.back().name == expected[n].checks.back().name);
      CHECK(found[n].checks.front().found == "the key is named by its id");
    }
  }
  CHECK(report(*stores.second).total == before);
  CHECK(reason(*stores.first, request(7), kDryRun) == "rate_limited");
}

STORE_TEST("a key is named by its id only in a dry run, and must exist", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  const auto outcome = [&](const Request& asked, const VerifyOptions& how) {
    return code_of(stores.second->verify(std::vector{request(1), asked}, how));
  };
  Request elsewhere = by_id(request(1), 1);
  elsewhere.workspace = "sales";
  CHECK(outcome(by_id(request(1), 1), {}) == "usage");
  CHECK(outcome(by_id(request(99), 99), kDryRun) == "not_found");
  CHECK(outcome(elsewhere, kDryRun) == "not_found");
  CHECK(outcome(by_id(request(1), 1), kDryRun) == "ok");
  CHECK(report(*stores.first).total == core::Counts{});
}

STORE_TEST("requests with unknown keys are not counted", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  Request elsewhere = request(1);
  elsewhere.workspace = "sales";
  value_of(stores.first->verify(
      std::vector{without_key(""), without_key("x"), request(99), elsewhere}, {}));
  CHECK(report(*stores.second).total == core::Counts{});
  CHECK(list(*stores.second).at(0).last_use.at == std::nullopt);
}

STORE_TEST("a key is known as soon as it is created", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(reason(*stores.second, request(1)) == "unknown_key");
  add(*stores.first, 1);
  CHECK(reason(*stores.second, request(1)) == "allowed");
}

STORE_TEST("a revocation holds at once on every connection", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    CAPTURE(n);
    const Key key = add(*stores.first, n);
    CHECK(reason(*stores.first, request(n)) == "allowed");
    CHECK(reason(*stores.second, request(n)) == "allowed");
    value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "", now()));
    CHECK(reason(*stores.second, request(n)) == "revoked_key");
    CHECK(reason(*stores.first, request(n)) == "revoked_key");
  }
}

STORE_TEST("a change holds at once on every connection", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(reason(*stores.second, request(1)) == "allowed");
  const auto change = [&](const core::KeyChange& what) {
    REQUIRE(value_of(stores.first->as(kTester).update(key.id, what, now())));
  };
  change({.scopes = scopes("write")});
  CHECK(reason(*stores.second, request(1)) == "insufficient_scope");
  change({.scopes = scopes("read")});
  CHECK(reason(*stores.second, request(1)) == "allowed");
  change({.allow = whitelist({"192.0.2.1"})});
  CHECK(reason(*stores.second, request(1)) == "ip_not_allowed");
  change({.disallow = whitelist({"192.0.2.1"}), .may_open = true});
  CHECK(reason(*stores.second, request(1)) == "allowed");
  change({.suspended = true});
  CHECK(reason(*stores.second, request(1)) == "suspended_key");
  change({.suspended = false});
  CHECK(reason(*stores.second, request(1)) == "allowed");
  change({.expires_at = now()});
  CHECK(reason(*stores.second, request(1)) == "expired_key");
  change({.expires_at = std::optional<core::Time>()});
  CHECK(reason(*stores.second, request(1)) == "allowed");
  change({.rate_limit = 5});
  CHECK(reason(*stores.second, request(1)) == "rate_limited");
}

STORE_TEST("a window admits exactly its limit", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 130) == 100);
  CHECK(admitted(*stores.second, request(1), 130) == 0);
}

STORE_TEST("connections share one window", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  int allowed = 0;
  for (int i = 0; i < 75; ++i) {
    for (KeyStore* const store : {stores.first.get(), stores.second.get()}) {
      const core::Decision decision = decide(*store, request(1));
      allowed += decision.allowed() ? 1 : 0;
      REQUIRE(decision.rate_limit);
      CHECK(decision.rate_limit->limit == 100);
      CHECK(decision.rate_limit->remaining == static_cast<std::uint32_t>(100 - allowed));
      CHECK(decision.rate_limit->retry_after.has_value() == !decision.allowed());
    }
  }
  CHECK(allowed == 100);
}

STORE_TEST("each key has its own window", STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<Request> burst;
  for (std::uint64_t n = 1; n <= 7; ++n) {
    Key key = make_key(n);
    key.rate_limit = static_cast<std::uint32_t>(n * n);
    add(*stores.first, key);
  }
  for (std::uint64_t i = 0; i < 60; ++i) {
    for (std::uint64_t n = 1; n <= 7; ++n) {
      burst.push_back(request(n));
    }
  }
  std::map<core::KeyId, std::uint64_t> allowed;
  const std::size_t half = burst.size() / 2;
  for (const auto& [store, part] :
       {std::pair(stores.first.get(), std::span(burst).first(half)),
        std::pair(stores.second.get(), std::span(burst).subspan(half))}) {
    for (const Verification& verification : value_of(store->verify(part, {}))) {
      allowed[*verification.decision.key_id] += verification.decision.allowed() ? 1 : 0;
    }
  }
  for (std::uint64_t n = 1; n <= 7; ++n) {
    CHECK(allowed[make_key(n).id] == n * n);
  }
}

STORE_TEST("only admitted requests occupy the window", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.scopes = scopes("read");
  key.rate_limit = 3;
  add(*stores.first, key);
  CHECK(admitted(*stores.first, request(1, "POST"), 10) == 0);
  CHECK(decide(*stores.first, request(1, "POST")).rate_limit->remaining == 3);
  CHECK(admitted(*stores.second, request(1), 10) == 3);
}

STORE_TEST("a raised limit admits exactly the difference", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 120) == 100);
  std::size_t before = 100;
  for (const std::uint32_t limit : {101U, 150U, 1000U, 5000U}) {
    value_of(stores.second->as(kTester).update(key.id, {.rate_limit = limit}, now()));
    CHECK(admitted(*stores.first, request(1), limit - before + 20) == limit - before);
    before = limit;
  }
}

STORE_TEST("a lowered limit counts what was admitted before", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 20) == 20);
  const auto limit = [&](std::uint32_t requests) {
    value_of(stores.first->as(kTester).update(key.id, {.rate_limit = requests}, now()));
  };
  limit(10);
  CHECK(admitted(*stores.second, request(1), 5) == 0);
  CHECK(decide(*stores.second, request(1)).rate_limit->remaining == 0);
  limit(25);
  CHECK(admitted(*stores.second, request(1), 20) == 5);
  limit(1);
  CHECK(admitted(*stores.first, request(1), 5) == 0);
  limit(26);
  CHECK(admitted(*stores.first, request(1), 5) == 1);
}

STORE_TEST("a window outlives a suspension", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(admitted(*stores.first, request(1), 60) == 60);
  value_of(stores.first->as(kTester).update(key.id, {.suspended = true}, now()));
  CHECK(decide(*stores.first, request(1)).rate_limit == std::nullopt);
  value_of(stores.first->as(kTester).update(key.id, {.suspended = false}, now()));
  CHECK(admitted(*stores.second, request(1), 60) == 40);
}

STORE_TEST("windows stay exact while others are added and grow", STORE_FIXTURES) {
  Stores stores(backend);
  Key first = make_key(1);
  first.rate_limit = 30;
  add(*stores.first, first);
  CHECK(admitted(*stores.first, request(1), 10) == 10);
  for (std::uint64_t n = 2; n <= 60; ++n) {
    Key key = make_key(n);
    key.rate_limit = 20'000;
    add(*stores.first, key);
    KeyStore& store = n % 2 == 0 ? *stores.first : *stores.second;
    CHECK(reason(store, request(n)) == "allowed");
    CHECK(decide(store, request(1), kDryRun).rate_limit->remaining == 20);
  }
  CHECK(admitted(*stores.second, request(1), 50) == 20);
  CHECK(decide(*stores.first, request(2), kDryRun).rate_limit->remaining == 19'999);
}

}  // namespace
}  // namespace nexakey::store::test
