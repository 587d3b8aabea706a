// export_records, stage_import and commit_import: a store moves completely or not at all.

#include "core/json.h"
#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::ImportCounts;
using core::ImportId;
using core::ImportOptions;
using core::ImportSummary;
using core::Key;
using core::Token;

Key acme_key(std::uint64_t n) {
  Key key = make_key(n);
  key.name = "Zoë's \"x\" \\ /";
  key.workspace = "acme";
  key.scopes = scopes("read");
  key.whitelist = whitelist({"2001:db8::/32", "203.0.113.0/24"});
  key.rate_limit = 7;
  key.labels = {{"team", "crm"}, {"empty", ""}, {"quoted", "\"\\"}};
  key.description = "für das CRM";
  key.expires_at = at("2027-01-01T00:00:00.001Z");
  key.suspended_at = at("2026-01-10");
  key.revoked_at = at("2026-05-01T00:00:00.999Z");
  key.revoke_reason = "leaked";
  return key;
}

/// A store with records of all kinds.
void fill(KeyStore& store) {
  for (const std::uint64_t n : {3U, 1U, 2U}) {
    add(store, n);
  }
  add(store, acme_key(4));
  Key successor = make_key(5);
  successor.rotated_from = make_key(1).id;
  successor.line = make_key(1).id;
  add(store, successor);
  // With the same creation time as another one: they are listed in the order in which they were
  // added.
  Key twin = make_key(6);
  twin.created_at = make_key(2).created_at;
  twin.workspace = "acme";
  add(store, twin);
  value_of(store.as(kTester).create_token(make_token(2)));
  Token token = make_token(1);
  token.workspace = "acme";
  token.role = core::Role::admin;
  token.expires_at = at("2027-01-01");
  token.revoked_at = at("2026-02-01");
  value_of(store.as(kTester).create_token(token));
  admitted(store, request(1, "GET", "/v1/leads/7"), 3);
  admitted(store, request(1, "POST", "/v1/leads"), 2);
  admitted(store, request(4), 1);
  admitted(store, request(6), 1);
  value_of(store.record_responses(std::vector<core::UpstreamResponse>{
      {.key = make_key(1).id, .method = "GET", .path = "/v1/leads/7", .status = 502}}));
}

/// The text of an export, without the token of the fixture.
std::string export_text(KeyStore& store, const std::optional<std::string>& workspace = {}) {
  std::string text;
  core::ExportWriter writer(text, workspace);
  value_of(store.export_records(workspace, [&](const core::Record& record) {
    const Token* const token = std::get_if<Token>(&record);
    if (token == nullptr || token->name != kAdmin) {
      writer.add(record);
    }
    return true;
  }));
  writer.finish();
  return text;
}

/// The text without one line.
std::string without_line(const std::string& text, std::string_view beginning) {
  const std::size_t from = text.find(beginning);
  REQUIRE(from != std::string::npos);
  return text.substr(0, from) + text.substr(text.find('\n', from) + 1);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  REQUIRE(text.find(from) != std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

STORE_TEST("a store moves to any other and back without a change", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  for (const Backend other : backends<STORE_FIXTURES>()) {
    Stores others(other);
    CAPTURE(others.fixture.scheme());
    const ImportSummary summary = import_text(*others.first, text);
    CHECK(summary.keys == ImportCounts{.added = 6});
    CHECK(summary.tokens == ImportCounts{.added = 2});
    CHECK(summary.usage == ImportCounts{.added = 5});
    CHECK(summary.audit == core::ImportedAudit{.added = 8});
    CHECK(summary.conflict_count == 0);
    CHECK(export_text(*others.second) == text);
    CHECK(list(*others.second) == list(*stores.first));
    CHECK(tokens(*others.second) == tokens(*stores.first));
    CHECK(report(*others.second).total == report(*stores.first).total);
    CHECK(value_of(others.second->audit_head()) == value_of(stores.first->audit_head()));
    CHECK(reason(*others.first, request(2)) == "allowed");
    CHECK(reason(*others.first, request(4)) == "revoked_key");

    Stores back(backend);
    import_text(*back.first, text);
    CHECK(export_text(*back.second) == text);
  }
}

STORE_TEST("an empty store has an export too", STORE_FIXTURES) {
  Stores stores(backend);
  const std::string text = export_text(*stores.first);
  CHECK(std::ranges::count(text, '\n') == 2);
  CHECK(import_text(*stores.second, text) == ImportSummary());
  CHECK(export_text(*stores.second) == text);
}

STORE_TEST("an export ends when its visitor has enough", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  for (const int wanted : {1, 3, 9}) {
    int seen = 0;
    value_of(
        stores.first->export_records({}, [&](const core::Record&) { return ++seen < wanted; }));
    CHECK(seen == wanted);
  }
}

STORE_TEST("an export of a workspace has its records", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first, "acme");
  Stores others(backend);
  const ImportSummary summary = import_text(*others.first, text);
  CHECK(summary.keys == ImportCounts{.added = 2});
  CHECK(summary.tokens == ImportCounts{.added = 1});
  CHECK(summary.usage == ImportCounts{.added = 2});
  CHECK(summary.audit == core::ImportedAudit());
  CHECK(list_names(*others.first) == list_names(*stores.first, {.workspace = "acme"}));
  CHECK(export_text(*others.second, "acme") == text);
  CHECK(std::ranges::count(export_text(*stores.first, "nobody"), '\n') == 2);
}

STORE_TEST("the same import again changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  const ImportSummary unchanged{.tokens = {.unchanged = 2},
                                .keys = {.unchanged = 6},
                                .usage = {.unchanged = 5},
                                .audit = {.unchanged = 8}};
  CHECK(import_text(*stores.second, text) == unchanged);
  CHECK(export_text(*stores.second) == text);
  Stores others(backend);
  for (int i = 0; i < 2; ++i) {
    import_text(*others.first, text);
    CHECK(export_text(*others.second) == text);
  }
}

STORE_TEST("an import keeps the larger count and the later last use", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  admitted(*stores.first, request(1), 2);
  const std::string older = export_text(*stores.first);
  Stores others(backend);
  import_text(*others.first, older);
  admitted(*stores.first, request(1), 3);
  admitted(*stores.first, request(2), 1);
  const std::string newer = export_text(*stores.first);

  const ImportSummary summary = import_text(*others.first, newer);
  CHECK(summary.keys.added == 0);
  CHECK(summary.keys.changed + summary.keys.unchanged == 2);
  CHECK(export_text(*others.second, "default") == export_text(*stores.first, "default"));
  import_text(*others.first, older);
  CHECK(export_text(*others.second, "default") == export_text(*stores.first, "default"));
  // Later requests are added to the count.
  CHECK(admitted(*others.second, request(1), 1) == 1);
  CHECK(report(*others.first, {.key = make_key(1).id}).total.requests == 6);
}

STORE_TEST("imported keys follow those with the same creation time", STORE_FIXTURES) {
  Stores stores(backend);
  Stores others(backend);
  for (const std::uint64_t n : {3U, 1U, 2U, 4U}) {
    Key key = make_key(n);
    key.created_at = at("2026-01-01");
    add(n == 4 ? *others.first : *stores.first, key);
  }
  import_text(*others.first, export_text(*stores.first));
  CHECK(list_names(*others.second) ==
        std::vector<std::string>{"name-2", "name-1", "name-3", "name-4"});
}

STORE_TEST("a rotation may refer to a key that comes later", STORE_FIXTURES) {
  Stores stores(backend);
  // The successor is older, as after a clock that went backwards.
  Key successor = make_key(1);
  successor.rotated_from = make_key(2).id;
  successor.line = make_key(2).id;
  add(*stores.first, 2);
  add(*stores.first, successor);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  import_text(*others.first, text);
  CHECK(export_text(*others.second) == text);
  CHECK(list(*others.second, {.name = "name-1"}).at(0).rotated_from == make_key(2).id);
}

STORE_TEST("an import with a conflict changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  const std::string id = make_key(2).id.to_string();

  SUBCASE("another key with the id") {
    Stores others(backend);
    Key other = make_key(2);
    other.rate_limit = 1;
    add(*others.first, other);
    const std::string before = export_text(*others.first);
    const ImportSummary summary = import_text(*others.first, text);
    CHECK(summary.conflict_count == 1);
    CHECK(summary.conflicts.at(0).id == id);
    CHECK(export_text(*others.second) == before);
  }
  SUBCASE("the key under another id") {
    Stores others(backend);
    Key other = make_key(2);
    other.id = make_key(9).id;
    add(*others.first, other);
    const std::string before = export_text(*others.first);
    const ImportSummary summary = import_text(*others.first, text);
    CHECK(summary.conflict_count == 1);
    CHECK(summary.conflicts.at(0).id == id);
    CHECK(summary.conflicts.at(0).problem.find(other.id.to_string()) != std::string::npos);
    CHECK(export_text(*others.second) == before);
  }
  SUBCASE("another token") {
    Stores others(backend);
    Token other = make_token(1);
    other.name = "another";
    value_of(others.first->as(kTester).create_token(other));
    const std::string before = export_text(*others.first);
    const ImportSummary summary = import_text(*others.first, text);
    CHECK(summary.conflict_count == 1);
    CHECK(summary.conflicts.at(0).id == other.id.to_string());
    CHECK(export_text(*others.second) == before);
  }
  SUBCASE("a key that was revoked since stays revoked") {
    const core::KeyId revoked = make_key(2).id;
    value_of(stores.first->as(kTester).revoke({&revoked, 1}, "leaked", now()));
    CHECK(import_text(*stores.second, text).conflict_count == 1);
    CHECK(reason(*stores.first, request(2)) == "revoked_key");
  }
  SUBCASE("many conflicts are counted but not all listed") {
    Stores others(backend);
    std::vector<Key> keys;
    std::vector<Key> different;
    for (std::uint64_t n = 1; n <= core::kMaxConflicts + 7; ++n) {
      keys.push_back(make_key(n + 10));
      different.push_back(make_key(n + 10));
      different.back().description = "another";
    }
    add_all(*stores.first, keys);
    add_all(*others.first, different);
    const ImportSummary summary = import_text(*others.first, export_text(*stores.first));
    CHECK(summary.conflict_count == core::kMaxConflicts + 7);
    CHECK(summary.conflicts.size() == core::kMaxConflicts);
  }
}

STORE_TEST("an incomplete export is refused and changes nothing", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  const std::string nothing = export_text(*Stores(backend).first);
  const std::string key = R"({"type":"key","id":")" + make_key(2).id.to_string();
  const std::string line =
      text.substr(text.find(key), text.find('\n', text.find(key)) - text.find(key) + 1);
  const std::vector<std::pair<std::string, std::string>> rows{
      {"cut off", without_line(text, R"({"type":"end")")},
      {"a key is missing", without_line(text, key)},
      {"a key is there twice", replaced(text, line, line + line)},
      {"nonsense", replaced(text, line, "{}\n")},
      {"another version", replaced(text, R"("nexakey_export":1)", R"("nexakey_export":2)")},
      {"something behind it", text + "\n"},
      {"two of them", text + text},
  };
  for (const auto& [name, damaged] : rows) {
    CAPTURE(name);
    Stores others(backend);
    CHECK(code_of(try_import(*others.first, damaged)) == "usage");
    CHECK(export_text(*others.second) == nothing);
  }
}

STORE_TEST("a dry run reports what would be done", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  add(*others.first, 2);
  const std::string before = export_text(*others.first);
  const ImportSummary told = import_text(*others.first, text, {.dry_run = true});
  CHECK(told.keys == ImportCounts{.added = 5, .unchanged = 1});
  CHECK(export_text(*others.second) == before);
  CHECK(import_text(*others.first, text) == told);
  CHECK(list(*others.second).size() == 6);
}

STORE_TEST("a store with its own audit log logs the import", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  add(*others.first, 9);
  const core::AuditHead before = value_of(others.first->audit_head());
  const core::Time now = core::system_time();
  CHECK(import_text(*others.first, text).audit == core::ImportedAudit{.left_out = 8});

  const auto last = [&] {
    std::vector<core::AuditEntry> entries;
    value_of(others.second->audit({.after = before.number}, SIZE_MAX, [&](const auto& entry) {
      entries.push_back(entry);
      return true;
    }));
    return entries;
  };
  REQUIRE(last().size() == 1);
  const core::AuditEntry entry = last().front();
  CHECK(entry.action == "import");
  // Over HTTP, the server names the token.
  if (!stores.fixture.names_actors()) {
    CHECK(entry.actor == kTester);
  }
  CHECK(entry.at >= now);
  CHECK(entry.hash == core::hash_of(entry, before.hash));
  CHECK(entry.details == R"({"audit_head":")" + value_of(stores.first->audit_head()).to_string() +
                             R"(","keys":{"added":6,"changed":0},"tokens":{"added":2,"changed":0},)"
                             R"("usage":{"added":5,"changed":0}})");
  // Neither an import that changes nothing nor one that is refused is logged.
  import_text(*others.first, text);
  import_text(*others.first, text, {.dry_run = true});
  CHECK(last().size() == 1);
  // The whole store can be exported again.
  Stores third(backend);
  import_text(*third.first, export_text(*others.first));
  CHECK(export_text(*third.second) == export_text(*others.second));
}

STORE_TEST("a damaged log is not taken over", STORE_FIXTURES) {
  Stores stores(backend);
  add(*stores.first, 1);
  add(*stores.first, 2);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  CHECK(code_of(try_import(*others.first, replaced(text, R"("action":"create")",
                                                   R"("action":"revoke")"))) == "usage");
  CHECK(list(*others.second).empty());
}

STORE_TEST("an import of a workspace is logged as one", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  Stores others(backend);
  import_text(*others.first, export_text(*stores.first, "acme"));
  std::vector<core::AuditEntry> entries;
  value_of(others.second->audit({}, SIZE_MAX, [&](const auto& entry) {
    entries.push_back(entry);
    return true;
  }));
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].workspace == "acme");
  CHECK(entries[0].subject.empty());
}

STORE_TEST("known keys can be kept unchanged", STORE_FIXTURES) {
  Stores stores(backend);
  Stores others(backend);
  for (const std::uint64_t n : {1U, 2U, 3U}) {
    Key key = make_key(n);
    add(*stores.first, key);
    if (n != 2) {
      key.id = make_key(n + 10).id;
      key.name = "kept";
      add(*others.first, key);
    }
  }
  const std::string text = export_text(*stores.first, "default");
  CHECK(import_text(*others.first, text).conflict_count == 2);
  const ImportSummary summary = import_text(*others.first, text, {.keep_known = true});
  CHECK(summary.keys == ImportCounts{.added = 1, .unchanged = 2});
  CHECK(list_names(*others.second) == std::vector<std::string>{"kept", "name-2", "kept"});

  // Such an import can add only keys.
  value_of(stores.first->as(kTester).create_token(make_token(1)));
  CHECK(code_of(try_import(*others.first, export_text(*stores.first), {.keep_known = true})) ==
        "usage");
}

STORE_TEST("only their own import sees parts", STORE_FIXTURES) {
  Stores stores(backend);
  fill(*stores.first);
  const std::string text = export_text(*stores.first);
  Stores others(backend);
  const std::string before = export_text(*others.first);
  const ImportId id(7);
  const std::uint32_t parts = stage(*others.first, id, text, 500);
  REQUIRE(parts > 3);
  CHECK(export_text(*others.second) == before);
  CHECK(code_of(others.first->as(kTester).commit_import(ImportId(8), parts, {}, now())) ==
        "not_found");
  // In any order, on any connection, and repeatedly.
  value_of(
      others.second->as(kTester).stage_import(id, 0, text.substr(0, text.find('\n') + 1), now()));
  CHECK(code_of(others.first->as(kTester).commit_import(id, parts, {}, now())) == "usage");
  // The parts are deleted in any case.
  CHECK(code_of(others.first->as(kTester).commit_import(id, parts, {}, now())) == "not_found");
  const ImportSummary summary = value_of(
      others.second->as(kTester).commit_import(id, stage(*others.first, id, text, 500), {}, now()));
  CHECK(summary.keys.added == 6);
  CHECK(export_text(*others.second) == text);
  // Once more, if the answer was lost.
  CHECK(value_of(others.first->as(kTester).commit_import(id, parts, {}, now())) == summary);
}

STORE_TEST("parts of an interrupted import are deleted after a day", LOCAL_FIXTURES) {
  Stores stores(backend);
  const std::string text = export_text(*stores.first);
  const core::Time then = now();
  value_of(stores.first->as(kTester).stage_import(ImportId(1), 0, text, then));
  value_of(
      stores.first->as(kTester).stage_import(ImportId(2), 0, text, then + std::chrono::hours(23)));
  CHECK(code_of(stores.first->as(kTester).commit_import(ImportId(1), 1, {}, then)) == "ok");
  value_of(stores.first->as(kTester).stage_import(ImportId(1), 0, text, then));
  value_of(
      stores.first->as(kTester).stage_import(ImportId(3), 0, text, then + std::chrono::hours(25)));
  CHECK(code_of(stores.first->as(kTester).commit_import(ImportId(1), 1, {}, then)) == "not_found");
  CHECK(code_of(stores.first->as(kTester).commit_import(ImportId(2), 1, {}, then)) == "ok");
  CHECK(code_of(stores.first->as(kTester).commit_import(ImportId(3), 1, {}, then)) == "ok");
}

STORE_TEST("a part has complete lines, and not too many", STORE_FIXTURES) {
  Stores stores(backend);
  const auto stage_part = [&](std::uint32_t number, const std::string& lines) {
    return code_of(stores.first->as(kTester).stage_import(ImportId(1), number, lines, now()));
  };
  CHECK(stage_part(0, "") == "usage");
  CHECK(stage_part(0, "{}") == "usage");
  CHECK(stage_part(0, "{}\n{}") == "usage");
  CHECK(stage_part(0, std::string(core::kMaxImportPartSize, '\n')) == "ok");
  CHECK(stage_part(0, std::string(core::kMaxImportPartSize + 1, '\n')) == "usage");
  CHECK(stage_part(core::kMaxImportParts - 1, "{}\n") == "ok");
  CHECK(stage_part(core::kMaxImportParts, "{}\n") == "usage");
}

}  // namespace
}  // namespace nexakey::store::test
