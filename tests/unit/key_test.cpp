#include "core/key.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::kSomeApiKey;
using test::some_key;
using test::value_of;
using test::whitelist;

std::string times(std::size_t count, std::string_view piece) {
  std::string text;
  while (count-- > 0) {
    text += piece;
  }
  return text;
}

/// Checks that each row is accepted or refused, and that messages are short and printable.
void check_rows(const std::function<Result<void>(std::string_view)>& check,
                const std::vector<std::string>& good, const std::vector<std::string>& bad) {
  for (const std::string& text : good) {
    CAPTURE(text.substr(0, 80));
    CHECK(check(text).has_value());
  }
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 80));
    const auto checked = check(text);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::usage);
    CHECK(checked.error().message.size() < 400);
    CHECK(checked.error().message.find_first_of(std::string("\x1B\n\0", 3)) == std::string::npos);
    CHECK_FALSE(contains_api_key(checked.error().message));
  }
}

TEST_CASE("The status of a key is the first that applies") {
  const Time now = at("2026-06-01T12:00:00Z");
  for (unsigned set = 0; set < 8; ++set) {
    CAPTURE(set);
    Key key = some_key();
    if ((set & 1U) != 0) {
      key.expires_at = now;
    }
    if ((set & 2U) != 0) {
      key.suspended_at = now;
    }
    if ((set & 4U) != 0) {
      key.revoked_at = now;
    }
    const KeyStatus expected = (set & 4U) != 0   ? KeyStatus::revoked
                               : (set & 2U) != 0 ? KeyStatus::suspended
                               : (set & 1U) != 0 ? KeyStatus::expired
                                                 : KeyStatus::active;
    CHECK(key.status(now) == expected);
  }
}

TEST_CASE("A key expires at the millisecond of its expiry") {
  Key key = some_key();
  key.expires_at = at("2026-06-01T12:00:00.500Z");
  CHECK(key.status(at("2026-06-01T12:00:00.499Z")) == KeyStatus::active);
  CHECK(key.status(at("2026-06-01T12:00:00.500Z")) == KeyStatus::expired);
  CHECK(key.status(at("2026-06-01T12:00:00.501Z")) == KeyStatus::expired);
}

TEST_CASE("Each status has its name") {
  CHECK(name_of(KeyStatus::active) == "active");
  CHECK(name_of(KeyStatus::suspended) == "suspended");
  CHECK(name_of(KeyStatus::expired) == "expired");
  CHECK(name_of(KeyStatus::revoked) == "revoked");
}

TEST_CASE("A name has 1 to 64 printable characters and does not look like anything else") {
  check_rows(check_name,
             {"a",
              "crm",
              "CRM (production)",
              "Zoë",
              "日本語",
              "a b",
              "key",
              "keys_",
              "Key_x",
              "fc_test_",
              "FC_LIVE_",
              "a-b",
              "_",
              "\"",
              "'; DROP TABLE keys; --",
              "*",
              "%",
              times(64, "a"),
              times(64, "日"),
              times(64, "🦀")},
             {"",
              times(65, "a"),
              times(65, "日"),
              times(65, "🦀"),
              times(10'000, "a"),
              times(10'000, "\u0301"),
              "a\nb",
              "a\n",
              "\n",
              "\t",
              "a\rb",
              "\x1B[31mred\x1B[0m",
              "\x1B]0;title\a",
              "\x7F",
              "\u009B31m",
              std::string("a\0b", 3),
              "\u202Egnp.exe",
              "a\u200Bb",
              "\u2028",
              "caf\xE9",
              "\xED\xA0\x80",
              "-",
              "-a",
              "--yes",
              "key_",
              "key_a",
              "key_0123456789ab",
              "fc_live_",
              "fc_live_x",
              std::string(kSomeApiKey),
              " " + std::string(kSomeApiKey) + "\n"});
}

TEST_CASE("A workspace is a word of at most 64 characters") {
  check_rows(
      check_workspace,
      {"default", "a", "A", "0", "acme-eu", "acme.eu", "acme_eu", "_", "a-", "a.", times(64, "a")},
      {"",
       "-",
       "-a",
       ".",
       "..",
       ".a",
       " ",
       "a b",
       " a",
       "a ",
       "a/b",
       "a\\b",
       "a,b",
       "a:b",
       "a=b",
       "*",
       "é",
       "a\n",
       "a\x1B[2J",
       std::string("a\0", 2),
       times(65, "a"),
       times(10'000, "a")});
}

TEST_CASE("A description has at most 1000 printable characters") {
  check_rows(
      check_description,
      {"", " ", "for the CRM", "-x", "key_x", "日本語", times(1000, "a"), times(1000, "🦀")},
      {times(1001, "a"), times(1001, "日"), times(1001, "🦀"), times(100'000, "a"), "a\nb",
       "\x1B[2J", "\u202E", "\xFF", std::string("\0", 1)});
}

TEST_CASE("A label has a word for its name and at most 256 printable bytes for its value") {
  struct Row {
    std::string name;
    std::string value;
    bool good;
  };
  const std::vector<Row> rows{
      {"team", "crm", true},
      {"team", "", true},
      {"a.b-c_d", "x = y, z", true},
      {"team", "日本語", true},
      {"team", times(256, "a"), true},
      {times(64, "a"), "x", true},
      {"", "x", false},
      {"-team", "x", false},
      {".team", "x", false},
      {"te am", "x", false},
      {"te\nam", "x", false},
      {"te\"am", "x", false},
      {times(65, "a"), "x", false},
      {"team", times(257, "a"), false},
      {"team", "a\nb", false},
      {"team", "\x1B[2J", false},
      {"team", "\xFF", false},
      {std::string(kSomeApiKey), "\xFF", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    const auto checked = check_labels({{row.name, row.value}});
    CHECK(checked.has_value() == row.good);
    if (!checked) {
      CHECK(checked.error().code == ErrorCode::usage);
      CHECK(checked.error().message.find_first_of("\x1B\n") == std::string::npos);
      CHECK_FALSE(contains_api_key(checked.error().message));
    }
  }
}

TEST_CASE("A key has at most 64 labels") {
  Labels labels;
  for (int i = 0; i < 64; ++i) {
    labels["label" + std::to_string(i)] = "x";
  }
  CHECK(check_labels(labels).has_value());
  labels["one-more"] = "x";
  CHECK(check_labels(labels).error().message == "a key takes at most 64 labels");
}

TEST_CASE("Labels are read from texts with an equals sign") {
  CHECK(value_of(parse_labels({})).empty());
  CHECK(value_of(parse_labels({"team=crm", "env=prod"})) ==
        Labels{{"team", "crm"}, {"env", "prod"}});
  CHECK(value_of(parse_labels({"a=b=c"})) == Labels{{"a", "b=c"}});
  CHECK(value_of(parse_labels({"a="})) == Labels{{"a", ""}});
  for (const std::string& text :
       std::vector<std::string>{"", "team", "=crm", "=", " =x", "te am=x", "a=\n", "\x1B=x",
                                "a=" + times(257, "x"), std::string(kSomeApiKey)}) {
    CAPTURE(text);
    const auto labels = parse_labels({"good=one", text});
    REQUIRE_FALSE(labels.has_value());
    CHECK(labels.error().code == ErrorCode::usage);
    CHECK_FALSE(contains_api_key(labels.error().message));
  }
}

TEST_CASE("A rate limit is from 1 to 100000") {
  for (const std::int64_t limit : {1, 100, 100'000}) {
    CHECK(check_rate_limit(limit).has_value());
  }
  for (const std::int64_t limit :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{100'001}, std::int64_t{1} << 32,
        (std::int64_t{1} << 32) + 100, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    CAPTURE(limit);
    REQUIRE_FALSE(check_rate_limit(limit).has_value());
    CHECK(check_rate_limit(limit).error().code == ErrorCode::usage);
  }
}

TEST_CASE("A change without members leaves the key as it is") {
  Key key = some_key();
  key.description = "text";
  key.labels = {{"team", "crm"}};
  key.expires_at = at("2030-01-01");
  key.suspended_at = at("2026-02-01");
  key.whitelist = whitelist({"10.0.0.0/8"});
  CHECK(value_of(apply(key, {}, at("2026-06-01"))) == key);
}

TEST_CASE("Each member of a change changes its own part of the key and no other") {
  const Time now = at("2026-06-01");
  Key before = some_key();
  before.description = "text";
  before.labels = {{"team", "crm"}, {"env", "prod"}};
  before.expires_at = at("2030-01-01");
  before.whitelist = whitelist({"10.0.0.0/8", "::1"});
  struct Row {
    std::string_view name;
    std::function<void(KeyChange&)> change;
    std::function<void(Key&)> expected;
  };
  const std::vector<Row> rows{
      {"name", [](KeyChange& c) { c.name = "other"; }, [](Key& k) { k.name = "other"; }},
      {"description", [](KeyChange& c) { c.description = "new"; },
       [](Key& k) { k.description = "new"; }},
      {"description taken away", [](KeyChange& c) { c.description = ""; },
       [](Key& k) { k.description.clear(); }},
      {"scopes", [](KeyChange& c) { c.scopes = test::scopes("write"); },
       [](Key& k) { k.scopes = test::scopes("write"); }},
      {"expiry", [](KeyChange& c) { c.expires_at = std::optional(at("2027-01-01")); },
       [](Key& k) { k.expires_at = at("2027-01-01"); }},
      {"expiry taken away", [](KeyChange& c) { c.expires_at.emplace(std::nullopt); },
       [](Key& k) { k.expires_at.reset(); }},
      {"rate limit", [](KeyChange& c) { c.rate_limit = 7; }, [](Key& k) { k.rate_limit = 7; }},
      {"a new label",
       [](KeyChange& c) {
         c.labels = {{"region", "eu"}};
       },
       [](Key& k) { k.labels["region"] = "eu"; }},
      {"another value of a label",
       [](KeyChange& c) {
         c.labels = {{"team", "sales"}};
       },
       [](Key& k) { k.labels["team"] = "sales"; }},
      {"a label taken away",
       [](KeyChange& c) {
         c.labels = {{"team", ""}};
       },
       [](Key& k) { k.labels.erase("team"); }},
      {"a label taken away that is not there",
       [](KeyChange& c) {
         c.labels = {{"none", ""}};
       },
       [](Key&) {}},
      {"suspension", [](KeyChange& c) { c.suspended = true; },
       [&](Key& k) { k.suspended_at = now; }},
      {"resumption of a key that is not suspended", [](KeyChange& c) { c.suspended = false; },
       [](Key&) {}},
      {"an address allowed", [](KeyChange& c) { c.allow = whitelist({"192.0.2.1"}); },
       [](Key& k) {
         k.whitelist = whitelist({"10.0.0.0/8", "192.0.2.1", "::1"});
       }},
      {"an address allowed that is", [](KeyChange& c) { c.allow = whitelist({"::1"}); },
       [](Key&) {}},
      {"an address disallowed", [](KeyChange& c) { c.disallow = whitelist({"::1"}); },
       [](Key& k) { k.whitelist = whitelist({"10.0.0.0/8"}); }},
      {"all addresses replaced by another",
       [](KeyChange& c) {
         c.disallow = whitelist({"10.0.0.0/8", "::1"});
         c.allow = whitelist({"192.0.2.1"});
       },
       [](Key& k) { k.whitelist = whitelist({"192.0.2.1"}); }},
      {"all addresses disallowed on purpose",
       [](KeyChange& c) {
         c.disallow = whitelist({"10.0.0.0/8", "::1"});
         c.may_open = true;
       },
       [](Key& k) { k.whitelist = Whitelist(); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    KeyChange change;
    row.change(change);
    Key expected = before;
    row.expected(expected);
    CHECK(value_of(apply(before, change, now)) == expected);
  }
}

TEST_CASE("A suspended key keeps its time and can be resumed") {
  Key key = some_key();
  key.suspended_at = at("2026-02-01");
  KeyChange change;
  change.suspended = true;
  CHECK(value_of(apply(key, change, at("2026-06-01"))).suspended_at == at("2026-02-01"));
  change.suspended = false;
  CHECK_FALSE(value_of(apply(key, change, at("2026-06-01"))).suspended_at.has_value());
}

TEST_CASE("A change that cannot be made says why") {
  const Time now = at("2026-06-01");
  Key key = some_key();
  key.whitelist = whitelist({"10.0.0.0/8"});
  KeyChange change;
  SUBCASE("a revoked key cannot be changed") {
    key.revoked_at = now;
    change.description = "new";
    const auto changed = apply(key, change, now);
    REQUIRE_FALSE(changed.has_value());
    CHECK(changed.error().code == ErrorCode::conflict);
    CHECK(changed.error().message == "key_0123456789ab is revoked and cannot be changed");
  }
  SUBCASE("a revoked key cannot be resumed") {
    key.revoked_at = now;
    change.suspended = false;
    CHECK(apply(key, change, now).error().code == ErrorCode::conflict);
  }
  SUBCASE("an address that is not on the whitelist cannot be removed") {
    change.disallow = whitelist({"10.0.0.0/9"});
    const auto changed = apply(key, change, now);
    REQUIRE_FALSE(changed.has_value());
    CHECK(changed.error().code == ErrorCode::not_found);
    CHECK(changed.error().message == "10.0.0.0/9 is not on the whitelist of key_0123456789ab");
  }
  SUBCASE("an address that the same change adds cannot be removed") {
    change.disallow = whitelist({"::1"});
    change.allow = whitelist({"::1"});
    CHECK(apply(key, change, now).error().code == ErrorCode::not_found);
  }
  SUBCASE("the last address is not removed without confirmation") {
    change.disallow = key.whitelist;
    const auto changed = apply(key, change, now);
    REQUIRE_FALSE(changed.has_value());
    CHECK(changed.error().code == ErrorCode::confirmation_required);
    CHECK(changed.error().message ==
          "removing the last whitelist entry of key_0123456789ab opens it to every "
          "address");
  }
  SUBCASE("a whitelist of 256 entries is full") {
    std::vector<std::string> entries;
    for (int i = 0; i < 256; ++i) {
      entries.push_back("192.0.2." + std::to_string(i));
    }
    change.allow = whitelist(entries);
    CHECK(apply(key, change, now).error().code == ErrorCode::usage);
    change.disallow = key.whitelist;
    CHECK(apply(key, change, now).has_value());
  }
  SUBCASE("an invalid label is refused") {
    change.labels = {{"te am", "x"}};
    CHECK(apply(key, change, now).error().code == ErrorCode::usage);
  }
  SUBCASE("a key with 64 labels takes another only in place of one") {
    for (int i = 0; i < 64; ++i) {
      key.labels["label" + std::to_string(i)] = "x";
    }
    change.labels = {{"new", "x"}};
    CHECK(apply(key, change, now).error().code == ErrorCode::usage);
    change.labels["label0"] = "";
    CHECK(apply(key, change, now).has_value());
  }
}

TEST_CASE("Changes of a key with an empty whitelist need no confirmation") {
  KeyChange change;
  change.name = "other";
  CHECK(apply(some_key(), change, at("2026-06-01")).has_value());
}

TEST_CASE("A key from outside is checked completely") {
  CHECK(check_key(some_key()).has_value());
  SUBCASE("a name may be the id of its own key only") {
    Key key = some_key();
    key.name = key.id.to_string();
    CHECK(check_key(key).has_value());
    key.name = "key_0123456789ac";
    CHECK_FALSE(check_key(key).has_value());
  }
  struct Row {
    std::string_view name;
    std::function<void(Key&)> spoil;
  };
  const std::vector<Row> rows{
      {"no name", [](Key& k) { k.name.clear(); }},
      {"escape sequence in the name", [](Key& k) { k.name = "\x1B[2J"; }},
      {"no workspace", [](Key& k) { k.workspace.clear(); }},
      {"workspace", [](Key& k) { k.workspace = "a b"; }},
      {"description", [](Key& k) { k.description = "a\nb"; }},
      {"reason of the revocation", [](Key& k) { k.revoke_reason = "a\nb"; }},
      {"label", [](Key& k) { k.labels["a"] = "\x1B"; }},
      {"rate limit of nothing", [](Key& k) { k.rate_limit = 0; }},
      {"rate limit beyond the largest", [](Key& k) { k.rate_limit = 100'001; }},
      {"no scope", [](Key& k) { k.scopes = Scopes(); }},
      {"no end of the key", [](Key& k) { k.last_four.clear(); }},
      {"too much of the key", [](Key& k) { k.last_four = "NOPQR"; }},
      {"escape sequence for the end of the key", [](Key& k) { k.last_four = "\x1B[2J"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Key key = some_key();
    row.spoil(key);
    const auto checked = check_key(key);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::usage);
  }
}

TEST_CASE("Keys are equal only if all members are") {
  const std::vector<std::function<void(Key&)>> changes{
      [](Key& k) { k.id = KeyId(1); },
      [](Key& k) { k.workspace = "other"; },
      [](Key& k) { k.scopes.add(Scope::write); },
      [](Key& k) { k.whitelist = whitelist({"::1"}); },
      [](Key& k) { k.rate_limit = 1; },
      [](Key& k) { k.expires_at = Time(); },
      [](Key& k) { k.suspended_at = Time(); },
      [](Key& k) { k.revoked_at = Time(); },
      [](Key& k) { k.hash[31] ^= 1U; },
      [](Key& k) { k.last_four = "0000"; },
      [](Key& k) { k.name = "other"; },
      [](Key& k) { k.description = "other"; },
      [](Key& k) { k.labels["a"] = "b"; },
      [](Key& k) { k.created_at += std::chrono::milliseconds(1); },
      [](Key& k) { k.revoke_reason = "other"; },
      [](Key& k) { k.last_use.at = Time(); },
      [](Key& k) { k.rotated_from = KeyId(1); },
      [](Key& k) { k.superseded_by = KeyId(1); },
  };
  CHECK(some_key() == some_key());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    Key key = some_key();
    changes[i](key);
    CHECK(key != some_key());
  }
}

TEST_CASE("no text about a key may contain a complete key") {
  const std::string key = "fc_live_AbCdEfGhIjKlMnOpQrStUvWxYz01";
  CHECK_FALSE(check_name("crm " + key));
  CHECK_FALSE(check_workspace(key));
  CHECK_FALSE(check_description("it was " + key));
  CHECK_FALSE(check_labels({{"team", key}}));
  CHECK_FALSE(check_labels({{key, "crm"}}));
}

}  // namespace
}  // namespace nexakey::core
