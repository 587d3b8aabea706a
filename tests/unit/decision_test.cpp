#include "core/decision.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::at;
using test::ip;
using test::kSomeApiKey;
using test::whitelist;

using Headers = std::vector<std::pair<std::string_view, std::string>>;

constexpr std::string_view kDecidedAt = "2026-06-01T12:00:00Z";
constexpr std::int64_t kNowSeconds = 1'780'315'200;
constexpr Tick kTick = seconds(5000);

/// A key with a limit of 3, its window, and a request that it allows, which tests modify.
struct Scene {
  Scene() {
    key.scopes = test::scopes("read");
    key.rate_limit = 3;
    set_credential(request, kSomeApiKey);
    request.ip = ip("198.51.100.7");
  }

  Decision decide_as(bool dry_run) {
    KeyWindows windows{.log = {count, ring}, .quotas = std::nullopt};
    return decide(request, known ? &key : nullptr, known && key.is_active(now) ? &windows : nullptr,
                  now, tick, dry_run);
  }
  Decision decide_it() { return decide_as(false); }

  void fill_window() {
    for (std::uint32_t i = 0; i < key.rate_limit; ++i) {
      test::admit({count, ring}, key.rate_limit, tick);
    }
  }

  Key key = test::some_key();
  bool known = true;
  Request request;
  Time now = at(kDecidedAt);
  Tick tick = kTick;
  std::uint64_t count = 0;
  std::vector<Tick> ring = std::vector<Tick>(3);
};

/// A change that makes a check fail, and the decision that follows.
struct Failure {
  Reason reason;
  std::string_view name;
  int status;
  std::string_view check;
  std::function<void(Scene&)> spoil;
};

/// In the order of the checks.
const std::vector<Failure>& failures() {
  static const std::vector<Failure> all{
      {Reason::missing_key, "missing_key", 401, "credential",
       [](Scene& s) { set_credential(s.request, ""); }},
      {Reason::malformed_key, "malformed_key", 401, "format",
       [](Scene& s) { set_credential(s.request, "fc_live_short"); }},
      {Reason::unknown_key, "unknown_key", 401, "known", [](Scene& s) { s.known = false; }},
      {Reason::revoked_key, "revoked_key", 401, "revocation",
       [](Scene& s) { s.key.revoked_at = at("2026-05-01"); }},
      {Reason::suspended_key, "suspended_key", 401, "suspension",
       [](Scene& s) { s.key.suspended_at = at("2026-05-02"); }},
      {Reason::expired_key, "expired_key", 401, "expiry",
       [](Scene& s) { s.key.expires_at = s.now; }},
      {Reason::ip_not_allowed, "ip_not_allowed", 403, "whitelist",
       [](Scene& s) { s.key.whitelist = whitelist({"203.0.113.0/24"}); }},
      {Reason::insufficient_scope, "insufficient_scope", 403, "scope",
       [](Scene& s) { s.request.method = "POST"; }},
      {Reason::rate_limited, "rate_limited", 429, "rate limit", [](Scene& s) { s.fill_window(); }},
      {Reason::allowed, "allowed", 200, "", [](Scene&) {}}};
  return all;
}

bool concerns_live_key(Reason reason) { return reason >= Reason::ip_not_allowed; }
bool concerns_known_key(Reason reason) { return reason >= Reason::revoked_key; }

TEST_CASE("Each failed check has its own reason and status") {
  for (const Failure& failure : failures()) {
    CAPTURE(failure.name);
    Scene scene;
    failure.spoil(scene);
    const Decision decision = scene.decide_it();
    CHECK(decision.reason == failure.reason);
    CHECK(name_of(decision.reason) == failure.name);
    CHECK(status_of(decision.reason) == failure.status);
    CHECK(decision.allowed() == (failure.status == 200));
    CHECK(decision.key_id.has_value() == concerns_known_key(failure.reason));
    CHECK(decision.workspace == (concerns_known_key(failure.reason) ? "default" : ""));
    CHECK(decision.rate_limit.has_value() == concerns_live_key(failure.reason));
    CHECK(decision.client_ip == scene.request.ip);
  }
}

TEST_CASE("A key that is busy is refused without being counted, and may be unknown") {
  Scene scene;
  for (const KeyRules* const key :
       {static_cast<const KeyRules*>(&scene.key), static_cast<const KeyRules*>(nullptr)}) {
    const Decision decision = conclude(scene.request, key, Reason::busy_key, {}, scene.now);
    CHECK(name_of(decision.reason) == "busy_key");
    CHECK(status_of(decision.reason) == 503);
    CHECK(decision.key_id.has_value() == (key != nullptr));
    CHECK_FALSE(decision.is_counted());
    CHECK(decision.headers().empty());
    const auto checks = explain(scene.request, key, decision, scene.now);
    CHECK(checks.back().name == (key == nullptr ? "known" : "rate limit"));
    CHECK_FALSE(checks.back().passed);
  }
}

TEST_CASE("The first of several failed checks decides") {
  const auto& all = failures();
  // Every set of failures, as a bit set.
  for (unsigned set = 1; set < 1U << (all.size() - 1); ++set) {
    CAPTURE(set);
    Scene scene;
    std::optional<Reason> first;
    // The window is filled while the key still has its limit, so the last goes first.
    for (std::size_t i = all.size() - 1; i-- > 0;) {
      if ((set >> i & 1U) != 0) {
        all[i].spoil(scene);
        first = all[i].reason;
      }
    }
    // A request has one credential, so only the last change to it, which is the earlier check,
    // remains.
    REQUIRE(scene.decide_it().reason == *first);
    REQUIRE(scene.decide_as(true).reason == *first);
  }
}

TEST_CASE("A key in another workspace than the one asked for is unknown") {
  struct Row {
    std::optional<std::string> workspace;
    Reason reason;
  };
  const std::vector<Row> rows{{std::nullopt, Reason::allowed},   {"default", Reason::allowed},
                              {"", Reason::unknown_key},         {"Default", Reason::unknown_key},
                              {"default ", Reason::unknown_key}, {"defaul", Reason::unknown_key},
                              {"other", Reason::unknown_key}};
  for (const Row& row : rows) {
    CAPTURE(row.workspace.value_or("any"));
    Scene scene;
    scene.request.workspace = row.workspace;
    const Decision decision = scene.decide_it();
    CHECK(decision.reason == row.reason);
    CHECK(decision.key_id.has_value() == decision.allowed());
    CHECK(decision.workspace == (decision.allowed() ? "default" : ""));
    CHECK(decision.rate_limit.has_value() == decision.allowed());
    CHECK(scene.count == (decision.allowed() ? 1 : 0));
  }
  SUBCASE("and the decision does not reveal that it is revoked there") {
    Scene scene;
    scene.request.workspace = "other";
    scene.key.revoked_at = scene.now;
    CHECK(scene.decide_it().reason == Reason::unknown_key);
  }
}

TEST_CASE("A method needs the scope of its own row") {
  struct Row {
    std::string scopes;
    std::string method;
    bool allowed;
    std::string challenge;
  };
  const std::string challenge = "Bearer realm=\"nexakey\", error=\"insufficient_scope\"";
  for (const Row& row :
       {Row{"read", "GET", true, ""}, Row{"read", "HEAD", true, ""},
        Row{"read", "OPTIONS", true, ""}, Row{"write", "POST", true, ""},
        Row{"write", "PUT", true, ""}, Row{"write", "PATCH", true, ""},
        Row{"write", "DELETE", true, ""}, Row{"read,write", "GET", true, ""},
        Row{"read,write", "DELETE", true, ""},
        Row{"write", "GET", false, challenge + ", scope=\"read\""},
        Row{"write", "OPTIONS", false, challenge + ", scope=\"read\""},
        Row{"read", "POST", false, challenge + ", scope=\"write\""},
        Row{"read", "DELETE", false, challenge + ", scope=\"write\""},
        Row{"read,write", "get", false, challenge}, Row{"read,write", "post", false, challenge},
        Row{"read,write", "TRACE", false, challenge}, Row{"read,write", "", false, challenge}}) {
    CAPTURE(row.scopes);
    CAPTURE(row.method);
    Scene scene;
    scene.key.scopes = test::scopes(row.scopes);
    scene.request.method = row.method;
    const Decision decision = scene.decide_it();
    CHECK(decision.allowed() == row.allowed);
    if (!row.allowed) {
      CHECK(decision.headers().back() == Headers::value_type("WWW-Authenticate", row.challenge));
    }
  }
  SUBCASE("and a key without a scope may do nothing") {
    Scene scene;
    scene.key.scopes = Scopes();
    CHECK(scene.decide_it().reason == Reason::insufficient_scope);
  }
}

TEST_CASE("A method that overrides another needs its own scope besides") {
  struct Row {
    std::string_view method;
    std::string_view overriding;
    std::string scopes;
    Reason reason;
    std::optional<Scope> needed;
  };
  for (const Row& row :
       {Row{"GET", "", "read", Reason::allowed, std::nullopt},
        Row{"GET", "DELETE", "read", Reason::insufficient_scope, Scope::write},
        Row{"GET", "DELETE", "write", Reason::insufficient_scope, Scope::read},
        Row{"GET", "DELETE", "read,write", Reason::allowed, std::nullopt},
        Row{"POST", "GET", "write", Reason::insufficient_scope, Scope::read},
        Row{"POST", "GET", "read", Reason::insufficient_scope, Scope::write},
        Row{"POST", "GET", "read,write", Reason::allowed, std::nullopt},
        Row{"POST", "PUT", "write", Reason::allowed, std::nullopt},
        Row{"GET", "HEAD", "read", Reason::allowed, std::nullopt},
        Row{"GET", "TRACE", "read,write", Reason::insufficient_scope, std::nullopt},
        Row{"GET", "delete", "read,write", Reason::insufficient_scope, std::nullopt},
        Row{"TRACE", "GET", "read,write", Reason::insufficient_scope, std::nullopt}}) {
    CAPTURE(row.method);
    CAPTURE(row.overriding);
    CAPTURE(row.scopes);
    Scene scene;
    scene.request.method = row.method;
    scene.request.override_method = row.overriding;
    scene.key.scopes = test::scopes(row.scopes);
    const Decision decision = scene.decide_it();
    CHECK(decision.reason == row.reason);
    CHECK(decision.needed_scope == row.needed);
  }
}

TEST_CASE("A query does not change what a method needs") {
  Scene scene;
  scene.request.method = "POST";
  scene.request.path = "/?_method=GET";
  CHECK(scene.decide_it().reason == Reason::insufficient_scope);
}

TEST_CASE("The whitelist decides about the address of the client") {
  struct Row {
    std::vector<std::string> entries;
    std::optional<IpAddress> address;
    bool allowed;
  };
  const std::vector<Row> rows{
      {{}, std::nullopt, true},
      {{"198.51.100.7"}, ip("198.51.100.7"), true},
      {{"198.51.100.7"}, ip("::ffff:198.51.100.7"), true},
      {{"198.51.100.7"}, ip("198.51.100.8"), false},
      {{"0.0.0.0/0", "::/0"}, std::nullopt, false},
      {{"::/0"}, ip("198.51.100.7"), false},
  };
  for (const Row& row : rows) {
    CAPTURE(whitelist(row.entries).to_text());
    Scene scene;
    scene.key.whitelist = whitelist(row.entries);
    scene.request.ip = row.address;
    CHECK(scene.decide_it().reason == (row.allowed ? Reason::allowed : Reason::ip_not_allowed));
  }
}

TEST_CASE("A key is expired from the millisecond of its expiry on") {
  struct Row {
    int offset;
    Reason reason;
  };
  for (const Row& row : {Row{-60'000, Reason::allowed}, Row{-1, Reason::allowed},
                         Row{0, Reason::expired_key}, Row{1, Reason::expired_key}}) {
    CAPTURE(row.offset);
    Scene scene;
    scene.key.expires_at = scene.now;
    scene.now += milliseconds(row.offset);
    CHECK(scene.decide_it().reason == row.reason);
    CHECK(scene.key.is_active(scene.now) == (row.reason == Reason::allowed));
  }
}

TEST_CASE("A suspended or revoked key is refused regardless of the time") {
  Scene scene;
  scene.key.suspended_at = scene.now + std::chrono::hours(1);
  CHECK(scene.decide_it().reason == Reason::suspended_key);
  scene.key.revoked_at = scene.now + std::chrono::hours(1);
  CHECK(scene.decide_it().reason == Reason::revoked_key);
}

TEST_CASE("The headers of each reason are exact") {
  const std::string reset_of_empty = std::to_string(kNowSeconds + 60);
  const std::pair<std::string_view, std::string> policy{"RateLimit-Policy", R"("minute";q=3;w=60)"};
  const auto state = [](int remaining) {
    return std::pair<std::string_view, std::string>{
        "RateLimit", "\"minute\";r=" + std::to_string(remaining) + ";t=60"};
  };
  const std::string realm = "Bearer realm=\"nexakey\"";
  const std::string invalid = realm + ", error=\"invalid_token\"";
  struct Row {
    Reason reason;
    Headers headers;
  };
  const std::vector<Row> rows{
      {Reason::missing_key, {{"WWW-Authenticate", realm}}},
      {Reason::malformed_key, {{"WWW-Authenticate", invalid}}},
      {Reason::unknown_key, {{"WWW-Authenticate", invalid}}},
      {Reason::revoked_key, {{"WWW-Authenticate", invalid}}},
      {Reason::suspended_key, {{"WWW-Authenticate", invalid}}},
      {Reason::expired_key, {{"WWW-Authenticate", invalid}}},
      {Reason::ip_not_allowed,
       {{"X-RateLimit-Limit", "3"},
        {"X-RateLimit-Remaining", "3"},
        {"X-RateLimit-Reset", reset_of_empty},
        policy,
        state(3)}},
      {Reason::insufficient_scope,
       {{"X-RateLimit-Limit", "3"},
        {"X-RateLimit-Remaining", "3"},
        {"X-RateLimit-Reset", reset_of_empty},
        policy,
        state(3),
        {"WWW-Authenticate", realm + ", error=\"insufficient_scope\", scope=\"write\""}}},
      {Reason::rate_limited,
       {{"X-RateLimit-Limit", "3"},
        {"X-RateLimit-Remaining", "0"},
        {"X-RateLimit-Reset", reset_of_empty},
        {"Retry-After", "60"},
        policy,
        state(0)}},
      {Reason::allowed,
       {{"X-RateLimit-Limit", "3"},
        {"X-RateLimit-Remaining", "2"},
        {"X-RateLimit-Reset", reset_of_empty},
        policy,
        state(2)}},
  };
  REQUIRE(rows.size() == failures().size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Failure& failure = failures()[i];
    CAPTURE(failure.name);
    REQUIRE(failure.reason == rows[i].reason);
    Scene scene;
    failure.spoil(scene);
    const Headers headers = scene.decide_it().headers();
    REQUIRE(headers.size() == rows[i].headers.size());
    for (std::size_t h = 0; h < headers.size(); ++h) {
      CHECK(headers[h].first == rows[i].headers[h].first);
      CHECK(headers[h].second == rows[i].headers[h].second);
    }
  }
}

TEST_CASE("Reset and Retry-After are rounded up and Retry-After is at least a second") {
  struct Row {
    std::string_view name;
    milliseconds past;   // of the second that now is in
    nanoseconds waited;  // since the window was filled
    std::int64_t reset_in;
    std::int64_t retry_after;
  };
  for (const Row& row :
       {Row{"just filled", milliseconds(0), seconds(0), 60, 60},
        Row{"half a second ago", milliseconds(0), milliseconds(500), 60, 60},
        Row{"a nanosecond ago", milliseconds(0), nanoseconds(1), 60, 60},
        Row{"a second ago", milliseconds(0), seconds(1), 59, 59},
        Row{"just filled within a second", milliseconds(1), seconds(0), 61, 60},
        Row{"the parts add up to a whole second", milliseconds(400), milliseconds(400), 60, 60},
        Row{"and to a nanosecond more", milliseconds(400), milliseconds(400) - nanoseconds(1), 61,
            60},
        Row{"59 seconds ago", milliseconds(0), seconds(59), 1, 1},
        Row{"a millisecond before room", milliseconds(0), seconds(60) - milliseconds(1), 1, 1},
        Row{"a nanosecond before room", milliseconds(0), seconds(60) - nanoseconds(1), 1, 1},
        Row{"a nanosecond before room, late in a second", milliseconds(999),
            seconds(60) - nanoseconds(1), 1, 1}}) {
    CAPTURE(row.name);
    Scene scene;
    scene.fill_window();
    scene.now += row.past;
    scene.tick += row.waited;
    const Decision decision = scene.decide_it();
    REQUIRE(decision.reason == Reason::rate_limited);
    CHECK(decision.rate_limit->reset_at - kNowSeconds == row.reset_in);
    CHECK(decision.rate_limit->retry_after == row.retry_after);

    scene.tick += seconds(row.retry_after);
    CHECK(scene.decide_it().allowed());
  }
}

TEST_CASE("The headers describe the window after the request") {
  Scene scene;
  for (const std::string remaining : {"2", "1", "0"}) {
    const Decision decision = scene.decide_it();
    REQUIRE(decision.allowed());
    CHECK(decision.headers()[1].second == remaining);
    CHECK_FALSE(decision.rate_limit->retry_after.has_value());
    scene.tick += seconds(10);
    scene.now += seconds(10);
  }
  const Decision refused = scene.decide_it();
  CHECK(refused.reason == Reason::rate_limited);
  // The first of them, 30 seconds ago, leaves in 30.
  CHECK(refused.rate_limit->reset_at == kNowSeconds + 60);
  CHECK(refused.rate_limit->retry_after == 30);
}

TEST_CASE("Only an allowed request occupies the window") {
  for (const Failure& failure : failures()) {
    CAPTURE(failure.name);
    Scene scene;
    failure.spoil(scene);
    const std::uint64_t before = scene.count;
    scene.decide_it();
    CHECK(scene.count - before == (failure.reason == Reason::allowed ? 1 : 0));
  }
}

TEST_CASE("A dry run makes the same decision and does not occupy the window") {
  for (const Failure& failure : failures()) {
    CAPTURE(failure.name);
    Scene scene;
    failure.spoil(scene);
    const std::uint64_t before = scene.count;
    const std::vector<Tick> ring = scene.ring;
    for (int i = 0; i < 10; ++i) {
      CHECK(scene.decide_as(true).reason == failure.reason);
    }
    CHECK(scene.count == before);
    CHECK(scene.ring == ring);
    CHECK(scene.decide_it().reason == failure.reason);
  }
}

TEST_CASE("A decision returns the address and the ref of the request") {
  for (const Failure& failure : failures()) {
    CAPTURE(failure.name);
    Scene scene;
    failure.spoil(scene);
    scene.request.ref = "[1]";
    scene.request.ip = ip("::1");
    const Decision decision = scene.decide_it();
    CHECK(decision.ref == "[1]");
    CHECK(decision.client_ip == ip("::1"));
  }
}

TEST_CASE("Only the text of a key has a hash as its credential") {
  Request request;
  set_credential(request, kSomeApiKey);
  CHECK(request.credential == Credential::key);
  CHECK(request.key_hash == hash_api_key(kSomeApiKey));

  for (const std::string& text :
       {std::string("x"), std::string(kSomeApiKey) + " ",
        std::string("Bearer ") + std::string(kSomeApiKey), std::string("fc_live_"),
        std::string(1, '\0'), std::string(1'000'000, 'f')}) {
    CAPTURE(text.substr(0, 50));
    Request other;
    set_credential(other, text);
    CHECK(other.credential == Credential::malformed);
    CHECK(other.key_hash == KeyHash{});
  }
  Request empty;
  set_credential(empty, "");
  CHECK(empty.credential == Credential::missing);
}

TEST_CASE("An explanation ends with the check that failed") {
  for (std::size_t i = 0; i < failures().size(); ++i) {
    const Failure& failure = failures()[i];
    CAPTURE(failure.name);
    Scene scene;
    failure.spoil(scene);
    const Decision decision = scene.decide_it();
    const std::vector<Check> checks =
        explain(scene.request, scene.known ? &scene.key : nullptr, decision, scene.now);
    const bool allowed = failure.reason == Reason::allowed;
    REQUIRE(checks.size() == (allowed ? failures().size() - 1 : i + 1));
    for (std::size_t c = 0; c < checks.size(); ++c) {
      CAPTURE(c);
      CHECK(checks[c].name == failures()[c].check);
      CHECK(checks[c].passed == (allowed || c < i));
      CHECK_FALSE(checks[c].found.empty());
    }
    // The rest is not reached. Whether a key is damaged is told only if it is.
    std::vector<std::string_view> rest;
    for (std::size_t c = i + 1; !allowed && c + 1 < failures().size(); ++c) {
      rest.emplace_back(failures()[c].check);
    }
    CHECK(checks_after(checks.back().name) == rest);
  }
  CHECK(checks_after("record").front() == "suspension");
  CHECK(checks_after("rate limit").empty());
  CHECK(checks_after("nonsense").empty());
}

TEST_CASE("An explanation says that a key is named by its id, and when there is room") {
  Scene scene;
  scene.request.key_id = scene.key.id;
  Decision decision = scene.decide_it();
  CHECK(explain(scene.request, &scene.key, decision, scene.now).at(0).found ==
        "the key is named by its id");
  CHECK(explain(scene.request, &scene.key, decision, scene.now).at(1).found ==
        "an id stands for a key");
  decision.reason = Reason::rate_limited;
  decision.limits.front().remaining = 0;
  decision.rate_limit->reset_at = 1780315260;
  CHECK(explain(scene.request, &scene.key, decision, scene.now).back().found ==
        "0 of 3 a minute remain, room at 2026-06-01T12:01:00.000Z");
}

TEST_CASE("An explanation says what each check found") {
  Scene scene;
  scene.key.whitelist = whitelist({"198.51.100.0/24", "::1"});
  scene.key.expires_at = at("2026-07-01");
  scene.request.workspace = "default";
  const auto found = [&] {
    std::vector<std::string> texts;
    for (const Check& check : explain(scene.request, scene.known ? &scene.key : nullptr,
                                      scene.decide_as(true), scene.now)) {
      texts.push_back(check.found);
    }
    return texts;
  };
  CHECK(found() ==
        std::vector<std::string>{"a key was given", "it has the form of a key",
                                 "key_0123456789ab in workspace default, asked for in default",
                                 "not revoked", "not suspended",
                                 "expires 2026-07-01T00:00:00.000Z, now 2026-06-01T12:00:00.000Z",
                                 "198.51.100.7 is in one of 2 ranges: ::1 198.51.100.0/24",
                                 "GET needs read, the key has read", "3 of 3 a minute remain"});

  scene.request.ip.reset();
  CHECK(found().back() == "an unknown address is in none of 2 ranges: ::1 198.51.100.0/24");
  scene.key.whitelist = whitelist({"::1"});
  CHECK(found().back() == "an unknown address is not in the only range: ::1");
  scene.request.ip = ip("::1");
  CHECK(found()[6] == "::1 is in the only range: ::1");
  scene.request.ip.reset();
  scene.key.whitelist = Whitelist();
  scene.request.method = "TRACE";
  CHECK(found().back() == "TRACE is not allowed by any scope, the key has read");
  CHECK(found()[6] == "an unknown address, and an empty whitelist allows any");
  scene.request.method = "GET";
  scene.request.override_method = "DELETE";
  CHECK(found().back() ==
        "GET needs read, and DELETE needs write (method override), the key has read");
  scene.key.expires_at.reset();
  CHECK(found()[5] == "never expires");
  scene.key.suspended_at = at("2026-05-02T01:02:03Z");
  CHECK(found().back() == "suspended 2026-05-02T01:02:03.000Z");
  scene.key.revoked_at = at("2026-05-01");
  CHECK(found().back() == "revoked 2026-05-01T00:00:00.000Z");
  scene.key.revoked_at.reset();
  scene.key.is_damaged = true;
  CHECK(found().back() == "the store cannot decode it");
  scene.request.workspace = "other";
  CHECK(found().back() == "key_0123456789ab in workspace default, asked for in other");
  scene.known = false;
  CHECK(found().back() == "the store has no such key");
}

TEST_CASE("An upstream response has a status of HTTP") {
  for (const auto& [status, is_valid] :
       std::vector<std::pair<int, bool>>{{99, false}, {100, true}, {599, true}, {600, false}}) {
    CAPTURE(status);
    CHECK(check_upstream_response({.key = KeyId(1), .status = status}).has_value() == is_valid);
  }
}

TEST_CASE("A decision is correct at every representable time") {
  for (const std::string_view now : {"2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    CAPTURE(now);
    Scene scene;
    scene.now = at(now);
    const Decision decision = scene.decide_it();
    CHECK(decision.allowed());
    CHECK(decision.rate_limit->reset_at ==
          std::chrono::floor<seconds>(scene.now).time_since_epoch().count() + 60);
    scene.key.expires_at = scene.now;
    CHECK(scene.decide_it().reason == Reason::expired_key);
  }
}

}  // namespace
}  // namespace nexakey::core
