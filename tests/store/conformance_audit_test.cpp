// The log of all changes.

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/query.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Actor;
using core::AuditChecker;
using core::AuditEntry;
using core::AuditFilter;
using core::AuditHead;
using core::Json;
using core::Key;
using core::Time;

std::vector<AuditEntry> log(KeyStore& store, const AuditFilter& filter = {}) {
  std::vector<AuditEntry> entries;
  value_of(store.audit(filter, SIZE_MAX, [&](const AuditEntry& entry) {
    entries.push_back(entry);
    return true;
  }));
  return entries;
}

/// The actions of the entries, as `create edit`.
std::string actions(const std::vector<AuditEntry>& entries) {
  std::string text;
  for (const AuditEntry& entry : entries) {
    text += (text.empty() ? "" : " ") + entry.action;
  }
  return text;
}

std::string actions(KeyStore& store, const AuditFilter& filter = {}) {
  return actions(log(store, filter));
}

Json details(const AuditEntry& entry) { return value_of(core::parse_json(entry.details)); }

/// The head of a log, which must be intact.
AuditHead check_log(KeyStore& store) {
  AuditChecker checker;
  for (const AuditEntry& entry : log(store)) {
    checker.add(entry);
  }
  return value_of(checker.finish());
}

STORE_TEST("the log of a new store is empty", STORE_FIXTURES) {
  Stores stores(backend);
  CHECK(log(*stores.first).empty());
  CHECK(value_of(stores.first->audit_head()) == AuditHead());
}

STORE_TEST("each change appends its entry", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.workspace = "sales";
  key.labels = {{"team", "crm"}};
  const Time before = now();
  add(*stores.first, key);
  value_of(stores.second->as(kTester).update(key.id, {.name = "other", .rate_limit = 7}, now()));
  value_of(stores.first->as(kTester).update(
      key.id, {.allow = whitelist({"192.0.2.1", "198.51.100.0/24"})}, now()));
  value_of(stores.first->as(kTester).update(
      key.id, {.allow = whitelist({"::1"}), .disallow = whitelist({"192.0.2.1"})}, now()));
  value_of(stores.second->as(kTester).rotate(key.id, rotation_to(2, std::chrono::hours(1)), now()));
  value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "leaked", now()));
  core::Token token = make_token(1);
  value_of(stores.first->as(kTester).create_token(token));
  value_of(stores.second->as(kTester).revoke_tokens(std::vector{token.id}, now()));

  const auto entries = log(*stores.second);
  REQUIRE(actions(entries) ==
          "create edit whitelist whitelist create rotate revoke token_create token_revoke");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const AuditEntry& entry = entries[i];
    CAPTURE(entry.number);
    CHECK(entry.number == static_cast<std::int64_t>(i) + 1);
    CHECK(entry.at >= before);
    CHECK(entry.at <= now());
    CHECK(entry.workspace == (i < 7 ? "sales" : ""));
    CHECK(entry.subject == (i == 4  ? make_key(2).id.to_string()
                            : i < 7 ? key.id.to_string()
                                    : token.id.to_string()));
  }
  CHECK(details(entries[0]) == Json{{"name", key.name},
                                    {"scopes", {"read", "write"}},
                                    {"rate_limit", 100},
                                    {"labels", {{"team", "crm"}}},
                                    {"created_at", core::format_time(key.created_at)}});
  CHECK(details(entries[1]) == Json{{"name", {{"from", key.name}, {"to", "other"}}},
                                    {"rate_limit", {{"from", 100}, {"to", 7}}}});
  CHECK(details(entries[2]) ==
        Json{{"whitelist",
              {{"added", {"192.0.2.1", "198.51.100.0/24"}}, {"removed", Json::array()}}}});
  CHECK(details(entries[3]) ==
        Json{{"whitelist",
              {{"added", Json::array({"::1"})}, {"removed", Json::array({"192.0.2.1"})}}}});
  CHECK(details(entries[4]).at("rotated_from") == key.id.to_string());
  CHECK(details(entries[5]).at("superseded_by").at("to") == make_key(2).id.to_string());
  CHECK(details(entries[5]).contains("expires_at"));
  CHECK(details(entries[5]).size() == 2);
  CHECK(details(entries[6]).at("revoke_reason") == Json{{"from", nullptr}, {"to", "leaked"}});
  CHECK(details(entries[7]).at("role") == "verifier");
  CHECK(details(entries[8]).at("revoked_at").at("from") == nullptr);
  CHECK(check_log(*stores.first) == value_of(stores.first->audit_head()));
}

STORE_TEST("a call that changes nothing appends nothing", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const core::Token token = value_of(stores.first->as(kTester).create_token(make_token(1)));
  const auto rotation = rotation_to(2, std::chrono::hours(1));
  value_of(stores.first->as(kTester).rotate(key.id, rotation, now()));
  value_of(stores.first->as(kTester).revoke(std::vector{key.id, key.id}, "leaked", now()));
  value_of(stores.first->as(kTester).revoke_tokens(std::vector{token.id, token.id}, now()));
  const std::string all = "create token_create create rotate revoke token_revoke";
  REQUIRE(actions(*stores.first) == all);
  const AuditHead head = value_of(stores.first->audit_head());

  SUBCASE("a repeated call") {
    value_of(stores.second->as(kTester).revoke(std::vector{key.id}, "again", now()));
    value_of(stores.second->as(kTester).revoke_tokens(std::vector{token.id}, now()));
    value_of(stores.second->as(kTester).rotate(key.id, rotation, now()));
    const Key successor = list(*stores.second).at(0);
    value_of(stores.second->as(kTester).create(successor, CreateMode::always, now()));
    value_of(stores.second->as(kTester).update(successor.id, {.name = successor.name}, now()));
    value_of(stores.second->as(kTester).update(successor.id, {}, now()));
    Key namesake = make_key(3);
    namesake.name = successor.name;
    value_of(stores.second->as(kTester).create(namesake, CreateMode::unless_named, now()));
  }
  SUBCASE("a refused change") {
    CHECK(code_of(stores.first->as(kTester).update(key.id, {.name = "x"}, now())) == "conflict");
    CHECK(code_of(stores.first->as(kTester).rotate(key.id, rotation_to(4), now())) == "conflict");
    CHECK(code_of(stores.first->as(kTester).revoke(std::vector{make_key(2).id, make_key(9).id}, "",
                                                   now())) == "not_found");
    Key twin = make_key(5);
    twin.hash = key.hash;
    CHECK(code_of(stores.first->as(kTester).create(twin, CreateMode::always, now())) == "conflict");
    CHECK(value_of(stores.first->as(kTester).update(make_key(9).id, {.name = "x"}, now())) ==
          std::nullopt);
  }
  SUBCASE("decisions, reports and looks") {
    CHECK(reason(*stores.first, request(2)) == "allowed");
    CHECK(tokens(*stores.first).size() == 1);
    CHECK(report(*stores.first).total.requests == 1);
    maintain(*stores.first);
  }
  CHECK(value_of(stores.first->audit_head()) == head);
  CHECK(actions(*stores.second) == all);
}

STORE_TEST("an entry names who made the change", STORE_FIXTURES) {
  Stores stores(backend);
  const Actor alice{.name = "alice", .source = "host-1"};
  const Actor bob{.name = "Bob \"the\" Ünïque", .source = "192.0.2.7"};
  value_of(stores.first->as(alice).create(make_key(1), CreateMode::always, now()));
  value_of(stores.second->as(bob).create(make_key(2), CreateMode::always, now()));
  value_of(stores.first->as(alice).revoke(std::vector{make_key(2).id}, "", now()));
  const auto entries = log(*stores.first);
  REQUIRE(entries.size() == 3);
  // Over HTTP, the server names the token.
  if (!stores.fixture.names_actors()) {
    CHECK(entries[0].actor == alice);
    CHECK(entries[1].actor == bob);
    CHECK(entries[2].actor == alice);
    CHECK(actions(*stores.first, {.actor = bob.name}) == "create");
  }
  check_log(*stores.second);
}

STORE_TEST("entries are selected", STORE_FIXTURES) {
  Stores stores(backend);
  for (const std::uint64_t n : {1U, 2U, 3U}) {
    Key key = make_key(n);
    key.workspace = n == 2 ? "sales" : "default";
    add(*stores.first, key);
    value_of(stores.first->as(kTester).update(key.id, {.rate_limit = 7}, now()));
  }
  value_of(stores.first->as(kTester).create_token(make_token(1)));
  KeyStore& store = *stores.second;
  const auto id = [](std::uint64_t n) { return make_key(n).id.to_string(); };
  CHECK(actions(store, {.subjects = {id(2)}}) == "create edit");
  CHECK(actions(store, {.subjects = {id(3), id(2), "none"}}) == "create edit create edit");
  CHECK(actions(store, {.subjects = {make_token(1).id.to_string()}}) == "token_create");
  CHECK(actions(store, {.subjects = {"", "'"}}).empty());
  CHECK(actions(store, {.action = core::AuditAction::edit}) == "edit edit edit");
  CHECK(actions(store, {.action = core::AuditAction::revoke}).empty());
  CHECK(actions(store, {.workspace = "sales"}) == "create edit");
  CHECK(actions(store, {.workspace = "none"}).empty());
  CHECK(actions(store, {.actor = "nobody at all"}).empty());
  CHECK(actions(store, {.after = 5}) == "edit token_create");
  CHECK(actions(store, {.action = core::AuditAction::edit, .workspace = "default", .after = 2}) ==
        "edit");
  const auto all = log(store);
  CHECK(log(store, {.since = all[0].at}) == all);
  CHECK(log(store, {.since = long_ago()}) == all);
  CHECK(log(store, {.until = long_ago()}).empty());
  CHECK(log(store, {.since = now() + std::chrono::hours(1)}).empty());
  CHECK(log(store, {.until = now() + std::chrono::hours(1)}) == all);
  CHECK(log(store, {.until = all[0].at}).empty());
}

STORE_TEST("the log is read in pages", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 7; ++n) {
    add(*stores.first, n);
    value_of(stores.first->as(kTester).update(make_key(n).id, {.rate_limit = 7}, now()));
  }
  for (const std::size_t limit : {1U, 2U, 3U, 6U, 7U, 8U}) {
    CAPTURE(limit);
    AuditFilter filter{.action = core::AuditAction::edit};
    std::vector<std::int64_t> numbers;
    std::size_t pages = 0;
    for (std::optional<std::int64_t> after = 0; after; ++pages) {
      filter.after = *after;
      after = value_of(stores.second->audit(filter, limit, [&](const AuditEntry& entry) {
        numbers.push_back(entry.number);
        return true;
      }));
    }
    CHECK(numbers == std::vector<std::int64_t>{2, 4, 6, 8, 10, 12, 14});
    CHECK(pages == (7 + limit - 1) / limit);
  }
  std::size_t seen = 0;
  CHECK(value_of(stores.first->audit(
            {}, SIZE_MAX, [&](const AuditEntry&) { return ++seen < 3; })) == std::nullopt);
  CHECK(seen == 3);
}

std::vector<std::int64_t> numbers(KeyStore& store, const AuditFilter& filter) {
  std::vector<std::int64_t> numbers;
  for (const AuditEntry& entry : log(store, filter)) {
    numbers.push_back(entry.number);
  }
  return numbers;
}

STORE_TEST("the last entries are listed, oldest first", STORE_FIXTURES) {
  using Numbers = std::vector<std::int64_t>;
  Stores stores(backend);
  CHECK(log(*stores.second, {.last = 3}).empty());
  for (std::uint64_t n = 1; n <= 7; ++n) {
    Key key = make_key(n);
    key.workspace = n == 2 ? "sales" : "default";
    add(*stores.first, key);
    value_of(stores.first->as(kTester).update(make_key(n).id, {.rate_limit = 7}, now()));
  }
  KeyStore& store = *stores.second;
  CHECK(numbers(store, {.last = 1}) == Numbers{14});
  CHECK(numbers(store, {.last = 3}) == Numbers{12, 13, 14});
  CHECK(log(store, {.last = 14}) == log(store));
  CHECK(log(store, {.last = 15}) == log(store));
  CHECK(log(store, {.last = SIZE_MAX}) == log(store));
  // The last ones of those that match, not the matches of the last ones
  CHECK(numbers(store, {.action = core::AuditAction::edit, .last = 2}) == Numbers{12, 14});
  CHECK(numbers(store, {.workspace = "sales", .last = 1}) == Numbers{4});
  CHECK(numbers(store, {.workspace = "none", .last = 1}).empty());
  CHECK(numbers(store, {.until = long_ago(), .last = 5}).empty());
  CHECK(numbers(store, {.after = 12, .last = 5}) == Numbers{13, 14});
  CHECK(numbers(store, {.subjects = {make_key(3).id.to_string(), make_key(5).id.to_string()},
                        .last = 3}) == Numbers{6, 9, 10});
}

STORE_TEST("the last entries are listed in pages", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 9; ++n) {
    add(*stores.first, n);
  }
  for (const std::size_t limit : {1U, 2U, 3U, 4U, 5U, 6U}) {
    CAPTURE(limit);
    AuditFilter filter{.last = 5};
    std::vector<std::int64_t> seen;
    std::optional<std::int64_t> after;
    do {
      filter.after = after.value_or(0);
      after = value_of(stores.second->audit(filter, limit, [&](const AuditEntry& entry) {
        seen.push_back(entry.number);
        return true;
      }));
      filter.last.reset();
    } while (after);
    CHECK(seen == std::vector<std::int64_t>{5, 6, 7, 8, 9});
  }
  SUBCASE("entries that are appended during the call are not among them") {
    std::vector<std::int64_t> seen;
    const auto next =
        value_of(stores.second->audit({.last = 2}, SIZE_MAX, [&](const AuditEntry& entry) {
          seen.push_back(entry.number);
          add(*stores.first, static_cast<std::uint64_t>(10 + entry.number));
          return true;
        }));
    CHECK(seen == std::vector<std::int64_t>{8, 9});
    CHECK(next == std::nullopt);
  }
  SUBCASE("the caller ends the list") {
    std::size_t seen = 0;
    CHECK(value_of(stores.first->audit({.last = 5}, SIZE_MAX, [&](const AuditEntry&) {
            return ++seen < 3;
          })) == std::nullopt);
    CHECK(seen == 3);
  }
}

STORE_TEST("more entries than one page are among the last", STORE_FIXTURES) {
  constexpr std::uint64_t kKeys = 1102;  // beyond the pages of the engines and of HTTP
  constexpr std::size_t kLast = 1050;
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= kKeys; ++n) {
    add(*stores.first, n);
  }
  const auto all = log(*stores.second);
  const auto last = log(*stores.second, {.last = kLast});
  REQUIRE(all.size() == kKeys);
  CHECK(last == std::vector(all.end() - kLast, all.end()));
}

STORE_TEST("the head of the log depends on all entries", STORE_FIXTURES) {
  Stores stores(backend);
  AuditHead last;
  for (std::uint64_t n = 1; n <= 5; ++n) {
    add(n % 2 == 0 ? *stores.first : *stores.second, n);
    const AuditHead head = value_of(stores.first->audit_head());
    CHECK(head == value_of(stores.second->audit_head()));
    CHECK(head == check_log(*stores.first));
    CHECK(head.number == static_cast<std::int64_t>(n));
    CHECK(head.hash != last.hash);
    last = head;
  }
}

STORE_TEST("no secret is in the log", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  value_of(stores.first->as(kTester).rotate(make_key(1).id, rotation_to(2), now()));
  for (const AuditEntry& entry : log(*stores.first)) {
    for (const std::uint64_t n : {1U, 2U}) {
      CHECK(entry.details.find(api_key(n)) == std::string::npos);
      CHECK(entry.details.find(core::to_hex(make_key(n).hash)) == std::string::npos);
    }
  }
}

}  // namespace
}  // namespace nexakey::store::test
