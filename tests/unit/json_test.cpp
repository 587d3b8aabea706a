#include "core/json.h"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::ip;
using test::kSomeApiKey;
using test::some_key;

const Time kNow = at("2026-06-01T12:00:00Z");

template <typename Write>
std::string written(Write write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return text;
}

std::string repeat(std::size_t count, std::string_view piece) {
  std::string text;
  while (count-- > 0) {
    text += piece;
  }
  return text;
}

TEST_CASE("The writer adds only commas") {
  CHECK(written([](JsonWriter& json) { json.begin_object().end_object(); }) == "{}");
  CHECK(written([](JsonWriter& json) { json.begin_array().end_array(); }) == "[]");
  CHECK(written([](JsonWriter& json) {
          json.begin_array().begin_array().end_array().begin_object().end_object().end_array();
        }) == "[[],{}]");
  CHECK(written([](JsonWriter& json) {
          json.begin_object().name("a").number(1).name("b").begin_array();
          json.string("x").null().boolean(true).boolean(false).real(0.5).raw("7").plain("y");
          json.end_array().name("c").begin_object().name("d").null().end_object().end_object();
        }) == R"({"a":1,"b":["x",null,true,false,0.5,7,"y"],"c":{"d":null}})");
}

TEST_CASE("The writer appends to the string") {
  std::string text = "before ";
  JsonWriter(text).begin_array().number(1).end_array();
  CHECK(text == "before [1]");
}

TEST_CASE("Numbers are written exactly") {
  CHECK(written([](JsonWriter& json) { json.number(std::numeric_limits<std::int64_t>::min()); }) ==
        "-9223372036854775808");
  CHECK(written([](JsonWriter& json) { json.number(std::numeric_limits<std::uint64_t>::max()); }) ==
        "18446744073709551615");
  struct Row {
    double value;
    std::string_view text;
  };
  for (const Row& row : {Row{0.0, "0"}, Row{1.0, "1"}, Row{0.5, "0.5"}, Row{0.02, "0.02"},
                         Row{1.0 / 3, "0.333333"}, Row{2.0 / 3, "0.666667"}}) {
    CAPTURE(row.text);
    CHECK(written([&](JsonWriter& json) { json.real(row.value); }) == row.text);
  }
}

TEST_CASE("Text is escaped for JSON and for terminals") {
  struct Row {
    std::string text;
    std::string json;
  };
  const std::vector<Row> rows{
      {"", R"("")"},
      {"abc /'<>&", R"("abc /'<>&")"},
      {"\"", R"("\"")"},
      {"\\", R"("\\")"},
      {"\\\"", R"("\\\"")"},
      {"\n", R"("\n")"},
      {"\t", R"("\t")"},
      {"\r", R"("\u000d")"},
      {"\b\f", R"("\u0008\u000c")"},
      {std::string(1, '\0'), R"("\u0000")"},
      {std::string("a\0b", 3), R"("a\u0000b")"},
      {"\x1B[2J", R"("\u001b[2J")"},
      {"\x1F", R"("\u001f")"},
      {"\x7F", R"("\u007f")"},
      {"\xC2\x80", R"("\u0080")"},
      {"\xC2\x9B", R"("\u009b")"},
      {"\xC2\x9F", R"("\u009f")"},
      {"\xC2\xA0", "\"\xC2\xA0\""},
      {"Zoë 日本語 🦀", "\"Zoë 日本語 🦀\""},
      {"\u202Etxt\u2066", R"("\u202etxt\u2066")"},
      {"a\u200Db\u2028", R"("a\u200db\u2028")"},
      {"\uE000", R"("\ue000")"},
      {"\U000E0041", R"("\udb40\udc41")"},
      {"\U0010FFFD", R"("\udbff\udffd")"},
      {"\xFF", "\"\uFFFD\""},
      {"caf\xE9", "\"caf\uFFFD\""},
      {"\xC3", "\"\uFFFD\""},
      {"\xC3\"", "\"\uFFFD\\\"\""},
      {"\xE2\x82", "\"\uFFFD\uFFFD\""},
      {"\xC0\xA2", "\"\uFFFD\uFFFD\""},
      {"\xED\xA0\x80", "\"\uFFFD\uFFFD\uFFFD\""},
      {"\xF4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    CHECK(written([&](JsonWriter& json) { json.string(row.text); }) == row.json);
    CHECK(written([&](JsonWriter& json) { json.any_name(row.text).number(1); }) == row.json + ":1");
  }
}

TEST_CASE("A new key is written with null for all absent values") {
  CHECK(written([](JsonWriter& json) { write_key(json, some_key(), kNow); }) ==
        R"({"id":"key_0123456789ab","name":"crm","workspace":"default",)"
        R"("hint":"fc_live_…OPQR","scopes":["read"],"whitelist":[],"rate_limit":100,)"
        R"("status":"active","labels":{},"description":null,)"
        R"("created_at":"2026-01-02T03:04:05.678Z","expires_at":null,"suspended_at":null,)"
        R"("revoked_at":null,)"
        R"("revoke_reason":null,"last_used_at":null,"rotated_from":null,"superseded_by":null})");
}

TEST_CASE("A key is written with all members") {
  Key key = some_key();
  key.name = "Zoë \"x\"\x1B";
  key.workspace = "acme";
  key.scopes = test::scopes("write,read");
  key.whitelist = test::whitelist({"2001:db8::/32", "203.0.113.0/24", "::ffff:198.51.100.7"});
  key.rate_limit = 5;
  // No such name gets into a store; one that was tampered with may have it.
  key.labels = {{"team", "crm"}, {"\"\x1B", "\"prod\""}};
  key.description = "for the CRM";
  key.expires_at = at("2027-01-01");
  key.suspended_at = at("2026-01-10");
  key.revoked_at = at("2026-05-01T00:00:00.001Z");
  key.revoke_reason = "leaked";
  key.last_used_at = at("2026-04-30T01:02:03.004Z");
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

TEST_CASE("A decision is written with its headers") {
  SUBCASE("without a key") {
    CHECK(written([](JsonWriter& json) { write_decision(json, Decision()); }) ==
          R"({"allowed":false,"status":401,"reason":"missing_key","key_id":null,)"
          R"("workspace":null,"scopes":null,"client_ip":null,)"
          R"("headers":{"WWW-Authenticate":"Bearer realm=\"nexakey\""},"ref":null})");
  }
  Decision decision;
  decision.key_id = some_key().id;
  decision.workspace = "default";
  decision.scopes = test::scopes("read");
  decision.client_ip = ip("198.51.100.7");
  decision.rate_limit =
      RateLimit{.limit = 100, .remaining = 99, .reset_at = 1'780'315'260, .retry_after = {}};
  SUBCASE("that allows") {
    decision.reason = Reason::allowed;
    decision.ref = R"({"a":[1,"x"]})";
    CHECK(written([&](JsonWriter& json) { write_decision(json, decision); }) ==
          R"({"allowed":true,"status":200,"reason":"allowed","key_id":"key_0123456789ab",)"
          R"("workspace":"default","scopes":["read"],"client_ip":"198.51.100.7",)"
          R"("headers":{"X-RateLimit-Limit":"100","X-RateLimit-Remaining":"99",)"
          R"("X-RateLimit-Reset":"1780315260"},"ref":{"a":[1,"x"]}})");
  }
  SUBCASE("that is rate limited") {
    decision.reason = Reason::rate_limited;
    decision.rate_limit->remaining = 0;
    decision.rate_limit->retry_after = 17;
    decision.ref = "0";
    CHECK(written([&](JsonWriter& json) { write_decision(json, decision); }) ==
          R"({"allowed":false,"status":429,"reason":"rate_limited","key_id":"key_0123456789ab",)"
          R"("workspace":"default","scopes":["read"],"client_ip":"198.51.100.7",)"
          R"("headers":{"X-RateLimit-Limit":"100","X-RateLimit-Remaining":"0",)"
          R"("X-RateLimit-Reset":"1780315260","Retry-After":"17"},"ref":0})");
  }
  SUBCASE("with its checks") {
    decision.reason = Reason::ip_not_allowed;
    const std::vector<Check> checks{{"credential", true, "a key was given"},
                                    {"whitelist", false, "\x1B\"x\""}};
    CHECK(written([&](JsonWriter& json) { write_decision(json, decision, checks); }) ==
          R"({"allowed":false,"status":403,"reason":"ip_not_allowed",)"
          R"("key_id":"key_0123456789ab","workspace":"default","scopes":["read"],)"
          R"("client_ip":"198.51.100.7",)"
          R"("headers":{"X-RateLimit-Limit":"100","X-RateLimit-Remaining":"99",)"
          R"("X-RateLimit-Reset":"1780315260"},"ref":null,"checks":[)"
          R"({"check":"credential","passed":true,"found":"a key was given"},)"
          R"({"check":"whitelist","passed":false,"found":"\u001b\"x\""}]})");
  }
}

TEST_CASE("A report of usage is written with all its periods") {
  UsageReport report;
  report.today = {.requests = 1, .denied = 0, .rate_limited = 0};
  report.this_week = {.requests = 2, .denied = 1, .rate_limited = 0};
  report.this_month = {.requests = 200, .denied = 4, .rate_limited = 4};
  report.since = at("2026-06-01");
  report.total = report.this_month;
  report.groups = {{"GET /v1/leads/{id}", {150, 4, 4}}, {"(other)", {50, 0, 0}}};
  CHECK(
      written([&](JsonWriter& json) { write_usage(json, some_key().id, report); }) ==
      R"({"key_id":"key_0123456789ab",)"
      R"("today":{"requests":1,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0},)"
      R"("this_week":{"requests":2,"errors":1,"rate_limited":0,"denied":1,"upstream_errors":0},)"
      R"("this_month":{"requests":200,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0},)"
      R"("since":"2026-06-01T00:00:00.000Z",)"
      R"("total":{"requests":200,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0},)"
      R"("error_rate":0.02,"rate_limit_hits":4,"by_endpoint":[)"
      R"-({"endpoint":"(other)","requests":50,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0},)-"
      R"({"endpoint":"GET /v1/leads/{id}","requests":150,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0}]})");
}

TEST_CASE("A report of usage names its grouping") {
  struct Row {
    Grouping by;
    std::string group;
    std::string json;
  };
  for (
      const Row& row :
      {Row{Grouping::day, "2026-06-01",
           R"("by_day":[{"day":"2026-06-01","requests":3,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0}]})"},
       Row{Grouping::hour, "2026-06-01T05:00:00Z",
           R"("by_hour":[{"hour":"2026-06-01T05:00:00Z","requests":3,"errors":0,)"
           R"("rate_limited":0,"denied":0,"upstream_errors":0}]})"},
       Row{Grouping::status, "200",
           R"("by_status":[{"status":"200","requests":3,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0}]})"}}) {
    UsageReport report;
    report.by = row.by;
    report.groups = {{row.group, {3, 0, 0}}};
    const std::string json =
        written([&](JsonWriter& writer) { write_usage(writer, std::nullopt, report); });
    CAPTURE(json);
    CHECK(json.starts_with(R"({"key_id":null,)"));
    CHECK(json.ends_with(row.json));
  }
}

TEST_CASE("An error is written with its code, message and hint") {
  CHECK(written([](JsonWriter& json) {
          write_error(json, {ErrorCode::not_found, "no key \"crm\"", ""});
        }) == R"({"error":{"code":"not_found","message":"no key \"crm\"","hint":null}})");
  CHECK(written([](JsonWriter& json) {
          write_error(json, {ErrorCode::usage, "bad", "write it\nbetter"});
        }) == R"({"error":{"code":"usage","message":"bad","hint":"write it\nbetter"}})");
}

TEST_CASE("A request is read with each of its members") {
  const auto request = parse_request(
      R"({"key":"fc_live_0123456789ABCDEFGHIJKLMNOPQR","method":"POST","path":"/v1/leads/7?x=y",)"
      R"("ip":"198.51.100.7","workspace":"acme","ref":{"n":[1,null]}})");
  REQUIRE(request.has_value());
  CHECK(request->credential == Credential::key);
  CHECK(request->key_hash == hash_api_key(kSomeApiKey));
  CHECK(request->method == "POST");
  CHECK(request->path == "/v1/leads/7?x=y");
  CHECK(request->ip == ip("198.51.100.7"));
  CHECK(request->workspace == "acme");
  CHECK(request->ref == R"({"n":[1,null]})");
}

TEST_CASE("Absent members of a request have their defaults") {
  for (const std::string_view text :
       {"{}", " \t\r\n{ } \n", R"({"key":null,"ip":null,"workspace":null})", R"({"key":""})"}) {
    CAPTURE(text);
    const auto request = parse_request(text);
    REQUIRE(request.has_value());
    CHECK(request->credential == Credential::missing);
    CHECK(request->method == "GET");
    CHECK(request->path == "/");
    CHECK_FALSE(request->ip.has_value());
    CHECK_FALSE(request->workspace.has_value());
    CHECK(request->ref.empty());
  }
}

TEST_CASE("A request may be in any order and with any escapes") {
  const auto request = parse_request(
      R"({"ref":"r","ip":"::ffff:192.0.2.1","\u006bey":"\u0066c_live_0123456789ABCDEFGHIJKLMNOPQR",)"
      R"("path":"\/a"})");
  REQUIRE(request.has_value());
  CHECK(request->credential == Credential::key);
  CHECK(request->key_hash == hash_api_key(kSomeApiKey));
  CHECK(request->ip == ip("192.0.2.1"));
  CHECK(request->path == "/a");
  CHECK(request->ref == R"("r")");
}

TEST_CASE("A text that is not a key is a malformed credential, not an error") {
  for (const std::string_view key : {"x", "fc_live_", "Bearer fc_live_0123456789ABCDEFGHIJKLMNOPQR",
                                     "fc_live_0123456789ABCDEFGHIJKLMNOPQR\\u0000"}) {
    CAPTURE(key);
    const auto request = parse_request(R"({"key":")" + std::string(key) + R"("})");
    REQUIRE(request.has_value());
    CHECK(request->credential == Credential::malformed);
  }
}

TEST_CASE("The ref of a request is returned, whatever it is") {
  for (const std::string& ref :
       std::vector<std::string>{"null",
                                "true",
                                "false",
                                "0",
                                "7",
                                "-7",
                                "1.5",
                                "-0.0",
                                "1e5",
                                "1E+05",
                                "0.1",
                                "9223372036854775807",
                                "-9223372036854775808",
                                "18446744073709551615",
                                "12345678901234567890123",
                                "-12345678901234567890123",
                                "0.1000000000000000055511151231",
                                "1e-400",
                                "\"\"",
                                "\"x\"",
                                R"("\"\\\n\t")",
                                R"("\u0000\u001b\u007f")",
                                "\"Zoë 🦀\"",
                                "[]",
                                "{}",
                                "[[],{},[{}]]",
                                R"([1,"2",null,true,{"a":[]}])",
                                R"({"a":{"b":{"c":[1,2]}},"d":0})",
                                R"({"key":"x","method":1,"ref":{"ref":[]}})",
                                R"({"a\"\\\u001b":1})",
                                R"({"":{"":0}})",
                                R"({"a":1,"a":2})",
                                repeat(10, "[") + repeat(10, "]"),
                                "\"" + std::string(60'000, 'x') + "\""}) {
    CAPTURE(ref.substr(0, 80));
    for (const bool last : {true, false}) {
      const auto request = parse_request(last ? R"({"method":"PUT","ref":)" + ref + "}"
                                              : R"({"ref":)" + ref + R"(,"method":"PUT"})");
      REQUIRE(request.has_value());
      CHECK(request->ref == ref);
      CHECK(request->method == "PUT");
    }
  }
}

TEST_CASE("The ref of a request is returned without spaces and with our escapes") {
  struct Row {
    std::string ref;
    std::string expected;
  };
  const std::vector<Row> rows{{" [ 1 , { \"a\" : 2 } ] ", R"([1,{"a":2}])"},
                              {R"("\u0041\/\u00e9\ud83e\udd80")", "\"A/é🦀\""},
                              {R"("\r\b\u0085")", R"("\u000d\u0008\u0085")"}};
  for (const Row& row : rows) {
    CAPTURE(row.ref);
    const auto request = parse_request(R"({"ref":)" + row.ref + "}");
    REQUIRE(request.has_value());
    CHECK(request->ref == row.expected);
  }
}

TEST_CASE("An invalid request is refused with the reason") {
  const std::string no_object = "the text is not a JSON object";
  const std::string not_an_object = "a request must be a JSON object";
  struct Row {
    std::string text;
    std::string message;
  };
  const std::vector<Row> rows{
      {"", no_object},
      {" ", no_object},
      {"{", no_object},
      {"}", no_object},
      {"{\"key\"", no_object},
      {"{\"key\":", no_object},
      {R"({"key":"x")", no_object},
      {R"({"key":"x",})", no_object},
      {R"({'key':'x'})", no_object},
      {R"({key:"x"})", no_object},
      {R"({"key":"x"}{"key":"y"})", no_object},
      {R"({"key":"x"} x)", no_object},
      {R"({"key":"x"},)", no_object},
      {R"({"key":"x"}])", no_object},
      {std::string("{}\0", 3), no_object},
      {std::string("{}\0{\"ip\":\"::1\"}", 15), no_object},
      {std::string("\0{}", 3), no_object},
      {"{} // comment", no_object},
      {"/* comment */ {}", no_object},
      {"# {}", no_object},
      {"{\"path\":\"/\n\"}", no_object},
      {"{\"ref\":\"\xFF\"}", no_object},
      {"{\"ref\":\"\xC0\xAF\"}", no_object},
      {"{\"ref\":\"\xED\xA0\x80\"}", no_object},
      {"{\"\xFF\":1}", no_object},
      {R"({"ref":"\ud800"})", no_object},
      {R"({"ref":"\udc00x"})", no_object},
      {R"({"ref":"\x"})", no_object},
      {R"({"ref":01})", no_object},
      {R"({"ref":+1})", no_object},
      {R"({"ref":.5})", no_object},
      {R"({"ref":1.})", no_object},
      {R"({"ref":NaN})", no_object},
      {R"({"ref":Infinity})", no_object},
      {R"({"ref":nul})", no_object},
      {R"({"ref":[1,]})", no_object},
      {R"({"ref":1e400})", "the request has a number that is out of range"},
      {R"({"ref":[-1e400]})", "the request has a number that is out of range"},
      {"null", not_an_object},
      {"true", not_an_object},
      {"7", not_an_object},
      {"-7", not_an_object},
      {"7.5", not_an_object},
      {"\"key\"", not_an_object},
      {"[]", not_an_object},
      {"[{}]", not_an_object},
      {R"([{"key":"x"}])", not_an_object},
      {R"({"Key":"x"})", "a request has no member \"Key\""},
      {R"({"":"x"})", "a request has no member \"\""},
      {R"({"ip ":"::1"})", "a request has no member \"ip \""},
      {R"({"ip\u0000":"::1"})", "a request has no member \"ip\uFFFD\""},
      {R"({"client_ip":"::1"})", "a request has no member \"client_ip\""},
      {R"({"ref":{},"x":1})", "a request has no member \"x\""},
      {R"({"\u001b[2J":1})", "a request has no member \"\uFFFD[2J\""},
      {R"({"key":"x","key":"y"})", "the member key is given twice"},
      {R"({"key":"x","\u006bey":"y"})", "the member key is given twice"},
      {R"({"ip":"::1","ip":null})", "the member ip is given twice"},
      {R"({"ref":1,"ref":2})", "the member ref is given twice"},
      {R"({"ref":{"ref":1},"ref":2})", "the member ref is given twice"},
      {R"({"workspace":null,"workspace":"a"})", "the member workspace is given twice"},
      {R"({"key":7})", "the member key must be a string"},
      {R"({"key":true})", "the member key must be a string"},
      {R"({"key":["x"]})", "the member key must be a string"},
      {R"({"key":{"key":"x"}})", "the member key must be a string"},
      {R"({"method":null})", "the member method must be a string"},
      {R"({"method":1})", "the member method must be a string"},
      {R"({"path":null})", "the member path must be a string"},
      {R"({"path":[]})", "the member path must be a string"},
      {R"({"ip":7.5})", "the member ip must be a string"},
      {R"({"ip":["::1"]})", "the member ip must be a string"},
      {R"({"workspace":false})", "the member workspace must be a string"},
      {R"({"workspace":18446744073709551616})", "the member workspace must be a string"},
      {R"({"method":""})", "\"\" is not an HTTP method"},
      {R"({"method":"GET "})", "\"GET \" is not an HTTP method"},
      {R"({"method":"G\u0000"})", "\"G\uFFFD\" is not an HTTP method"},
      {R"({"path":""})", "the path \"\" does not begin with /"},
      {R"({"path":"v1"})", "the path \"v1\" does not begin with /"},
      {R"({"path":"/a b"})", "the path \"/a b\" has characters that are not allowed in a URL"},
      {R"({"ip":""})", "\"\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"010.0.0.1"})", "\"010.0.0.1\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"10.0.0.0/8"})", "\"10.0.0.0/8\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"10.0.0.1\u0000"})", "\"10.0.0.1\uFFFD\" is not an IPv4 or IPv6 address"},
      {R"({"ip":"fe80::1%eth0"})", "\"fe80::1%eth0\" is not an IPv4 or IPv6 address"},
      {R"({"workspace":""})", "\"\" is not a workspace name"},
      {R"({"workspace":"a b"})", "\"a b\" is not a workspace name"},
      {R"({"ref":)" + repeat(17, "[") + repeat(17, "]") + "}",
       "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(30'000, "[") + repeat(30'000, "]") + "}",
       "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(30'000, "["), "the member ref is nested too deeply"},
      {R"({"ref":)" + repeat(5'000, R"({"a":)"), "the member ref is nested too deeply"},
      {R"({"ref":")" + std::string(65'536, 'x') + "\"}", "a request is longer than 65536 bytes"},
      {std::string(65'537, ' '), "a request is longer than 65536 bytes"},
      {std::string(65'536, '['), not_an_object},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 80));
    const auto request = parse_request(row.text);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == ErrorCode::usage);
    CHECK(request.error().message == row.message);
  }
}

TEST_CASE("A request of exactly the maximum length is read") {
  std::string text = R"({"ref":""})";
  text.insert(text.size() - 2, std::string(kMaxRequestSize - text.size(), 'x'));
  REQUIRE(text.size() == kMaxRequestSize);
  CHECK(parse_request(text).has_value());
}

TEST_CASE("An error about a request never contains its key") {
  const std::string key(kSomeApiKey);
  for (const std::string& text :
       std::vector<std::string>{key,
                                "\"" + key + "\"",
                                "[\"" + key + "\"]",
                                "{\"key\":" + key + "}",
                                "{\"key\":\"" + key + "}",
                                "{\"key\":\"" + key + "\"",
                                "{\"key\":\"" + key + "\"}x",
                                "{\"key\":[\"" + key + "\"]}",
                                "{\"key\":\"" + key + "\",\"key\":\"" + key + "\"}",
                                "{\"" + key + "\":1}",
                                "{\"" + key + "\":\"key\"}",
                                "{\" " + key + "\":1}",
                                "{\"key" + key + "\":1}",
                                "{\"token\":\"" + key + "\"}",
                                "{\"method\":\"" + key + "\"}",
                                "{\"path\":\"" + key + "\"}",
                                "{\"path\":\"/ " + key + "\"}",
                                "{\"ip\":\"" + key + "\"}",
                                "{\"workspace\":\"-" + key + "\"}",
                                "{\"ip\":\"\\u0066" + key.substr(1) + "\"}",
                                "{\"key\":\"" + key + "\xFF\"}",
                                "{\"key\":\"" + key + "\\q\"}",
                                "{\"key\":\"" + key + "\n\"}",
                                "{\"key\":\"" + key + "\",\"ip\":\"x\"}"}) {
    CAPTURE(text);
    const auto request = parse_request(text);
    REQUIRE_FALSE(request.has_value());
    CHECK_FALSE(contains_api_key(request.error().message));
    CHECK_FALSE(contains_api_key(request.error().hint));
    CHECK(request.error().message.find(key.substr(8)) == std::string::npos);
  }
}

TEST_CASE("A damaged request is read or refused without revealing its key") {
  const std::string whole =
      R"({"key":"fc_live_0123456789ABCDEFGHIJKLMNOPQR","method":"POST","path":"/v1/7",)"
      R"("ip":"198.51.100.7","workspace":"acme","ref":{"n":[1,null,"x",-2.5e3]}})";
  std::mt19937_64 random(20260601);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (auto left = test::below(random, 4) + 1; left > 0; --left) {
      const std::size_t where = test::below(random, text.size());
      switch (test::below(random, 4)) {
        case 0:
          text[where] = static_cast<char>(random());
          break;
        case 1:
          text.erase(where, test::below(random, 5) + 1);
          break;
        case 2:
          text.insert(where, 1, "\"\\{}[],:0-e"[test::below(random, 11)]);
          break;
        default:
          text.insert(where, whole.substr(test::below(random, whole.size()), 40));
          break;
      }
      if (text.empty()) {
        text = "{";
      }
    }
    CAPTURE(text);
    const auto request = parse_request(text);
    if (!request) {
      REQUIRE_FALSE(request.error().message.empty());
      REQUIRE_FALSE(contains_api_key(request.error().message));
    } else {
      // What was read can be written and read again.
      const std::string again = R"({"ref":)" + (request->ref.empty() ? "null" : request->ref) + "}";
      REQUIRE(parse_request(again).has_value());
      REQUIRE(parse_request(again)->ref == (request->ref.empty() ? "null" : request->ref));
    }
  }
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
