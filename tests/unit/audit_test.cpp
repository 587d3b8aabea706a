#include "core/audit.h"

#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/import.h"
#include "core/json.h"
#include "core/query.h"
#include "tests/unit/json_support.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::as_json;
using test::at;
using test::some_key;
using test::value_of;

/// A log of so many entries.
std::vector<AuditEntry> make_log(int count) {
  std::vector<AuditEntry> log;
  AuditHead head;
  for (int i = 1; i <= count; ++i) {
    log.push_back(next_entry(head, {.name = "alice", .source = "host-1"}, at("2026-06-01"),
                             {.action = AuditAction::edit,
                              .workspace = "default",
                              .subject = some_key().id.to_string(),
                              .details = R"({"rate_limit":{"from":1,"to":2}})"}));
    head = {.number = log.back().number, .hash = log.back().hash};
  }
  return log;
}

Result<AuditHead> check(const std::vector<AuditEntry>& log, std::optional<AuditHead> known = {}) {
  AuditChecker checker(known);
  for (const AuditEntry& entry : log) {
    checker.add(entry);
  }
  return checker.finish();
}

/// What is wrong with the log.
std::string problem(const std::vector<AuditEntry>& log, std::optional<AuditHead> known = {}) {
  const auto head = check(log, known);
  return head ? "" : head.error().message;
}

AuditHead head_of(const AuditEntry& entry) { return {.number = entry.number, .hash = entry.hash}; }

TEST_CASE("An action has one name") {
  for (const std::string_view name : {"create", "edit", "revoke", "rotate", "whitelist", "import",
                                      "token_create", "token_revoke"}) {
    CAPTURE(name);
    REQUIRE(parse_audit_action(name).has_value());
    CHECK(name_of(*parse_audit_action(name)) == name);
  }
  for (const std::string_view name : {"", "Create", "tokens", "token"}) {
    CHECK_FALSE(parse_audit_action(name).has_value());
  }
}

TEST_CASE("The hash of an entry is computed as documented") {
  AuditEntry entry{.number = 1,
                   .at = at("2026-06-01T12:00:00.5Z"),
                   .action = "edit",
                   .actor = {.name = "Zoë \"x\"", .source = ""},
                   .workspace = "default",
                   .subject = "key_0123456789ab",
                   .details = R"({"name":{"from":"é\u2028","to":"\/"}})"};
  const std::string canonical =
      R"({"action":"edit","actor":"Zoë \"x\"","at":"2026-06-01T12:00:00.500Z",)"
      "\"details\":{\"name\":{\"from\":\"é\xE2\x80\xA8\",\"to\":\"/\"}},"
      R"("number":1,"source":null,"subject":"key_0123456789ab","workspace":"default"})";
  CHECK(hash_of(entry, {}) == sha256(std::string(32, '\0') + canonical));
  Sha256 previous{};
  previous.fill(0xFF);
  CHECK(hash_of(entry, previous) == sha256(std::string(32, '\xFF') + canonical));
  entry.hash.fill(1);
  CHECK(hash_of(entry, {}) == sha256(std::string(32, '\0') + canonical));
  CHECK(to_hex(hash_of(entry, {})) ==
        "08f2bc876c4bc568d9d2d9a6b390de889b54a87ceabbfb04fe80b900d88c978f");
}

TEST_CASE("The hash of an entry is that of its JSON, whatever its texts are") {
  for (const std::string& text : std::vector<std::string>{
           "", "plain", "\"\\", "\n\t", "é", "\xE2\x80\xA8", "\xFF", "a\xC3", "\xED\xA0\x80",
           "\xF0\x9F\x98", "{}", R"({"a":1,"a":2})", R"({"b":[1.5,-0,true,null],"a":"é"})", "[1"}) {
    CAPTURE(text);
    const AuditEntry entry{.number = 7,
                           .at = at("2026-06-01T12:00:00Z"),
                           .action = text,
                           .actor = {.name = text, .source = text},
                           .workspace = text,
                           .subject = text,
                           .details = text};
    Json json = as_json([&](JsonWriter& writer) { write_audit_entry(writer, entry); });
    json.erase("hash");
    CHECK(hash_of(entry, {}) == sha256(std::string(32, '\0') + json.dump()));
  }
}

TEST_CASE("A head is written and read") {
  const AuditHead head = head_of(make_log(3).back());
  CHECK(head.to_string() == "3:" + to_hex(head.hash));
  CHECK(value_of(AuditHead::parse(head.to_string())) == head);
  CHECK(value_of(AuditHead::parse(AuditHead().to_string())) == AuditHead());
  const std::string hex = to_hex(head.hash);
  for (const std::string& text : std::vector<std::string>{
           "", "3", ":", "3:", ":" + hex, "3" + hex, "3:" + hex + "0", "3:" + hex.substr(1),
           "-3:" + hex, "x:" + hex, " 3:" + hex, "3;" + hex, "99999999999999999999:" + hex}) {
    CAPTURE(text);
    const auto parsed = AuditHead::parse(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == ErrorCode::usage);
  }
}

TEST_CASE("An intact log has a head") {
  CHECK(value_of(check({})) == AuditHead());
  const auto log = make_log(5);
  CHECK(value_of(check(log)) == head_of(log.back()));
  for (const AuditEntry& entry : log) {
    CHECK(value_of(check(log, head_of(entry))) == head_of(log.back()));
  }
  CHECK(value_of(check(log, AuditHead())) == head_of(log.back()));
}

TEST_CASE("The first altered entry is named") {
  const auto log = make_log(5);
  const auto alter = [&](auto change) {
    auto altered = log;
    change(altered[2]);
    return problem(altered);
  };
  const std::string third =
      "the audit log is not intact: entry 3 does not continue the chain: it or an earlier entry "
      "was changed";
  CHECK(alter([](AuditEntry& e) { e.at += std::chrono::milliseconds(1); }) == third);
  CHECK(alter([](AuditEntry& e) { e.action = "create"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.action = "\xFF"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.actor.name = "mallory"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.actor.source = ""; }) == third);
  CHECK(alter([](AuditEntry& e) { e.workspace = ""; }) == third);
  CHECK(alter([](AuditEntry& e) { e.subject += "x"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.details = "{}"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.details = "nonsense"; }) == third);
  CHECK(alter([](AuditEntry& e) { e.hash[31] ^= 1; }) == third);
}

TEST_CASE("An entry that is removed or inserted is named") {
  const auto log = make_log(5);
  auto removed = log;
  removed.erase(removed.begin() + 1);
  CHECK(problem(removed) == "the audit log is not intact: entry 2 is missing");
  removed = log;
  removed.erase(removed.begin());
  CHECK(problem(removed) == "the audit log is not intact: entry 1 is missing");
  auto doubled = log;
  doubled.insert(doubled.begin() + 3, log[1]);
  CHECK(problem(doubled) == "the audit log is not intact: entry 2 was inserted after entry 3");
  // Inserted with a valid number and hash: the next entry does not fit.
  auto inserted = log;
  inserted.resize(2);
  inserted.push_back(next_entry(head_of(log[1]), {.name = "mallory", .source = ""}, {}, {}));
  for (std::size_t i = 2; i < log.size(); ++i) {
    inserted.push_back(log[i]);
    ++inserted.back().number;
  }
  CHECK(problem(inserted).find("entry 4 does not continue the chain") != std::string::npos);
}

TEST_CASE("A known head reveals a truncated or rewritten tail") {
  const auto log = make_log(5);
  auto cut = log;
  cut.resize(3);
  CHECK(problem(cut).empty());
  CHECK(problem(cut, head_of(log[2])).empty());
  CHECK(problem(cut, head_of(log[4])) ==
        "the audit log is not intact: it ends with entry 3; entry 5 of the known head "
        "is missing");
  CHECK(problem({}, head_of(log[0])).find("it ends with entry 0") != std::string::npos);
  auto anew = cut;
  anew.push_back(next_entry(head_of(cut.back()), {.name = "mallory", .source = ""}, {}, {}));
  anew.push_back(next_entry(head_of(anew.back()), {.name = "mallory", .source = ""}, {}, {}));
  CHECK(problem(anew).empty());
  CHECK(problem(anew, head_of(log[4])) ==
        "the audit log is not intact: entry 5 differs from the known head: the log was "
        "rewritten");
}

TEST_CASE("The record of a change has the members that differ") {
  Key before = some_key();
  before.whitelist = test::whitelist({"192.0.2.1", "::1"});
  Key after = before;
  CHECK_FALSE(record_change(AuditAction::edit, before, after).has_value());
  after.last_use.at = at("2026-06-01");
  CHECK_FALSE(record_change(AuditAction::edit, before, after).has_value());
  after.whitelist = test::whitelist({"::1", "198.51.100.0/24"});
  const auto record = record_change(AuditAction::edit, before, after);
  REQUIRE(record.has_value());
  CHECK(record->action == AuditAction::whitelist);
  CHECK(record->workspace == before.workspace);
  CHECK(record->subject == before.id.to_string());
  CHECK(record->details ==
        R"({"whitelist":{"added":["198.51.100.0/24"],"removed":["192.0.2.1"]}})");
  after.name = "other";
  after.expires_at = at("2027-01-01");
  const auto edit = record_change(AuditAction::edit, before, after);
  REQUIRE(edit.has_value());
  CHECK(edit->action == AuditAction::edit);
  CHECK(edit->details == R"({"expires_at":{"from":null,"to":"2027-01-01T00:00:00.000Z"},)"
                         R"("name":{"from":"crm","to":"other"},)"
                         R"("whitelist":{"added":["198.51.100.0/24"],"removed":["192.0.2.1"]}})");
}

TEST_CASE("The record of a revocation is that of the change") {
  for (const std::string reason : {"", "lost", "\"verloren\" – in Zürich"}) {
    for (const std::string earlier : {"", "lost"}) {
      Key before = some_key();
      before.revoke_reason = earlier;
      Key after = before;
      after.revoked_at = at("2026-06-01T12:00:00Z");
      after.revoke_reason = reason;
      const auto change = record_change(AuditAction::revoke, before, after);
      REQUIRE(change.has_value());
      const AuditRecord record = record_revocation(before, after);
      CHECK(record.action == change->action);
      CHECK(record.workspace == change->workspace);
      CHECK(record.subject == change->subject);
      CHECK(record.details == change->details);
    }
  }
}

TEST_CASE("The details of each record are canonical") {
  Key key = some_key();
  key.name = "\"Zoë\" \\ x";
  key.description = "a\xE2\x80\xA8";
  key.labels = {{"b", "2"}, {"a", "\x7F"}};
  key.limits = value_of(Limits::from_text("20/1s 1000/day"));
  Key other = key;
  other.name = "\xFF";
  other.revoked_at = at("2026-06-01");
  other.revoke_reason = key.name;
  Token token;
  token.name = key.name;
  ImportSummary summary;
  summary.keys.added = 2;
  for (const AuditRecord& record :
       {record_creation(key), record_creation(token), *record_change(AuditAction::edit, key, other),
        record_revocation(key, other), record_purge(other), record_restore(1, 2, 3, 4),
        record_import(summary, {.number = 1}, "acme")}) {
    CAPTURE(record.details);
    const AuditEntry entry =
        next_entry({}, {.name = "zoë", .source = "\""}, other.created_at, record);
    CHECK(entry.hash == hash_of(entry, {}));
  }
}

TEST_CASE("The record of a creation has the members with a value") {
  Key key = some_key();
  key.workspace = "acme";
  const AuditRecord record = record_creation(key);
  CHECK(record.action == AuditAction::create);
  CHECK(record.workspace == "acme");
  CHECK(record.details == R"({"created_at":"2026-01-02T03:04:05.678Z","name":"crm",)"
                          R"("rate_limit":100,"scopes":["read"]})");
}

TEST_CASE("A filter matches entries that meet all of its conditions") {
  const AuditEntry entry = make_log(2).back();
  CHECK(AuditFilter{}.matches(entry));
  CHECK(AuditFilter{.subjects = {"other", entry.subject},
                    .actor = "alice",
                    .action = AuditAction::edit,
                    .workspace = "default",
                    .since = entry.at,
                    .until = entry.at + std::chrono::milliseconds(1),
                    .after = 1}
            .matches(entry));
  CHECK_FALSE(AuditFilter{.subjects = {"key_"}}.matches(entry));
  CHECK_FALSE(AuditFilter{.actor = "Alice"}.matches(entry));
  CHECK_FALSE(AuditFilter{.action = AuditAction::create}.matches(entry));
  CHECK_FALSE(AuditFilter{.workspace = "acme"}.matches(entry));
  CHECK_FALSE(AuditFilter{.since = entry.at + std::chrono::milliseconds(1)}.matches(entry));
  CHECK_FALSE(AuditFilter{.until = entry.at}.matches(entry));
  CHECK_FALSE(AuditFilter{.after = 2}.matches(entry));
}

}  // namespace
}  // namespace nexakey::core
