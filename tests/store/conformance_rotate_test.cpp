// rotate.

#include <chrono>
#include <thread>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyId;
using core::Rotated;
using core::Rotation;
using core::Time;
using std::chrono::hours;
using std::chrono::seconds;

Rotated rotate(KeyStore& store, KeyId id, const Rotation& rotation) {
  return value_of(store.as(kTester).rotate(id, rotation, now())).value();
}

Key listed(KeyStore& store, KeyId id) {
  return list(store, {.ids = core::KeyIdRange{id, id}}).at(0);
}

/// A key with all properties that a successor takes over.
Key rich_key(std::uint64_t n) {
  Key key = make_key(n);
  key.workspace = "sales";
  key.scopes = scopes("write");
  key.whitelist = whitelist({"203.0.113.0/24", "2001:db8::1"});
  key.rate_limit = 7;
  key.created_at = now() - hours(100);
  key.expires_at = key.created_at + hours(300);
  key.name = "Zoë's key";
  key.description = "naïve — 日本語";
  key.labels = {{"team", "crm"}};
  return key;
}

STORE_TEST("a successor takes over the properties of the key", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, rich_key(1));
  const Rotation rotation = rotation_to(2, hours(1));
  const Rotated rotated = rotate(*stores.first, key.id, rotation);
  Key expected = key;
  expected.id = rotation.successor;
  expected.hash = rotation.hash;
  expected.last_four = rotation.last_four;
  expected.created_at = rotation.created_at;
  expected.expires_at = rotation.created_at + hours(300);
  expected.rotated_from = key.id;
  expected.line = key.id;
  CHECK(rotated.successor == expected);
  CHECK(rotated.previous.superseded_by == expected.id);
  CHECK(listed(*stores.second, expected.id) == expected);
  CHECK(listed(*stores.second, key.id) == rotated.previous);
  CHECK(list(*stores.second).size() == 2);
}

STORE_TEST("without grace the old key is revoked at once", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  CHECK(reason(*stores.second, request(1)) == "allowed");
  const Time before = now();
  const Rotated rotated = rotate(*stores.first, key.id, rotation_to(2));
  CHECK(reason(*stores.second, request(1)) == "revoked_key");
  CHECK(reason(*stores.second, request(2)) == "allowed");
  REQUIRE(rotated.previous.revoked_at);
  CHECK(*rotated.previous.revoked_at >= before);
  CHECK(*rotated.previous.revoked_at <= now());
  CHECK(rotated.previous.revoke_reason == core::kRotatedReason);
  CHECK(rotated.previous.expires_at == std::nullopt);
  CHECK(rotated.successor.expires_at == std::nullopt);
}

STORE_TEST("with grace both keys work until it ends", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const Time before = now();
  const Rotated rotated = rotate(*stores.first, key.id, rotation_to(2, hours(1)));
  CHECK(reason(*stores.second, request(1)) == "allowed");
  CHECK(reason(*stores.second, request(2)) == "allowed");
  CHECK(rotated.previous.revoked_at == std::nullopt);
  REQUIRE(rotated.previous.expires_at);
  CHECK(*rotated.previous.expires_at >= before + hours(1));
  CHECK(*rotated.previous.expires_at <= now() + hours(1));
}

STORE_TEST("a grace ends", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const Time end = *rotate(*stores.first, key.id, rotation_to(2, seconds(1))).previous.expires_at;
  std::string last;
  do {
    last = reason(*stores.second, request(1), kDryRun);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  } while (last == "allowed" && now() < end + seconds(60));
  CHECK(last == "expired_key");
  CHECK(now() >= end);
  CHECK(reason(*stores.second, request(2)) == "allowed");
}

STORE_TEST("a grace does not extend the life of a key", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.expires_at = now() + hours(1);
  add(*stores.first, key);
  const Rotated rotated = rotate(*stores.first, key.id, rotation_to(2, hours(2)));
  CHECK(rotated.previous.expires_at == key.expires_at);
}

STORE_TEST("the successor expires as requested", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, rich_key(1));
  Rotation rotation = rotation_to(2);
  SUBCASE("at a time") { rotation.expires_at = at("2999-01-01"); }
  SUBCASE("never") { rotation.expires_at.emplace(); }
  CHECK(rotate(*stores.first, key.id, rotation).successor.expires_at == *rotation.expires_at);
  CHECK(listed(*stores.second, rotation.successor).expires_at == *rotation.expires_at);
}

STORE_TEST("the same rotation again changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const Rotation rotation = rotation_to(2, hours(1));
  const Rotated rotated = rotate(*stores.first, key.id, rotation);
  CHECK(rotate(*stores.second, key.id, rotation) == rotated);
  // Even if the keys have been changed since.
  value_of(stores.first->as(kTester).update(rotation.successor, {.name = "other"}, now()));
  value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "leaked", now()));
  const Rotated again = rotate(*stores.second, key.id, rotation);
  CHECK(again.successor.name == "other");
  CHECK(again.previous.revoke_reason == "leaked");
  CHECK(list(*stores.first).size() == 2);
}

STORE_TEST("a key that does not exist cannot be rotated", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  CHECK(value_of(stores.first->as(kTester).rotate(make_key(999).id, rotation_to(2), now())) ==
        std::nullopt);
  CHECK(list(*stores.second).size() == 1);
}

STORE_TEST("a rotation that is refused changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  add(*stores.first, 3);
  Rotation rotation = rotation_to(2);
  SUBCASE("because the key is revoked") {
    value_of(stores.first->as(kTester).revoke(std::vector{key.id}, "leaked", now()));
  }
  SUBCASE("because the key is suspended") {
    value_of(stores.first->as(kTester).update(key.id, {.suspended = true}, now()));
  }
  SUBCASE("because the key has expired") {
    value_of(stores.first->as(kTester).update(key.id, {.expires_at = at("2026-01-03")}, now()));
  }
  SUBCASE("because the key has a successor") {
    rotate(*stores.first, key.id, rotation_to(4, hours(1)));
  }
  SUBCASE("because the successor is another key by its hash") {
    rotate(*stores.first, key.id, rotation_to(2, hours(1)));
    rotation.hash = make_key(5).hash;
  }
  SUBCASE("because the successor is another key by its id") {
    rotate(*stores.first, key.id, rotation_to(2, hours(1)));
    rotation.successor = make_key(5).id;
  }
  SUBCASE("because the id is taken") { rotation.successor = make_key(3).id; }
  SUBCASE("because the hash is taken") { rotation.hash = make_key(3).hash; }
  SUBCASE("because the successor is the key") { rotation = rotation_to(1); }
  const auto before = list(*stores.second);
  CHECK(code_of(stores.first->as(kTester).rotate(key.id, rotation, now())) == "conflict");
  CHECK(list(*stores.second) == before);
}

STORE_TEST("a successor that would be expired is refused", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  Rotation rotation = rotation_to(2);
  rotation.expires_at = at("2026-01-03");
  CHECK(code_of(stores.first->as(kTester).rotate(key.id, rotation, now())) == "usage");
  CHECK(list(*stores.second) == std::vector{key});
}

STORE_TEST("a name refers to the newest key of a line", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  rotate(*stores.first, key.id, rotation_to(2, hours(1)));
  rotate(*stores.second, make_key(2).id, rotation_to(3, hours(1)));
  const auto newest = list(*stores.first, {.name = key.name, .newest_of_line = true});
  REQUIRE(newest.size() == 1);
  CHECK(newest[0].id == make_key(3).id);
  CHECK(newest[0].rotated_from == make_key(2).id);
  Key namesake = make_key(4);
  namesake.name = key.name;
  CHECK(value_of(stores.first->as(kTester).create(namesake, CreateMode::unless_named, now())) ==
        newest[0]);
}

STORE_TEST("the successor of an unnamed key is unnamed", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.name = key.id.to_string();
  add(*stores.first, key);
  CHECK(rotate(*stores.first, key.id, rotation_to(2)).successor.name == make_key(2).id.to_string());
}

Rotation staged(std::uint64_t n, seconds grace = seconds(0)) {
  Rotation rotation = rotation_to(n, grace);
  rotation.step = core::RotationStep::stage;
  return rotation;
}

Rotation cancelled(Rotation rotation) {
  rotation.step = core::RotationStep::cancel;
  return rotation;
}

Rotation confirmed(Rotation rotation) {
  rotation.step.reset();
  return rotation;
}

STORE_TEST("a staged successor works beside its key until it is confirmed", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, rich_key(1));
  const Rotation rotation = staged(2, hours(1));
  const Rotated made = rotate(*stores.first, key.id, rotation);
  CHECK(made.previous == key);
  CHECK(made.successor.unconfirmed);
  CHECK(made.successor.rotated_from == key.id);
  CHECK(listed(*stores.second, key.id) == key);
  CHECK(listed(*stores.second, make_key(2).id) == made.successor);
  CHECK(list(*stores.second, {.unconfirmed = true}) == std::vector{made.successor});
  // A name still refers to the key.
  CHECK(list(*stores.second, {.name = key.name, .newest_of_line = true}) == std::vector{key});
  CHECK(rotate(*stores.second, key.id, rotation) == made);  // again

  const Rotated done = rotate(*stores.second, key.id, confirmed(rotation));
  CHECK_FALSE(done.successor.unconfirmed);
  CHECK(done.previous.superseded_by == made.successor.id);
  REQUIRE(done.previous.expires_at);
  CHECK(*done.previous.expires_at <= now() + hours(1));
  CHECK(listed(*stores.first, made.successor.id) == done.successor);
  CHECK(rotate(*stores.first, key.id, confirmed(rotation)) == done);  // again
  CHECK(rotate(*stores.first, key.id, rotation) == done);             // late
  CHECK(list(*stores.first, {.unconfirmed = true}).empty());
  CHECK(code_of(stores.first->as(kTester).rotate(key.id, cancelled(rotation), now())) ==
        "not_found");
}

STORE_TEST("a cancelled successor is revoked and its key stays", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  const Rotation rotation = staged(2);
  Changes& changes = stores.first->as(kTester);
  CHECK(code_of(changes.rotate(key.id, cancelled(rotation), now())) == "not_found");
  rotate(*stores.first, key.id, rotation);
  CHECK(reason(*stores.second, request(2)) == "allowed");
  // Only who made it can cancel it.
  Rotation other = cancelled(rotation);
  other.hash = make_key(9).hash;
  CHECK(code_of(changes.rotate(key.id, other, now())) == "not_found");
  const Rotated gone = rotate(*stores.first, key.id, cancelled(rotation));
  CHECK(gone.successor.revoke_reason == core::kNotDeliveredReason);
  CHECK(gone.previous == listed(*stores.second, key.id));
  // Again. When it was last used may become known only now.
  CHECK(rotate(*stores.first, key.id, cancelled(rotation)).successor.revoked_at ==
        gone.successor.revoked_at);
  CHECK(reason(*stores.second, request(2)) == "revoked_key");
  CHECK(reason(*stores.second, request(1)) == "allowed");
  CHECK(code_of(changes.rotate(key.id, confirmed(rotation), now())) == "conflict");
  CHECK(rotate(*stores.first, key.id, rotation_to(3)).previous.superseded_by == make_key(3).id);
}

STORE_TEST("what an interrupted rotation left ends with its key", STORE_FIXTURES) {
  Stores stores(backend);
  const Key key = add(*stores.first, 1);
  rotate(*stores.first, key.id, staged(2));
  const Rotation again = staged(3, hours(1));
  rotate(*stores.first, key.id, again);
  CHECK(code_of(stores.first->as(kTester).rotate(make_key(2).id, rotation_to(4), now())) ==
        "conflict");
  rotate(*stores.first, key.id, confirmed(again));
  const Key left = listed(*stores.second, make_key(2).id);
  CHECK_FALSE(left.unconfirmed);
  CHECK(left.superseded_by == make_key(3).id);
  REQUIRE(left.expires_at);
  CHECK(*left.expires_at <= now() + hours(1));
  CHECK(reason(*stores.second, request(2)) == "allowed");  // somebody may use it
  // A rotation without steps ends them, too.
  rotate(*stores.first, make_key(3).id, staged(5));
  rotate(*stores.first, make_key(3).id, rotation_to(6));
  CHECK(reason(*stores.second, request(5)) == "revoked_key");
  CHECK(reason(*stores.second, request(6)) == "allowed");
  CHECK(list(*stores.second, {.unconfirmed = true}).empty());
}

STORE_TEST("each key of a line has its own window and counts", STORE_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.rate_limit = 5;
  add(*stores.first, key);
  CHECK(admitted(*stores.first, request(1), 10) == 5);
  rotate(*stores.first, key.id, rotation_to(2, hours(1)));
  CHECK(admitted(*stores.second, request(2), 10) == 5);
  CHECK(admitted(*stores.second, request(1), 10) == 0);
  CHECK(report(*stores.first, {.key = make_key(2).id}).total.requests == 10);
}

}  // namespace
}  // namespace nexakey::store::test
