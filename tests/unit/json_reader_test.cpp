#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::ip;
using test::some_key;
using test::value_of;

const Time kNow = at("2026-06-01T12:00:00Z");

template <typename Write>
std::string written(Write write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return text;
}

/// What `write` writes, read as JSON.
template <typename Write>
Json as_json(Write write) {
  return value_of(parse_json(written(write)));
}

Json key_json(const Key& key) {
  return as_json([&](JsonWriter& json) { write_key_record(json, key, kNow); });
}

Token some_token() {
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
  key.last_used_at = at("2026-04-30T01:02:03.004Z");
  key.rotated_from = test::id("key_000000000001");
  key.superseded_by = test::id("key_zzzzzzzzzzzz");
  return key;
}

TEST_CASE("Exactly one JSON text is accepted") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  struct Row {
    std::string text;
    bool is_read;
  };
  const std::vector<Row> rows{
      {"{}", true},
      {" [1,\"a\",null] \n", true},
      {"7", true},
      {R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", true},
      {nested(32), true},
      {"", false},
      {" ", false},
      {"{", false},
      {"{}x", false},
      {"{}{}", false},
      {"[1,]", false},
      {"{'a':1}", false},
      {"NaN", false},
      {"\"\xFF\"", false},
      {std::string("{}\0", 3), false},
      {std::string("{}\0{}", 5), false},
      {std::string("\"\0\"", 3), false},
      {R"({"a":1,"a":1})", false},
      {R"({"a":1,"b":2,"\u0061":3})", false},
      {R"({"x":[{"y":{"a":1,"a":2}}]})", false},
      {nested(33), false},
      {nested(30'000), false},
      {std::string(30'000, '['), false},
      {R"({"a":)" + nested(32) + "}", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 80));
    const auto json = parse_json(row.text);
    CHECK(json.has_value() == row.is_read);
    if (!json) {
      CHECK(json.error().code == ErrorCode::usage);
    }
  }
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
  std::vector<Token> tokens(4, some_token());
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
  Token token = some_token();
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

  Json token = token_json(some_token());
  token["scope"] = "read";
  CHECK_FALSE(read_token(token, Unknown::refused).has_value());
  CHECK(value_of(read_token(token, Unknown::ignored)) == some_token());

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
    Json json = token_json(some_token());
    json[row.name] = value_of(parse_json(row.value));
    CHECK_FALSE(read_token(json, Unknown::ignored).has_value());
  }
  Json without_role = token_json(some_token());
  without_role.erase("role");
  CHECK_FALSE(read_token(without_role, Unknown::ignored).has_value());
}

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
    CHECK(read.labels == change.labels);
    CHECK(read.suspended == change.suspended);
    CHECK(read.allow == change.allow);
    CHECK(read.disallow == change.disallow);
    CHECK(read.may_open == change.may_open);
  }
}

TEST_CASE("An invalid change is refused") {
  for (const std::string_view text :
       {"null", "[]", R"({"name":""})", R"({"name":7})", R"({"description":"\u001b"})",
        R"({"scopes":[]})", R"({"scopes":null})", R"({"scopes":["admin"]})",
        R"({"expires_at":"x"})", R"({"rate_limit":0})", R"({"rate_limit":"5"})",
        R"({"labels":{"a":null}})", R"({"suspended":"true"})", R"({"suspended":1})",
        R"({"allow":["x"]})", R"({"allow":"::1"})", R"({"disallow":[7]})", R"({"may_open":1})",
        R"({"expires":null})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_change(value_of(parse_json(text))).has_value());
  }
}

TEST_CASE("A request is read as it was written, with the hash for the key") {
  std::vector<Request> requests(4);
  set_credential(requests[1], test::kSomeApiKey);
  requests[1].method = "POST";
  requests[1].path = "/v1/leads?x=y";
  requests[1].ip = ip("2001:db8::1");
  requests[1].workspace = "acme";
  requests[1].override_method = "DELETE";
  set_credential(requests[2], "nonsense");
  requests[2].ref = R"({"n":[1,"x"]})";
  set_credential(requests[3], test::kSomeApiKey);
  const std::string text = written([&](JsonWriter& json) {
    json.begin_array();
    for (const Request& request : requests) {
      write_request(json, request);
    }
    json.end_array();
  });
  CAPTURE(text);
  CHECK_FALSE(contains_credential(text));
  const RequestDocument document = value_of(parse_requests(text));
  CHECK(document.is_array);
  REQUIRE(document.requests.size() == requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    const Request& read = document.requests[i];
    CHECK(read.credential == requests[i].credential);
    CHECK(read.key_hash == requests[i].key_hash);
    CHECK(read.method == requests[i].method);
    CHECK(read.path == requests[i].path);
    CHECK(read.ip == requests[i].ip);
    CHECK(read.workspace == requests[i].workspace);
    CHECK(read.override_method == requests[i].override_method);
    CHECK(read.ref == (requests[i].ref.empty() ? "null" : requests[i].ref));
  }
}

TEST_CASE("A document has one request or an array of them") {
  const std::string hash = to_hex(some_key().hash);
  struct Row {
    std::string text;
    int requests;  // -1: refused
    bool is_array;
  };
  const std::vector<Row> rows{
      {"{}", 1, false},
      {"[]", 0, true},
      {" [ ] ", 0, true},
      {"[{}]", 1, true},
      {R"([{"ref":[1,[2]]},{"key":null,"ref":{"a":[]}},{}])", 3, true},
      {R"([{"path":"/a"},{"path":"/b"}])", 2, true},
      {R"({"key_hash":")" + hash + "\"}", 1, false},
      {R"({"method_override":null})", 1, false},
      {"", -1, false},
      {"null", -1, false},
      {"7", -1, false},
      {"\"a\"", -1, false},
      {"[null]", -1, false},
      {"[{},null]", -1, false},
      {"[{\"ref\":1},null]", -1, false},
      {"[7]", -1, false},
      {"[\"a\"]", -1, false},
      {"[true]", -1, false},
      {"[[]]", -1, false},
      {"[[{}]]", -1, false},
      {"[{},[]]", -1, false},
      {"[{}", -1, false},
      {"[{}]x", -1, false},
      {"[{}][]", -1, false},
      {"{}{}", -1, false},
      {std::string("[]\0", 3), -1, false},
      {R"([{"path":"/a","path":"/b"}])", -1, false},
      {R"([{"paths":"/a"}])", -1, false},
      {R"([{},{"path":7}])", -1, false},
      {R"([{"method_override":""}])", -1, false},
      {R"([{"method_override":7}])", -1, false},
      {R"({"key_hash":null})", -1, false},
      {R"({"key_hash":"00"})", -1, false},
      {R"({"key_hash":7})", -1, false},
      {R"({"key":"x","key_hash":")" + hash + "\"}", -1, false},
      {R"({"key_hash":")" + hash + R"(","key":"x"})", -1, false},
      {R"([{"key":")" + std::string(test::kSomeApiKey) + R"(","key_hash":")" + hash + "\"}]", -1,
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto document = parse_requests(row.text);
    REQUIRE(document.has_value() == (row.requests >= 0));
    if (document) {
      CHECK(document->requests.size() == static_cast<std::size_t>(row.requests));
      CHECK(document->is_array == row.is_array);
    } else {
      CHECK(document.error().code == ErrorCode::usage);
      CHECK_FALSE(document.error().message.empty());
      CHECK_FALSE(contains_credential(document.error().message));
    }
  }
  const auto refs = value_of(parse_requests(R"([{"ref":[1,{"a":2}]},{},{"ref":"x"}])")).requests;
  CHECK(refs[0].ref == R"([1,{"a":2}])");
  CHECK(refs[1].ref.empty());
  CHECK(refs[2].ref == R"("x")");
}

TEST_CASE("A document has at most 1024 requests") {
  std::string text = "[{}";
  for (int i = 1; i < 1024; ++i) {
    text += ",{}";
  }
  CHECK(value_of(parse_requests(text + "]")).requests.size() == 1024);
  CHECK_FALSE(parse_requests(text + ",{}]").has_value());
}

TEST_CASE("A hash in place of a key is for many requests only") {
  const auto request = parse_request(R"({"key_hash":")" + to_hex(some_key().hash) + "\"}");
  REQUIRE_FALSE(request.has_value());
  CHECK(request.error().message == "a request has no member \"key_hash\"");
  CHECK_FALSE(parse_request("[{}]").has_value());
}

TEST_CASE("An upstream response is read as it was written") {
  for (const UpstreamResponse& answer :
       {UpstreamResponse{
            .key = some_key().id, .method = "POST", .path = "/v1/leads?x=y", .status = 502},
        UpstreamResponse{.key = some_key().id, .status = 200, .workspace = "sales"},
        UpstreamResponse{.key = some_key().id, .method = "GET", .path = "/", .status = 100}}) {
    const UpstreamResponse read = value_of(read_upstream_response(
        as_json([&](JsonWriter& json) { write_upstream_response(json, answer); })));
    CHECK(read.key == answer.key);
    CHECK(read.method == answer.method);
    CHECK(read.path == answer.path);
    CHECK(read.status == answer.status);
    CHECK(read.workspace == answer.workspace);
  }
  const std::string key = R"("key_id":"key_0123456789ab")";
  for (const std::string& text : std::vector<std::string>{
           R"({"status":200})", R"({"key_id":null,"status":200})", R"({"key_id":"x","status":200})",
           "{" + key + "}", "{" + key + R"(,"status":99})", "{" + key + R"(,"status":600})",
           "{" + key + R"(,"status":-4294967096})", "{" + key + R"(,"status":4294967496})",
           "{" + key + R"(,"status":"200"})", "{" + key + R"(,"status":200.5})",
           "{" + key + R"(,"status":200,"method":"G T"})",
           "{" + key + R"(,"status":200,"path":"x"})",
           "{" + key + R"(,"status":200,"workspace":"a b"})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_upstream_response(value_of(parse_json(text))).has_value());
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

TEST_CASE("A decision is read as it was written") {
  Decision known;
  known.key_id = some_key().id;
  known.workspace = "acme";
  known.scopes = test::scopes("write");
  known.client_ip = ip("198.51.100.7");
  std::vector<Decision> decisions;
  for (int i = 0; i <= static_cast<int>(Reason::allowed); ++i) {
    const auto reason = static_cast<Reason>(i);
    Decision& decision = decisions.emplace_back(reason <= Reason::unknown_key ? Decision() : known);
    decision.reason = reason;
    if (reason >= Reason::ip_not_allowed) {
      decision.rate_limit =
          RateLimit{.limit = 5, .remaining = 4, .reset_at = 1'780'315'260, .retry_after = {}};
    }
    if (reason == Reason::rate_limited) {
      decision.rate_limit->remaining = 0;
      decision.rate_limit->retry_after = 17;
    }
    if (reason == Reason::insufficient_scope) {
      for (const Scope scope : {Scope::read, Scope::write}) {
        decisions.push_back(decisions.back());
        decisions.back().needed_scope = scope;
      }
    }
  }
  const std::vector<Check> checks{{"credential", true, "a key was given"},
                                  {"whitelist", false, "\"x\""}};
  for (const Decision& decision : decisions) {
    const Json json =
        as_json([&](JsonWriter& writer) { write_decision(writer, decision, checks); });
    CAPTURE(json.dump());
    const Decision read = value_of(read_decision(json));
    CHECK(read.reason == decision.reason);
    CHECK(read.key_id == decision.key_id);
    CHECK(read.workspace == decision.workspace);
    CHECK(read.scopes == decision.scopes);
    CHECK(read.client_ip == decision.client_ip);
    CHECK(read.needed_scope == decision.needed_scope);
    REQUIRE(read.rate_limit.has_value() == decision.rate_limit.has_value());
    CHECK(read.headers() == decision.headers());
    const auto read_back = value_of(read_checks(json));
    REQUIRE(read_back.size() == checks.size());
    for (std::size_t i = 0; i < checks.size(); ++i) {
      CHECK(read_back[i].name == checks[i].name);
      CHECK(read_back[i].passed == checks[i].passed);
      CHECK(read_back[i].found == checks[i].found);
    }
  }
  CHECK(value_of(read_checks(as_json([](JsonWriter& json) { write_decision(json, {}); }))).empty());
}

TEST_CASE("An invalid decision admits nothing") {
  for (const std::string_view text :
       {"null", "[]", "{}", R"({"allowed":true})", R"({"status":200,"allowed":true})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_decision(value_of(parse_json(text))).has_value());
  }
  Decision decision;
  decision.reason = Reason::allowed;
  decision.key_id = some_key().id;
  decision.scopes = test::scopes("read");
  const Json whole = as_json([&](JsonWriter& writer) { write_decision(writer, decision); });
  REQUIRE(read_decision(whole).has_value());
  struct Row {
    std::string name;
    std::string value;
  };
  for (const Row& row : std::vector<Row>{
           {"reason", "null"},
           {"reason", R"("Allowed")"},
           {"reason", R"("allowed_")"},
           {"reason", R"("expired_key")"},
           {"reason", "1"},
           {"allowed", "false"},
           {"allowed", "null"},
           {"allowed", "1"},
           {"status", "429"},
           {"status", "null"},
           {"status", R"("200")"},
           {"key_id", "null"},
           {"key_id", R"("x")"},
           {"scopes", R"("read")"},
           {"scopes", R"(["admin"])"},
           {"client_ip", R"("x")"},
           {"headers", "[]"},
           {"headers", R"({"X-RateLimit-Limit":5})"},
           {"headers", R"({"X-RateLimit-Limit":"-5"})"},
           {"headers", R"({"X-RateLimit-Limit":"5x"})"},
           {"headers", R"({"X-RateLimit-Limit":"4294967296"})"},
       }) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    Json json = whole;
    json[row.name] = value_of(parse_json(row.value));
    CHECK_FALSE(read_decision(json).has_value());
  }
}

TEST_CASE("A report of usage is read as it was written") {
  for (const Grouping by : {Grouping::endpoint, Grouping::day, Grouping::hour, Grouping::status}) {
    UsageReport report;
    report.today = {.requests = 1};
    report.this_week = {.requests = 2, .denied = 1};
    report.this_month = {.requests = 200, .denied = 4, .rate_limited = 3, .upstream_errors = 7};
    report.since = at("2026-06-01");
    report.total = report.this_month;
    report.by = by;
    report.groups = {{"a \"b\"", {150, 4, 3, 7}}, {"(other)", {50, 0, 0, 0}}};
    const Json json =
        as_json([&](JsonWriter& writer) { write_usage(writer, std::nullopt, report); });
    CAPTURE(json.dump());
    const UsageReport read = value_of(read_usage(json, by));
    CHECK(read.today == report.today);
    CHECK(read.this_week == report.this_week);
    CHECK(read.this_month == report.this_month);
    CHECK(read.since == report.since);
    CHECK(read.total == report.total);
    CHECK(read.by == by);
    CHECK(read.groups == report.groups);

    const std::string list = "by_" + std::string(name_of(by));
    struct Row {
      std::string pointer;
      std::string value;
    };
    for (const Row& row : std::vector<Row>{{"/today", "null"},
                                           {"/total", "7"},
                                           {"/total/requests", "\"7\""},
                                           {"/total/denied", "-1"},
                                           {"/this_week/upstream_errors", "0.5"},
                                           {"/since", "7"},
                                           {"/" + list, "{}"},
                                           {"/" + list + "/0", "7"},
                                           {"/" + list + "/0/requests", "true"},
                                           {"/" + list + "/0/" + std::string(name_of(by)), "7"}}) {
      CAPTURE(row.pointer);
      Json damaged = json;
      damaged[Json::json_pointer(row.pointer)] = value_of(parse_json(row.value));
      CHECK_FALSE(read_usage(damaged, by).has_value());
    }
  }
}

TEST_CASE("An error is read as it was written") {
  for (const Error& error : {Error{ErrorCode::not_found, "no key \"crm\"", ""},
                             Error{ErrorCode::conflict, "taken", "use another one"},
                             Error{ErrorCode::store_unavailable, "busy", ""},
                             Error{ErrorCode::forbidden, "no", "ask"}}) {
    const auto read = read_error(as_json([&](JsonWriter& json) { write_error(json, error); }));
    REQUIRE(read.has_value());
    CHECK(read->code == error.code);
    CHECK(read->message == error.message);
    CHECK(read->hint == error.hint);
  }
  // What a server says is printed.
  const auto wild = read_error(value_of(
      parse_json(R"({"error":{"code":"failed","message":"a\u001b[2J","hint":"\u009b","x":1}})")));
  REQUIRE(wild.has_value());
  CHECK(wild->message == "a\uFFFD[2J");
  CHECK(wild->hint == "\uFFFD");
  for (const std::string_view text :
       {"null", "[]", "{}", R"({"error":null})", R"({"error":"x"})", R"({"error":{}})",
        R"({"error":{"code":"odd"}})", R"({"error":{"code":7,"message":"x"}})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_error(value_of(parse_json(text))).has_value());
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

TEST_CASE("An entry of the audit log is read with the same hash") {
  AuditEntry entry = next_entry({}, {.name = "Zoë \"x\"", .source = "host"}, at("2026-01-01"),
                                {.action = AuditAction::edit,
                                 .workspace = "acme",
                                 .subject = "key_0123456789ab",
                                 .details = R"({"name":{"from":"é","to":"\u0001"}})"});
  SUBCASE("") {}
  SUBCASE("with little in it") { entry = next_entry({}, {}, {}, {.action = AuditAction::import}); }
  SUBCASE("with details that are not JSON") { entry.details = "{\"a\":\x1B"; }
  SUBCASE("with details as deep as an entry takes") {
    entry.details = std::string(31, '[') + std::string(31, ']');
  }
  SUBCASE("with details that are nested too deeply") { entry.details = std::string(100'000, '['); }
  const auto read = value_of(
      read_audit_entry(as_json([&](JsonWriter& json) { write_audit_entry(json, entry); })));
  CHECK(read.number == entry.number);
  CHECK(read.at == entry.at);
  CHECK(read.action == entry.action);
  CHECK(read.actor == entry.actor);
  CHECK(read.workspace == entry.workspace);
  CHECK(read.subject == entry.subject);
  CHECK(read.details == entry.details);
  CHECK(read.hash == entry.hash);
  CHECK(hash_of(read, {}) == hash_of(entry, {}));
}

TEST_CASE("The head of an audit log is read as it was written") {
  const AuditHead head{.number = 7, .hash = sha256("any")};
  CHECK(value_of(read_audit_head(
            as_json([&](JsonWriter& json) { write_audit_head(json, head); }))) == head);
  CHECK_FALSE(read_audit_head(Json{{"number", 7}}).has_value());
}

}  // namespace
}  // namespace nexakey::core
