#include <cstdint>
#include <limits>
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
using test::ip;
using test::some_key;
using test::value_of;
using test::written;

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
  SUBCASE("that names the scope that is needed") {
    decision.reason = Reason::insufficient_scope;
    decision.needed_scope = Scope::write;
    decision.rate_limit.reset();
    CHECK(written([&](JsonWriter& json) { write_decision(json, decision); }) ==
          R"({"allowed":false,"status":403,"reason":"insufficient_scope",)"
          R"("key_id":"key_0123456789ab","workspace":"default","scopes":["read"],)"
          R"("client_ip":"198.51.100.7","headers":{"WWW-Authenticate":"Bearer realm=\"nexakey\",)"
          R"( error=\"insufficient_scope\", scope=\"write\""},"ref":null})");
  }
  SUBCASE("with several limits, of which one has the longest values") {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    decision.reason = Reason::allowed;
    decision.rate_limit.reset();
    decision.limits = {
        {.limit = {Window{1}, 20}, .remaining = 0, .reset_at = Time(), .reset_in = 1},
        {.limit = {Window{seconds_of(Window::hour) - 1}, kMost},
         .remaining = kMost,
         .reset_at = kLastTime,
         .reset_in = std::numeric_limits<std::int64_t>::min()},
        {.limit = {Window::month, 7}, .remaining = 6, .reset_at = Time(), .reset_in = 10}};
    CHECK(written([&](JsonWriter& json) { write_decision(json, decision); }) ==
          R"({"allowed":true,"status":200,"reason":"allowed","key_id":"key_0123456789ab",)"
          R"("workspace":"default","scopes":["read"],"client_ip":"198.51.100.7","limits":[)"
          R"({"window":"1s","requests":20,"remaining":0,)"
          R"("reset_at":"1970-01-01T00:00:00.000Z","reset_in":1},)"
          R"({"window":"3599s","requests":18446744073709551615,)"
          R"("remaining":18446744073709551615,"reset_at":"9999-12-31T23:59:59.999Z",)"
          R"("reset_in":-9223372036854775808},)"
          R"({"window":"month","requests":7,"remaining":6,)"
          R"("reset_at":"1970-01-01T00:00:00.000Z","reset_in":10}],)"
          R"("headers":{"RateLimit-Policy":"\"second\";q=20;w=1, )"
          R"(\"3599s\";q=18446744073709551615;w=3599, \"month\";q=7",)"
          R"("RateLimit":"\"second\";r=0;t=1, )"
          R"(\"3599s\";r=18446744073709551615;t=-9223372036854775808, \"month\";r=6;t=10"},)"
          R"("ref":null})");
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
  report.peaks = {
      {.hour = at("2026-06-01T14:00:00Z"), .window_seconds = 60, .requests = 83, .limit = 100}};
  CHECK(
      written([&](JsonWriter& json) { write_usage(json, some_key().id, report); }) ==
      R"({"key_id":"key_0123456789ab",)"
      R"("today":{"requests":1,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0},)"
      R"("this_week":{"requests":2,"errors":1,"rate_limited":0,"denied":1,"upstream_errors":0},)"
      R"("this_month":{"requests":200,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0},)"
      R"("since":"2026-06-01T00:00:00.000Z",)"
      R"("total":{"requests":200,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0},)"
      R"("error_rate":0.02,"rate_limit_hits":4,"peaks":[{"window_seconds":60,"requests":83,)"
      R"("limit":100,"hour":"2026-06-01T14:00:00.000Z"}],"by_endpoint":[)"
      R"({"endpoint":"GET /v1/leads/{id}","requests":150,"errors":4,"rate_limited":4,"denied":4,"upstream_errors":0},)"
      R"-({"endpoint":"(other)","requests":50,"errors":0,"rate_limited":0,"denied":0,"upstream_errors":0}]})-");
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
    if (reason >= Reason::ip_not_allowed && reason != Reason::busy_key) {
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
           {"headers", R"({"X-RateLimit-Limit":"18446744073709551616"})"},
       }) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    Json json = whole;
    json[row.name] = value_of(parse_json(row.value));
    CHECK_FALSE(read_decision(json).has_value());
  }
}

TEST_CASE("A report of usage is read as it was written") {
  for (const Grouping by : {Grouping::endpoint, Grouping::day, Grouping::hour, Grouping::status,
                            Grouping::reason, Grouping::key}) {
    UsageReport report;
    report.today = {.requests = 1};
    report.this_week = {.requests = 2, .denied = 1};
    report.this_month = {.requests = 200, .denied = 4, .rate_limited = 3, .upstream_errors = 7};
    report.since = at("2026-06-01");
    report.total = report.this_month;
    report.by = by;
    report.groups = {{"a \"b\"", {150, 4, 3, 7}}, {"(other)", {50, 0, 0, 0}}};
    if (by == Grouping::key) {
      report.groups.front().key_name = "crm";
    }
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
    for (const Row& row : std::vector<Row>{
             {"/today", "null"},
             {"/total", "7"},
             {"/total/requests", "\"7\""},
             {"/total/denied", "-1"},
             {"/this_week/upstream_errors", "0.5"},
             {"/since", "7"},
             {"/" + list, "{}"},
             {"/" + list + "/0", "7"},
             {"/" + list + "/0/requests", "true"},
             {"/" + list + "/0/" + (by == Grouping::key ? "key_id" : std::string(name_of(by))),
              "7"}}) {
      CAPTURE(row.pointer);
      Json damaged = json;
      damaged[Json::json_pointer(row.pointer)] = value_of(parse_json(row.value));
      CHECK_FALSE(read_usage(damaged, by).has_value());
    }
  }
}

TEST_CASE("A report of peaks is read as it was written") {
  PeakReport report{.since = at("2026-06-01"), .count = 7};
  KeyPeak peak;
  peak.key = test::id("key_0123456789ab");
  peak.name = "crm";
  peak.hour = at("2026-06-02T14:00:00Z");
  peak.window_seconds = 60;
  peak.requests = 83;
  peak.limit = 100;
  peak.hours = 168;
  report.peaks.push_back(peak);
  peak.hours_above = 3;
  report.peaks.push_back(peak);
  const Json json = as_json([&](JsonWriter& writer) { write_peaks(writer, report); });
  CAPTURE(json.dump());
  CHECK(value_of(read_peaks(json)) == report);
  CHECK(json["peaks"][0]["share"] == 0.83);
  CHECK(!json["peaks"][0].contains("hours_above"));
  CHECK(json["peaks"][1] == as_json([&](JsonWriter& writer) { write_key_peak(writer, peak); }));
  struct Row {
    std::string pointer;
    std::string value;
  };
  for (const Row& row : std::vector<Row>{{"/since", "null"},
                                         {"/count", "-1"},
                                         {"/peaks", "{}"},
                                         {"/peaks/0", "7"},
                                         {"/peaks/0/key_id", "\"crm\""},
                                         {"/peaks/0/requests", "0.5"},
                                         {"/peaks/0/hour", "\"noon\""},
                                         {"/peaks/1/hours_above", "\"3\""}}) {
    CAPTURE(row.pointer);
    Json damaged = json;
    damaged[Json::json_pointer(row.pointer)] = value_of(parse_json(row.value));
    CHECK_FALSE(read_peaks(damaged).has_value());
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
  // Texts of a server are printed.
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
