// Policies of workspaces, and the changes that they refuse.

#include <atomic>
#include <string>
#include <thread>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::Policy;
using std::chrono::hours;

Policy limited_to(std::uint32_t limit) {
  return {.workspace = std::string(core::kDefaultWorkspace), .max_rate_limit = limit};
}

Key with_limit(std::uint64_t n, std::uint32_t limit) {
  Key key = make_key(n);
  key.rate_limit = limit;
  return key;
}

core::Rotation rotation_by(std::uint64_t n) {
  const Key successor = make_key(n);
  return {.successor = successor.id,
          .hash = successor.hash,
          .last_four = successor.last_four,
          .created_at = now()};
}

STORE_TEST("a policy is set, replaced and removed", STORE_FIXTURES) {
  Stores stores(backend);
  const Policy nothing{.workspace = "default"};
  CHECK(value_of(stores.first->policy("default")) == nothing);
  Policy policy = limited_to(50);
  policy.max_lifetime = hours(24);
  policy.require_whitelist = true;
  policy.scopes = core::Scopes(1);
  policy.required_labels = {"owner", "team"};
  CHECK(value_of(stores.first->as(kTester).set_policy(policy, now())) == nothing);
  CHECK(value_of(stores.second->policy("default")) == policy);
  CHECK(value_of(stores.second->policy("sales")) == Policy{.workspace = "sales"});
  CHECK(value_of(stores.second->as(kTester).set_policy(limited_to(5), now())) == policy);
  CHECK(value_of(stores.first->as(kTester).set_policy(nothing, now())) == limited_to(5));
  CHECK(value_of(stores.second->policy("default")) == nothing);
}

STORE_TEST("changes of policies are logged, and repetitions are not", STORE_FIXTURES) {
  Stores stores(backend);
  const Policy nothing{.workspace = "default"};
  for (const Policy& policy : {nothing, limited_to(5), limited_to(5), nothing}) {
    value_of(stores.first->as(kTester).set_policy(policy, now()));
  }
  std::vector<std::string> actions;
  value_of(
      stores.first->audit({.workspace = "default"}, SIZE_MAX, [&](const core::AuditEntry& entry) {
        actions.push_back(entry.action);
        return true;
      }));
  CHECK(actions == std::vector<std::string>{"policy_set", "policy_clear"});
}

STORE_TEST("a policy refuses creates, edits and rotations of its workspace", STORE_FIXTURES) {
  Stores stores(backend);
  Changes& changes = stores.first->as(kTester);
  value_of(changes.create(with_limit(1, 100), CreateMode::always, now()));
  Policy policy = limited_to(50);
  policy.max_lifetime = hours(24);
  value_of(changes.set_policy(policy, now()));

  Key key = with_limit(2, 100);
  CHECK(code_of(changes.create(key, CreateMode::always, now())) == "conflict");
  CHECK_FALSE(value_of(stores.first->find(std::span(&key.id, 1))).front());
  key.workspace = "sales";
  CHECK(changes.create(key, CreateMode::always, now()));
  // Repeating a create adds no key, and neither does one that finds a key of its name.
  CHECK(changes.create(with_limit(1, 100), CreateMode::always, now()));
  CHECK(changes.create(with_limit(3, 100), CreateMode::unless_named, now()).has_value() ==
        (make_key(3).name == make_key(1).name));

  core::KeyChange faster;
  faster.rate_limit = 51;
  CHECK(code_of(changes.update(make_key(1).id, faster, now())) == "conflict");
  faster.rate_limit = 50;
  CHECK(changes.update(make_key(1).id, faster, now()));
  core::KeyChange renamed;
  renamed.description = "has no expiry, which this does not set";
  CHECK(changes.update(make_key(1).id, renamed, now()));

  core::Rotation rotation = rotation_by(4);
  CHECK(code_of(changes.rotate(make_key(1).id, rotation, now())) == "conflict");
  CHECK_FALSE(value_of(stores.first->find(std::span(&rotation.successor, 1))).front());
  rotation.expires_at.emplace(now() + hours(23));
  REQUIRE(changes.rotate(make_key(1).id, rotation, now()));
  // The same rotation again changes nothing, whatever the policy has become.
  value_of(changes.set_policy({.workspace = "default", .max_lifetime = hours(1)}, now()));
  CHECK(changes.rotate(make_key(1).id, rotation, now()));
}

STORE_TEST("a key of an import that a policy does not allow is a conflict", STORE_FIXTURES) {
  const auto from = backend();
  const auto source = from->connect();
  for (const std::uint64_t n : {1, 2}) {
    value_of(source->as(kTester).create(with_limit(n, 100), CreateMode::always, now()));
  }
  value_of(source->as(kTester).revoke(std::array{make_key(2).id}, "", now()));
  const std::string text = export_text(*source, "default");
  Stores stores(backend);
  value_of(stores.first->as(kTester).set_policy(limited_to(50), now()));
  const auto refused = value_of(try_import(*stores.first, text));
  REQUIRE(refused.conflict_count == 1);  // key 2 is revoked
  CHECK(refused.conflicts.front().id == make_key(1).id.to_string());
  CHECK(refused.keys.added == 0);
  CHECK(list(*stores.first).empty());
  value_of(stores.first->as(kTester).set_policy(limited_to(100), now()));
  CHECK(value_of(try_import(*stores.first, text)).keys.added == 2);
  // A key that the store has is not new.
  value_of(stores.first->as(kTester).set_policy(limited_to(50), now()));
  CHECK(value_of(try_import(*stores.first, text)).keys.unchanged == 2);
}

// Of a policy and creates at the same time, whichever comes first is there for the other.
STORE_TEST("no key is created that neither of two policies allows", LOCAL_SQL_FIXTURES) {
  const auto fixture = backend();
  fixture->connect();
  std::atomic<bool> is_done{false};
  std::thread admin([&] {
    const auto store = fixture->connect();
    for (int turn = 0; turn < 40; ++turn) {
      const Policy policy = turn % 2 == 0
                                ? Policy{.workspace = "default", .scopes = core::Scopes(1)}
                                : limited_to(10);
      value_of(store->as(kTester).set_policy(policy, now()));
    }
    is_done = true;
  });
  const auto store = fixture->connect();
  std::size_t refused = 0;
  value_of(store->as(kTester).set_policy(limited_to(10), now()));
  for (std::uint64_t n = 1; !is_done || n < 20; ++n) {
    Key key = with_limit(n, 11);  // allowed by neither
    key.scopes = core::Scopes(3);
    refused += store->as(kTester).create(key, CreateMode::always, now()) ? 0 : 1;
    CHECK(refused == n);
  }
  admin.join();
}

}  // namespace
}  // namespace nexakey::store::test
