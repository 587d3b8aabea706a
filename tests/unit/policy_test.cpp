#include "core/policy.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using test::some_key;
using test::value_of;

const Time kCreated = some_key().created_at;
const Time kNow = kCreated + days(10);

Policy all_rules() {
  Policy policy;
  policy.workspace = "default";
  policy.max_lifetime = days(90);
  policy.require_whitelist = true;
  policy.scopes = test::scopes("read");
  policy.max_rate_limit = 50;
  policy.required_labels = {"owner", "team"};
  return policy;
}

Key compliant() {
  Key key = some_key();
  key.expires_at = kCreated + days(90);
  key.whitelist = test::whitelist({"192.0.2.1"});
  key.rate_limit = 50;
  key.labels = {{"owner", "eve"}, {"team", "crm"}};
  return key;
}

std::string rules_of(const std::vector<Violation>& violations) {
  std::vector<std::string> names;
  for (const Violation& violation : violations) {
    names.push_back(std::string(name_of(violation.rule)) +
                    (violation.label.empty() ? "" : ":" + violation.label));
  }
  return join(names, " ");
}

std::string violated(const Policy& policy, const Key& key, Time now = kNow) {
  return rules_of(violations_of(policy, key, now));
}

TEST_CASE("Each rule of a policy is violated by itself") {
  struct Row {
    void (*spoil)(Key&);
    std::string_view rules;
  };
  const Row rows[] = {
      {[](Key&) {}, ""},
      {[](Key& key) { key.expires_at.reset(); }, "max_lifetime"},
      {[](Key& key) { *key.expires_at += milliseconds(1); }, "max_lifetime"},
      {[](Key& key) { key.whitelist = {}; }, "require_whitelist"},
      {[](Key& key) {
         key.whitelist = test::whitelist({"192.0.2.1", "0.0.0.0/0"});
       },
       "require_whitelist"},
      {[](Key& key) { key.whitelist = test::whitelist({"::/0"}); }, "require_whitelist"},
      {[](Key& key) { key.scopes = test::scopes("read,write"); }, "scopes"},
      {[](Key& key) { key.scopes = test::scopes("write"); }, "scopes"},
      {[](Key& key) { key.rate_limit = 51; }, "max_rate_limit"},
      {[](Key& key) { key.labels.erase("team"); }, "required_label:team"},
      {[](Key& key) { key.labels["team"] = ""; }, "required_label:team"},
      {[](Key& key) { key.labels.clear(); }, "required_label:owner required_label:team"},
  };
  for (const Row& row : rows) {
    Key key = compliant();
    row.spoil(key);
    CAPTURE(row.rules);
    CHECK(violated(all_rules(), key) == row.rules);
    CHECK(violated({.workspace = "default"}, key).empty());
    CHECK(check_creation(all_rules(), key, kCreated).has_value() == row.rules.empty());
  }
}

TEST_CASE("A lifetime begins with the creation, which a client cannot put off") {
  Key key = compliant();
  key.created_at = kNow + minutes(1);
  key.expires_at = key.created_at + days(90);
  CHECK(violated(all_rules(), key).empty());
  key.created_at = kNow + minutes(6);
  CHECK(violated(all_rules(), key) == "max_lifetime");
  CHECK_FALSE(check_creation(all_rules(), key, kNow));
  CHECK_FALSE(check_successor(all_rules(), key, kNow));
  const KeyChange later{.expires_at = std::optional(kNow + days(1))};
  CHECK_FALSE(check_change(all_rules(), value_of(apply(key, later, kNow)), later, kNow));
}

TEST_CASE("A change is refused for the fields that it sets") {
  const Key key = some_key();  // violates all rules but that of the scopes
  struct Row {
    KeyChange change;
    std::string_view problem;
  };
  const Row rows[] = {
      {{.name = "other"}, ""},
      {{.suspended = true}, ""},
      {{.labels = {{"note", "x"}}}, ""},
      {{.allow = test::whitelist({"192.0.2.1"})}, ""},
      {{.allow = test::whitelist({"0.0.0.0/0"})}, "the whitelist must not allow every address"},
      {{.scopes = test::scopes("read")}, ""},
      {{.scopes = test::scopes("write")}, "the only scope allowed is read"},
      {{.expires_at = std::optional<Time>()},
       "the lifetime may be at most 90d, which began at 2026-01-02T03:04:05.678Z"},
      {{.expires_at = std::optional(kCreated + days(90))}, ""},
      {{.rate_limit = 50}, ""},
      {{.rate_limit = 51}, "the rate limit may be at most 50 a minute"},
      {{.labels = {{"owner", ""}}}, "the label owner is required"},
      {{.labels = {{"owner", "eve"}}}, ""},
  };
  for (const Row& row : rows) {
    const Key after = value_of(apply(key, row.change, kNow));
    const auto checked = check_change(all_rules(), after, row.change, kNow);
    CHECK((checked ? "" : checked.error().message) ==
          (row.problem.empty()
               ? ""
               : "the policy of workspace default refuses this: " + std::string(row.problem)));
  }
}

TEST_CASE("Removing the last address of a whitelist is refused") {
  Key key = compliant();
  KeyChange change{.disallow = test::whitelist({"192.0.2.1"}), .may_open = true};
  const auto checked = check_change(all_rules(), value_of(apply(key, change, kNow)), change, kNow);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::conflict);
}

TEST_CASE("A whitelist that allows every address can be restricted step by step") {
  const Policy policy{.workspace = "default", .require_whitelist = true};
  struct Row {
    std::vector<std::string> before;
    KeyChange change;
    bool is_allowed;
  };
  const Row rows[] = {
      {{}, {.allow = test::whitelist({"0.0.0.0/0"})}, false},
      {{}, {.allow = test::whitelist({"192.0.2.1"})}, true},
      {{"0.0.0.0/0"}, {.allow = test::whitelist({"192.0.2.1"})}, true},
      {{"0.0.0.0/0", "192.0.2.1"}, {.disallow = test::whitelist({"0.0.0.0/0"})}, true},
      {{"0.0.0.0/0", "::/0"}, {.disallow = test::whitelist({"::/0"})}, true},
      {{"0.0.0.0/0"}, {.disallow = test::whitelist({"0.0.0.0/0"}), .may_open = true}, false},
      {{"192.0.2.1"}, {.allow = test::whitelist({"::/0"})}, false},
      {{"0.0.0.0/1"}, {.allow = test::whitelist({"128.0.0.0/1"})}, false},
  };
  for (const Row& row : rows) {
    Key key = some_key();
    key.whitelist = test::whitelist(row.before);
    CAPTURE(key.whitelist.to_text());
    const Key after = value_of(apply(key, row.change, kNow));
    CHECK(check_change(policy, after, row.change, kNow).has_value() == row.is_allowed);
  }
}

TEST_CASE("The successor of a rotation must live no longer, whatever else it inherits") {
  Key successor = some_key();
  successor.created_at = kNow;
  CHECK_FALSE(check_successor(all_rules(), successor, kNow));
  successor.expires_at = kNow + days(90);
  CHECK(check_successor(all_rules(), successor, kNow));
}

TEST_CASE("A refusal names all problems, and the options that comply") {
  Key key = some_key();
  const auto checked = check_creation(all_rules(), key, kCreated);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message ==
        "the policy of workspace default refuses this: the lifetime may be at most 90d; a "
        "whitelist is required; the rate limit may be at most 50 a minute; the label owner is "
        "required; the label team is required");
  CHECK(checked.error().hint ==
        "use --expires 90d --allow-ip IP --rate-limit 50 --label owner=VALUE --label team=VALUE");
}

TEST_CASE("A key that is too old to comply must be rotated") {
  const Policy policy{.workspace = "default", .max_lifetime = days(90)};
  const auto remedy = [&](Time now) {
    return violations_of(policy, some_key(), now).front().remedy;
  };
  CHECK(remedy(kNow) == "nexakey edit key_0123456789ab --expires 2026-04-02T03:04:05.678Z");
  CHECK(remedy(kCreated + days(90)) == "nexakey rotate key_0123456789ab --expires 90d");
  Key superseded = some_key();
  superseded.superseded_by = test::id("key_zzzzzzzzzzzz");
  CHECK(violations_of(policy, superseded, kCreated + days(90)).front().remedy ==
        "nexakey revoke key_0123456789ab");
}

TEST_CASE("A damaged policy refuses every change that it could concern") {
  const Policy policy = policy_from_json(R"({"max_age":3})", "default");
  REQUIRE(policy.is_damaged);
  CHECK_FALSE(policy.empty());
  CHECK_FALSE(check_creation(policy, compliant(), kNow));
  CHECK_FALSE(check_successor(policy, compliant(), kNow));
  const KeyChange rated{.rate_limit = 1};
  CHECK_FALSE(check_change(policy, compliant(), rated, kNow));
  const KeyChange suspended{.suspended = true};
  CHECK(check_change(policy, compliant(), suspended, kNow));
}

TEST_CASE("Policies are stored and sent as JSON") {
  CHECK(policy_from_json(policy_rules_to_json(all_rules()), "default") == all_rules());
  for (const Policy& policy : {all_rules(), Policy{.workspace = "w"}}) {
    std::string text;
    JsonWriter json(text);
    write_policy(json, policy);
    CHECK(value_of(read_policy(value_of(parse_json(text)), Unknown::refused)) == policy);
  }
  for (const char* const rules :
       {"", "[]", "{", R"({"max_lifetime_seconds":0})", R"({"max_rate_limit":0})",
        R"({"scopes":[]})", R"({"scopes":["admin"]})", R"({"required_labels":["a b"]})"}) {
    CAPTURE(rules);
    CHECK(policy_from_json(rules, "default").is_damaged);
  }
}

TEST_CASE("A policy is checked, and its labels are sorted") {
  Policy policy{.workspace = "default", .required_labels = {"b", "a", "b"}};
  CHECK(value_of(checked(policy)).required_labels == std::vector<std::string>{"a", "b"});
  policy.required_labels = {"-x"};
  CHECK_FALSE(checked(policy));
  CHECK_FALSE(checked({.workspace = "../x"}));
}

TEST_CASE("Changes of a policy are logged") {
  const Policy nothing{.workspace = "default"};
  CHECK_FALSE(record_policy(all_rules(), all_rules()));
  const auto set = record_policy(nothing, all_rules());
  REQUIRE(set);
  CHECK(set->action == AuditAction::policy_set);
  CHECK(set->workspace == "default");
  CHECK(Json::parse(set->details)["max_rate_limit"] == Json{{"from", nullptr}, {"to", 50}});
  CHECK(record_policy(all_rules(), nothing)->action == AuditAction::policy_clear);
}

}  // namespace
}  // namespace nexakey::core
