// Look-ups and changes of many keys at once.

#include <chrono>
#include <thread>

#include "core/json.h"
#include "store/bulk.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyId;

/// More keys than one transaction has to take.
constexpr std::uint64_t kMany = 2 * kMaxAtOnce + 7;

std::vector<Key> make_keys(std::uint64_t count) {
  std::vector<Key> keys;
  for (std::uint64_t n = 1; n <= count; ++n) {
    keys.push_back(make_key(n));
  }
  return keys;
}

std::vector<KeyId> ids_of(const std::vector<Key>& keys) {
  std::vector<KeyId> ids;
  std::ranges::transform(keys, std::back_inserter(ids), &Key::id);
  return ids;
}

std::vector<KeyId> add_many(const Stores& stores) {
  const std::vector<Key> keys = make_keys(kMany);
  add_all(*stores.first, keys);
  return ids_of(keys);
}

STORE_TEST("keys are found by ids and by hashes, in the given order", STORE_FIXTURES) {
  Stores stores(backend);
  const Key first = add(*stores.first, 1);
  const Key second = add(*stores.first, 2);
  const std::vector ids{second.id, make_key(9).id, first.id, second.id};
  CHECK(value_of(stores.second->find(ids)) ==
        std::vector<std::optional<Key>>{second, std::nullopt, first, second});
  const std::vector hashes{make_key(9).hash, first.hash, second.hash};
  CHECK(value_of(stores.second->find(hashes)) ==
        std::vector<std::optional<Key>>{std::nullopt, first, second});
  CHECK(value_of(stores.second->find(std::span<const KeyId>())).empty());
  CHECK(value_of(stores.second->find(std::span<const core::KeyHash>())).empty());
}

TEST_CASE("a look-up over HTTP is continued where the server ends a long reply") {
  constexpr std::uint64_t kKeys = 130;  // of 34 KB each, where a reply has 4 MiB
  StoresOf<HttpFixture> stores;
  core::Labels labels;
  for (int i = 0; i < 64; ++i) {
    labels["label-" + std::to_string(i)] = std::string(256, '"');  // 512 bytes in JSON
  }
  const std::vector<Key> keys = make_keys(kKeys);
  add_all(*stores.first, keys);
  stores.fixture.damage("api_keys SET labels = '" + core::labels_to_json(labels) + "'");
  const auto found = value_of(stores.second->find(ids_of(keys)));
  REQUIRE(found.size() == kKeys);
  for (std::size_t i = 0; i < kKeys; ++i) {
    CHECK(found[i].value().id == keys[i].id);
    CHECK(found[i]->labels == labels);
  }
}

STORE_TEST("a key that is found says when it was last used", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(reason(*stores.first, request(1)) == "allowed");
  CHECK(value_of(stores.second->find(std::vector{key.id})).front().value().last_use.at);
  CHECK(value_of(stores.second->find(std::vector{key.hash})).front().value().last_use.at);
}

STORE_TEST("many keys are revoked in parts, between which others change the store",
           STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<KeyId> ids = add_many(stores);
  const KeyId other = ids.back();
  ids.pop_back();
  std::vector<KeyId> revoked;
  std::size_t parts = 0;
  value_of(stores.first->as(kTester).revoke(ids, "leaked", now(), [&](std::span<const Key> keys) {
    for (const Key& key : keys) {
      revoked.push_back(key.id);
    }
    if (++parts == 1) {
      value_of(stores.second->as(kTester).revoke(std::vector{other}, "urgent", now()));
    }
    return true;
  }));
  CHECK(revoked == ids);
  CHECK(list(*stores.second, {.status = core::KeyStatus::active}).empty());
  CHECK(value_of(stores.second->find(std::vector{other})).front()->revoke_reason == "urgent");
}

TEST_CASE("a revocation of many keys is split by number and by time") {
  const std::vector<Key> keys = make_keys(kMany);
  const std::vector<KeyId> ids = ids_of(keys);
  std::vector<std::size_t> parts;
  const auto revoke = [&](std::size_t at_once, std::chrono::milliseconds time_of_each) {
    parts.clear();
    std::size_t done = 0;
    value_of(revoke_in_bulk(
        ids, at_once,
        [](std::span<const KeyId> some) { return std::vector<KeyId>(some.begin(), some.end()); },
        [&](std::span<const KeyId> some, const std::function<bool()>& is_over) {
          std::vector<Key> revoked;
          do {
            std::this_thread::sleep_for(time_of_each);
            revoked.push_back(keys[done++]);
          } while (revoked.size() < some.size() && (time_of_each.count() == 0 || !is_over()));
          return revoked;
        },
        [&](std::span<const Key> revoked) {
          parts.push_back(revoked.size());
          return parts.size() < 3;
        }));
  };
  revoke(400, std::chrono::milliseconds(0));
  CHECK(parts == std::vector<std::size_t>{400, 400, kMany - 800});
  revoke(400, std::chrono::milliseconds(101));
  CHECK(parts == std::vector<std::size_t>{1, 1, 1});
}

STORE_TEST("if one of many keys does not exist, none is revoked", STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<KeyId> ids = add_many(stores);
  ids.push_back(make_key(kMany + 1).id);
  const auto revoked = stores.first->as(kTester).revoke(ids, "leaked", now());
  CHECK(code_of(revoked) == "not_found");
  CHECK(revoked.error().message.find(ids.back().to_string()) != std::string::npos);
  CHECK(list(*stores.second, {.status = core::KeyStatus::revoked}).empty());
}

STORE_TEST("an interrupted revocation of many keys is completed by the next one", STORE_FIXTURES) {
  Stores stores(backend);
  const std::vector<KeyId> ids = add_many(stores);
  value_of(stores.first->as(kTester).revoke(ids, "first", now(),
                                            [](std::span<const Key>) { return false; }));
  const std::size_t done = list(*stores.second, {.status = core::KeyStatus::revoked}).size();
  CHECK(done > 0);
  const auto revoked = value_of(stores.first->as(kTester).revoke(ids, "second", now()));
  CHECK(revoked.size() == kMany);
  CHECK(std::ranges::count(revoked, "first", &Key::revoke_reason) ==
        static_cast<std::ptrdiff_t>(done));
}

}  // namespace
}  // namespace nexakey::store::test
