#include "core/rotation.h"

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using std::chrono::hours;
using test::at;
using test::some_key;
using test::value_of;

const Time kRotatedAt = at("2026-06-01T12:00:00Z");

Rotation some_rotation() {
  return {.successor = test::id("key_zzzzzzzzzzzz"),
          .hash = hash_api_key("any"),
          .last_four = "wxyz",
          .created_at = kRotatedAt - std::chrono::milliseconds(5)};
}

std::string problem(const Key& key, const Rotation& rotation = some_rotation()) {
  const auto rotated = rotate(key, rotation, kRotatedAt);
  return rotated ? "" : rotated.error().message;
}

TEST_CASE("A rotation without grace revokes") {
  const auto [successor, previous] = value_of(rotate(some_key(), some_rotation(), kRotatedAt));
  CHECK(previous.revoked_at == kRotatedAt);
  CHECK(previous.revoke_reason == "rotated");
  CHECK(previous.superseded_by == successor.id);
  CHECK(successor.status(kRotatedAt) == KeyStatus::active);
  CHECK(successor.rotated_from == previous.id);
  CHECK(successor.name == previous.name);
}

TEST_CASE("A grace ends on time, or when the key would have expired") {
  Key key = some_key();
  Rotation rotation = some_rotation();
  rotation.grace = hours(24);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).previous.expires_at == kRotatedAt + hours(24));
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).previous.status(kRotatedAt) ==
        KeyStatus::active);
  key.expires_at = kRotatedAt + hours(25);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).previous.expires_at == kRotatedAt + hours(24));
  key.expires_at = kRotatedAt + hours(23);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).previous.expires_at == kRotatedAt + hours(23));
}

TEST_CASE("A grace does not end after the last time") {
  Rotation rotation = some_rotation();
  rotation.grace = kMaxDuration;
  const Time late = kLastTime - std::chrono::days(1);
  const auto [successor, previous] = value_of(rotate(some_key(), rotation, late));
  CHECK(previous.expires_at == kLastTime);
}

TEST_CASE("A successor has the lifetime of the key") {
  Key key = some_key();
  Rotation rotation = some_rotation();
  key.created_at = kRotatedAt - hours(30);
  key.expires_at = key.created_at + hours(48);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).successor.expires_at ==
        rotation.created_at + hours(48));
  key.expires_at = kEndOfTimes - Time::duration(1);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).successor.expires_at == key.expires_at);
  rotation.expires_at = kRotatedAt + hours(1);
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).successor.expires_at == kRotatedAt + hours(1));
  rotation.expires_at = std::optional<Time>();
  CHECK(value_of(rotate(key, rotation, kRotatedAt)).successor.expires_at == std::nullopt);
  rotation.expires_at = kRotatedAt;
  CHECK(problem(key, rotation) == "the successor of key_0123456789ab would already be expired");
}

TEST_CASE("Only an active key without a successor is rotated") {
  Key key = some_key();
  SUBCASE("revoked") { key.revoked_at = kRotatedAt; }
  SUBCASE("suspended") { key.suspended_at = kRotatedAt; }
  SUBCASE("expired") { key.expires_at = kRotatedAt; }
  SUBCASE("superseded") { key.superseded_by = test::id("key_zzzzzzzzzzzy"); }
  const auto rotated = rotate(key, some_rotation(), kRotatedAt);
  REQUIRE_FALSE(rotated.has_value());
  CHECK(rotated.error().code == ErrorCode::conflict);
}

TEST_CASE("A rotation is done when its keys exist") {
  const Rotation rotation = some_rotation();
  const auto [successor, previous] = value_of(rotate(some_key(), rotation, kRotatedAt));
  CHECK(is_done(rotation, previous, successor));
  CHECK_FALSE(is_done(rotation, some_key(), successor));
  Rotation other = rotation;
  other.hash = hash_api_key("other");
  CHECK_FALSE(is_done(other, previous, successor));
  other = rotation;
  other.successor = test::id("key_zzzzzzzzzzzy");
  CHECK_FALSE(is_done(other, previous, successor));
}

TEST_CASE("A rotation from outside is checked") {
  Rotation rotation = some_rotation();
  CHECK(check_rotation(rotation).has_value());
  rotation.grace = kMaxDuration;
  CHECK(check_rotation(rotation).has_value());
  rotation.grace += std::chrono::seconds(1);
  CHECK_FALSE(check_rotation(rotation).has_value());
  rotation.grace = std::chrono::seconds(-1);
  CHECK_FALSE(check_rotation(rotation).has_value());
  rotation = some_rotation();
  rotation.last_four = "wxy";
  CHECK_FALSE(check_rotation(rotation).has_value());
}

}  // namespace
}  // namespace nexakey::core
