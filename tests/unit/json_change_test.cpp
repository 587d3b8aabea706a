#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/unit/json_support.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::as_json;
using test::at;
using test::kNow;
using test::value_of;
using test::written;

TEST_CASE("A change is read as it was written") {
  std::vector<KeyChange> changes{
      {},
      {.name = "crm"},
      {.description = ""},
      {.description = "for the CRM"},
      {.scopes = test::scopes("read,write")},
      {.expires_at = std::optional<Time>()},
      {.expires_at = std::optional(kNow)},
      {.rate_limit = 1},
      {.labels = {{"team", "crm"}, {"old", ""}}},
      {.limits = {{Window{1}, 20}, {Window::day, std::nullopt}}},
      {.suspended = true},
      {.suspended = false},
      {.allow = test::whitelist({"203.0.113.0/24", "::1"})},
      {.disallow = test::whitelist({"198.51.100.7"})},
      {.may_open = true},
  };
  for (const KeyChange& change : changes) {
    const std::string text = written([&](JsonWriter& json) { write_change(json, change); });
    CAPTURE(text);
    const KeyChange read = value_of(read_change(value_of(parse_json(text))));
    CHECK(read.name == change.name);
    CHECK(read.description == change.description);
    CHECK(read.scopes == change.scopes);
    CHECK(read.expires_at == change.expires_at);
    CHECK(read.rate_limit == change.rate_limit);
    CHECK(read.limits == change.limits);
    CHECK(read.labels == change.labels);
    CHECK(read.suspended == change.suspended);
    CHECK(read.allow == change.allow);
    CHECK(read.disallow == change.disallow);
    CHECK(read.may_open == change.may_open);
  }
}

TEST_CASE("An invalid change is refused") {
  for (const std::string_view text : {"null",
                                      "[]",
                                      R"({"name":""})",
                                      R"({"name":7})",
                                      R"({"description":"\u001b"})",
                                      R"({"scopes":[]})",
                                      R"({"scopes":null})",
                                      R"({"scopes":["admin"]})",
                                      R"({"expires_at":"x"})",
                                      R"({"rate_limit":0})",
                                      R"({"rate_limit":"5"})",
                                      R"({"limits":[{"window":"1s"}]})",
                                      R"({"limits":[{"requests":5}]})",
                                      R"({"limits":[{"window":"1s","request":5}]})",
                                      R"({"limits":[{"window":"2h","requests":5}]})",
                                      R"({"limits":[{"window":"1s","requests":5,"more":1}]})",
                                      R"({"limits":{"1s":5}})",
                                      R"({"labels":{"a":null}})",
                                      R"({"suspended":"true"})",
                                      R"({"suspended":1})",
                                      R"({"allow":["x"]})",
                                      R"({"allow":"::1"})",
                                      R"({"disallow":[7]})",
                                      R"({"may_open":1})",
                                      R"({"expires":null})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_change(value_of(parse_json(text))).has_value());
  }
}

TEST_CASE("A revocation has ids and a reason") {
  const Revocation revocation =
      value_of(read_revocation(value_of(parse_json(R"({"ids":["a","b"],"reason":"leaked"})"))));
  CHECK(revocation.ids == std::vector<std::string>{"a", "b"});
  CHECK(revocation.reason == "leaked");
  for (const std::string_view text :
       {"[]", "{}", R"({"ids":"a"})", R"({"ids":[1]})", R"({"ids":[],"reason":"\u001b"})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_revocation(value_of(parse_json(text))).has_value());
  }
}

Rotation some_rotation() {
  return {.successor = KeyId(7),
          .hash = hash_credential("any"),
          .last_four = "wxyz",
          .created_at = at("2026-01-01T00:00:00.001Z"),
          .grace = std::chrono::hours(24)};
}

Json rotation_json(const Rotation& rotation) {
  return as_json([&](JsonWriter& json) { write_rotation(json, rotation); });
}

TEST_CASE("A rotation is read as it was written") {
  Rotation rotation = some_rotation();
  SUBCASE("with the lifetime of the key") {}
  SUBCASE("with an end") { rotation.expires_at = at("2027-01-01"); }
  SUBCASE("without an end") { rotation.expires_at.emplace(); }
  const Rotation read = value_of(read_rotation(rotation_json(rotation)));
  CHECK(read.successor == rotation.successor);
  CHECK(read.hash == rotation.hash);
  CHECK(read.last_four == rotation.last_four);
  CHECK(read.created_at == rotation.created_at);
  CHECK(read.grace == rotation.grace);
  CHECK(read.expires_at == rotation.expires_at);
}

TEST_CASE("An invalid rotation is refused") {
  for (const char* const name : {"id", "hash", "hint", "created_at"}) {
    CAPTURE(name);
    Json json = rotation_json(some_rotation());
    json.erase(name);
    CHECK_FALSE(read_rotation(json).has_value());
    json[name] = "x";
    CHECK_FALSE(read_rotation(json).has_value());
  }
  Json json = rotation_json(some_rotation());
  json["grace_seconds"] = -1;
  CHECK_FALSE(read_rotation(json).has_value());
  json["grace_seconds"] = INT64_MAX;
  CHECK_FALSE(read_rotation(json).has_value());
  json["grace_seconds"] = 0;
  json["grace"] = 0;
  CHECK_FALSE(read_rotation(json).has_value());
}

}  // namespace
}  // namespace nexakey::core
