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
using test::some_key;
using test::value_of;
using test::written;

Json key_json(const Key& key) {
  return as_json([&](JsonWriter& json) { write_key_record(json, key, kNow); });
}

Token hashed_token() {
  Token token;
  token.id = TokenId(7);
  token.name = "edge";
  token.hash = hash_credential("any");
  token.last_four = "wxyz";
  token.created_at = at("2026-01-01T00:00:00.001Z");
  return token;
}

Json token_json(const Token& token) {
  return as_json([&](JsonWriter& json) { write_token_record(json, token, kNow); });
}

Key full_key() {
  Key key = some_key();
  key.name = "Zoë \"x\"";
  key.workspace = "acme";
  key.scopes = test::scopes("write,read");
  key.whitelist = test::whitelist({"2001:db8::/32", "203.0.113.0/24", "198.51.100.7"});
  key.rate_limit = kMaxRateLimit;
  key.labels = {{"team", "crm"}, {"empty", ""}};
  key.description = "for the CRM";
  key.expires_at = at("2027-01-01");
  key.suspended_at = at("2026-01-10");
  key.revoked_at = at("2026-05-01T00:00:00.001Z");
  key.revoke_reason = "leaked";
  key.last_use = {.at = at("2026-04-30T01:02:03.004Z"), .ip = IpAddress::parse("192.0.2.7")};
  key.rotated_from = test::id("key_000000000001");
  key.superseded_by = test::id("key_zzzzzzzzzzzz");
  return key;
}

TEST_CASE("A new key is written with null for all absent values") {
  CHECK(
      written([](JsonWriter& json) { write_key(json, some_key(), kNow); }) ==
      R"({"id":"key_0123456789ab","name":"crm","workspace":"default",)"
      R"("hint":"fc_live_…OPQR","scopes":["read"],"whitelist":[],"rate_limit":100,)"
      R"("status":"active","labels":{},"description":null,)"
      R"("created_at":"2026-01-02T03:04:05.678Z","expires_at":null,"suspended_at":null,)"
      R"("revoked_at":null,)"
      R"("revoke_reason":null,"last_used_at":null,"last_used_ip":null,"rotated_from":null,"superseded_by":null})");
}

TEST_CASE("A key is written with all members") {
  Key key = some_key();
  key.name = "Zoë \"x\"\x1B";
  key.workspace = "acme";
  key.scopes = test::scopes("write,read");
  key.whitelist = test::whitelist({"2001:db8::/32", "203.0.113.0/24", "::ffff:198.51.100.7"});
  key.rate_limit = 5;
  // Only a store that was tampered with can have such a name.
  key.labels = {{"team", "crm"}, {"\"\x1B", "\"prod\""}};
  key.description = "for the CRM";
  key.expires_at = at("2027-01-01");
  key.suspended_at = at("2026-01-10");
  key.revoked_at = at("2026-05-01T00:00:00.001Z");
  key.revoke_reason = "leaked";
  key.last_use = {.at = at("2026-04-30T01:02:03.004Z"), .ip = IpAddress::parse("192.0.2.7")};
  key.rotated_from = test::id("key_000000000001");
  key.superseded_by = test::id("key_zzzzzzzzzzzz");
  CHECK(written([&](JsonWriter& json) { write_key(json, key, kNow); }) ==
        R"({"id":"key_0123456789ab","name":"Zoë \"x\"\u001b","workspace":"acme",)"
        R"("hint":"fc_live_…OPQR","scopes":["read","write"],)"
        R"("whitelist":["198.51.100.7","203.0.113.0/24","2001:db8::/32"],"rate_limit":5,)"
        R"("status":"revoked","labels":{"\"\u001b":"\"prod\"","team":"crm"},)"
        R"("description":"for the CRM","created_at":"2026-01-02T03:04:05.678Z",)"
        R"("expires_at":"2027-01-01T00:00:00.000Z","suspended_at":"2026-01-10T00:00:00.000Z",)"
        R"("revoked_at":"2026-05-01T00:00:00.001Z",)"
        R"("revoke_reason":"leaked","last_used_at":"2026-04-30T01:02:03.004Z",)"
        R"("last_used_ip":"192.0.2.7",)"
        R"("rotated_from":"key_000000000001","superseded_by":"key_zzzzzzzzzzzz"})");
}

TEST_CASE("The status of a key is written as of now") {
  Key key = some_key();
  key.expires_at = kNow;
  const auto at_time = [&](Time now) {
    return written([&](JsonWriter& json) { write_key(json, key, now); });
  };
  CHECK(at_time(kNow).find(R"("status":"expired")") != std::string::npos);
  CHECK(at_time(kNow - std::chrono::milliseconds(1)).find(R"("status":"active")") !=
        std::string::npos);
  key.suspended_at = kNow;
  CHECK(at_time(kNow).find(R"("status":"suspended")") != std::string::npos);
}

TEST_CASE("A whitelist is written with the id of its key") {
  Key key = some_key();
  CHECK(written([&](JsonWriter& json) { write_whitelist(json, key); }) ==
        R"({"key_id":"key_0123456789ab","whitelist":[]})");
  key.whitelist = test::whitelist({"::1", "203.0.113.0/24"});
  CHECK(written([&](JsonWriter& json) { write_whitelist(json, key); }) ==
        R"({"key_id":"key_0123456789ab","whitelist":["::1","203.0.113.0/24"]})");
}

TEST_CASE("A key is read as it was written") {
  Key unnamed = some_key();
  unnamed.name = unnamed.id.to_string();
  for (const Key& key : {some_key(), full_key(), unnamed}) {
    CAPTURE(key.name);
    for (const Unknown unknown : {Unknown::refused, Unknown::ignored}) {
      CHECK(value_of(read_key(key_json(key), unknown)) == key);
    }
  }
}

TEST_CASE("A token is read as it was written") {
  std::vector<Token> tokens(4, hashed_token());
  tokens[1].role = Role::auditor;
  tokens[1].workspace = "acme";
  tokens[2].role = Role::admin;
  tokens[2].expires_at = at("2026-06-01T12:00:00.001Z");
  tokens[3].revoked_at = at("2026-02-01");
  tokens[3].name = tokens[3].id.to_string();
  for (const Token& token : tokens) {
    CAPTURE(token.name);
    for (const Unknown unknown : {Unknown::refused, Unknown::ignored}) {
      CHECK(value_of(read_token(token_json(token), unknown)) == token);
    }
  }
}

TEST_CASE("Damage is read as it was written, and decides whether a key is damaged") {
  struct Row {
    std::vector<std::string> damage;
    bool is_damaged;
  };
  for (const Row& row : std::vector<Row>{{{"description"}, false},
                                         {{"labels", "scopes"}, true},
                                         {{"whitelist"}, true},
                                         {{"a column of a newer version"}, false}}) {
    Key key = full_key();
    key.damage = row.damage;
    key.is_damaged = row.is_damaged;
    CHECK(value_of(read_key(key_json(key), Unknown::refused)) == key);
  }
  CHECK_FALSE(key_json(full_key()).contains("damage"));
}

TEST_CASE("Only a damaged key has no scopes") {
  Key key = full_key();
  key.scopes = Scopes();
  CHECK_FALSE(read_key(key_json(key), Unknown::ignored).has_value());
  key.damage = {"description"};
  CHECK_FALSE(read_key(key_json(key), Unknown::ignored).has_value());
  key.damage = {"scopes"};
  key.is_damaged = true;
  CHECK(value_of(read_key(key_json(key), Unknown::ignored)) == key);
}

TEST_CASE("Damage that is not a list of printable texts is refused") {
  for (const Json& damage :
       {Json("scopes"), Json(7), Json::object(), Json::array({7}), Json::array({"a\x1b"}),
        Json::array({std::string(1001, 'x')}), Json(nullptr)}) {
    CAPTURE(damage.dump());
    Json json = key_json(full_key());
    json["damage"] = damage;
    CHECK_FALSE(read_key(json, Unknown::ignored).has_value());
  }
}

TEST_CASE("A token is damaged if its status says so") {
  Token token = hashed_token();
  token.is_damaged = true;
  const Json json = token_json(token);
  CHECK(json["status"] == "damaged");
  CHECK(value_of(read_token(json, Unknown::refused)) == token);
}

TEST_CASE("Unknown members are refused or ignored") {
  Json key = key_json(some_key());
  key["rate_limits"] = 5;
  const auto refused = read_key(key, Unknown::refused);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK(refused.error().message == "a key has no member \"rate_limits\"");
  CHECK(value_of(read_key(key, Unknown::ignored)) == some_key());

  Json token = token_json(hashed_token());
  token["scope"] = "read";
  CHECK_FALSE(read_token(token, Unknown::refused).has_value());
  CHECK(value_of(read_token(token, Unknown::ignored)) == hashed_token());

  CHECK_FALSE(read_change(value_of(parse_json(R"({"rate_limits":5})"))).has_value());
  CHECK_FALSE(read_revocation(value_of(parse_json(R"({"ids":[],"why":"x"})"))).has_value());
  CHECK_FALSE(read_upstream_response(
                  value_of(parse_json(R"({"key_id":"key_0123456789ab","status":200,"x":1})")))
                  .has_value());
}

TEST_CASE("A key with a wrong type or a value out of range is refused") {
  struct Row {
    std::string name;
    std::string value;
  };
  const std::vector<Row> rows{
      {"id", "7"},
      {"id", R"("key_")"},
      {"id", R"("tok_0123456789ab")"},
      {"hash", "[]"},
      {"hash", R"("00")"},
      {"hint", R"("abc")"},
      {"hint", "null"},
      {"name", "1"},
      {"name", R"("")"},
      {"name", R"("a\u001b")"},
      {"workspace", "true"},
      {"workspace", R"("a b")"},
      {"scopes", R"("read")"},
      {"scopes", "[]"},
      {"scopes", "[1]"},
      {"scopes", R"(["admin"])"},
      {"whitelist", "{}"},
      {"whitelist", "[null]"},
      {"whitelist", R"(["10.0.0.1/8"])"},
      {"rate_limit", "0"},
      {"rate_limit", "-1"},
      {"rate_limit", "1.5"},
      {"rate_limit", "100001"},
      {"rate_limit", "4294967396"},
      {"rate_limit", "18446744073709551615"},
      {"rate_limit", R"("5")"},
      {"labels", "[]"},
      {"labels", R"({"a":1})"},
      {"labels", R"({"a b":"c"})"},
      {"description", "7"},
      {"description", R"("\u001b")"},
      {"created_at", "7"},
      {"created_at", R"("soon")"},
      {"expires_at", "false"},
      {"suspended_at", R"("")"},
      {"revoked_at", "[]"},
      {"last_used_at", "{}"},
      {"last_used_ip", "\"192.0.2\""},
      {"revoke_reason", "0"},
      {"status", "0"},
      {"status", R"("active2")"},
      {"rotated_from", R"("crm")"},
      {"superseded_by", "1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    Json json = key_json(some_key());
    json[row.name] = value_of(parse_json(row.value));
    const auto key = read_key(json, Unknown::ignored);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().code == ErrorCode::usage);
  }
  for (const std::string_view text : {"null", "[]", "7", "\"key\"", "true", "{}"}) {
    CAPTURE(text);
    const Json json = value_of(parse_json(text));
    CHECK_FALSE(read_key(json, Unknown::ignored).has_value());
    CHECK_FALSE(read_token(json, Unknown::ignored).has_value());
    CHECK_FALSE(read_upstream_response(json).has_value());
    CHECK_FALSE(read_decision(json).has_value());
    CHECK_FALSE(read_usage(json, Grouping::day).has_value());
    CHECK_FALSE(read_error(json).has_value());
  }
}

TEST_CASE("A token with a wrong type or a value out of range is refused") {
  struct Row {
    std::string name;
    std::string value;
  };
  for (const Row& row : std::vector<Row>{{"id", R"("key_0123456789ab")"},
                                         {"hash", R"("xyz")"},
                                         {"hint", "null"},
                                         {"name", R"("")"},
                                         {"role", "null"},
                                         {"role", R"("root")"},
                                         {"role", "1"},
                                         {"workspace", R"("")"},
                                         {"workspace", "[]"},
                                         {"created_at", R"("x")"},
                                         {"expires_at", "1"},
                                         {"revoked_at", "true"}}) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    Json json = token_json(hashed_token());
    json[row.name] = value_of(parse_json(row.value));
    CHECK_FALSE(read_token(json, Unknown::ignored).has_value());
  }
  Json without_role = token_json(hashed_token());
  without_role.erase("role");
  CHECK_FALSE(read_token(without_role, Unknown::ignored).has_value());
}

TEST_CASE("Labels are read back from the JSON that a store keeps") {
  for (const Labels& labels : std::vector<Labels>{
           {}, {{"team", "crm"}}, {{"a", ""}, {"b", "\"\\/"}, {"c", "Zoë 🦀"}, {"d", "{}"}}}) {
    const std::string json = labels_to_json(labels);
    CAPTURE(json);
    const auto read = labels_from_json(json);
    REQUIRE(read.has_value());
    CHECK(*read == labels);
  }
  CHECK(labels_to_json({}) == "{}");
  CHECK(labels_to_json({{"team", "crm"}, {"env", "prod"}}) == R"({"env":"prod","team":"crm"})");
}

TEST_CASE("Only a JSON object of texts is read as labels") {
  for (const std::string& json : std::vector<std::string>{
           "", "null", "[]", "\"a\"", "7", "{", R"({"a":1})", R"({"a":null})", R"({"a":["b"]})",
           R"({"a":{}})", R"({"a":"b"}x)", R"({"a":"b",})", "{\"a\":\"\xFF\"}"}) {
    CAPTURE(json);
    const auto labels = labels_from_json(json);
    REQUIRE_FALSE(labels.has_value());
    CHECK(labels.error().code == ErrorCode::usage);
  }
}

}  // namespace
}  // namespace nexakey::core
