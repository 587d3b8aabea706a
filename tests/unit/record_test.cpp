#include "core/record.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/import.h"
#include "core/json.h"
#include "core/text.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::id;
using test::some_key;
using test::value_of;

Token some_token() {
  Token token;
  token.id = TokenId::parse("tok_0123456789ab").value();
  token.name = "edge";
  token.workspace = "acme";
  token.last_four = "wxyz";
  token.created_at = at("2026-01-01T00:00:00.001Z");
  return token;
}

Key other_key() {
  Key key = some_key();
  key.id = id("key_zzzzzzzzzzzz");
  key.hash[31] = 1;
  key.name = "Zoë";
  key.created_at = at("2026-02-01");
  key.rotated_from = some_key().id;
  key.whitelist = test::whitelist({"203.0.113.0/24"});
  key.labels = {{"team", "crm"}};
  key.expires_at = at("2026-03-01");
  return key;
}

KeyUsage usage_of(const Key& key, std::string endpoint = "GET /", int status = 200) {
  return {.key = key.id,
          .hour = at("2026-02-01T07:00:00Z"),
          .endpoint = std::move(endpoint),
          .status = status,
          .requests = 3};
}

/// A log of so many entries.
std::vector<AuditEntry> log_of(int entries) {
  std::vector<AuditEntry> log;
  AuditHead head;
  for (int i = 0; i < entries; ++i) {
    log.push_back(next_entry(head, {.name = "zoë", .source = "host"}, some_key().created_at,
                             {.action = AuditAction::create,
                              .workspace = "default",
                              .subject = some_key().id.to_string(),
                              .details = R"({"scopes":["read"]})"}));
    head = {log.back().number, log.back().hash};
  }
  return log;
}

std::string text_of(const std::vector<Record>& records,
                    const std::optional<std::string>& workspace = {}) {
  std::string text;
  ExportWriter writer(text, workspace);
  for (const Record& record : records) {
    writer.add(record);
  }
  writer.finish();
  return text;
}

struct Export {
  std::vector<Record> records;
  RecordCounts counts;
};

Result<Export> read(const std::string& text) {
  ExportReader reader;
  Export read;
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto record = reader.read(lines[i]);
    if (!record) {
      return tl::unexpected(record.error());
    }
    if (*record) {
      read.records.push_back(**record);
    }
  }
  read.counts = reader.counts();
  return reader.finish().map([&] { return read; });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  REQUIRE(text.find(from) != std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

std::string all_replaced(std::string text, const std::string& from, const std::string& to) {
  while (text.find(from) != std::string::npos) {
    text = replaced(text, from, to);
  }
  return text;
}

const std::vector<Record> kRecords{some_token(),
                                   some_key(),
                                   other_key(),
                                   usage_of(some_key(), "GET /v1/leads/{id}"),
                                   usage_of(other_key(), "(other)", kUpstreamStatus + 502),
                                   log_of(2)[0],
                                   log_of(2)[1]};

TEST_CASE("An export is JSON lines") {
  Key key = some_key();
  key.hash = {};
  key.last_use.at = at("2026-02-01T07:08:09.010Z");
  Token token = some_token();
  token.workspace.reset();
  const AuditEntry entry = log_of(1).front();
  CHECK(text_of({token, key, usage_of(key), entry}) ==
        all_replaced(R"({"nexakey_export":1,"workspace":null}
{"type":"token","id":"tok_0123456789ab","name":"edge","role":"verifier","workspace":null,"hint":"nxk_…wxyz","created_at":"2026-01-01T00:00:00.001Z","expires_at":null,"revoked_at":null,"hash":"0000000000000000000000000000000000000000000000000000000000000000"}
{"type":"key","id":"key_0123456789ab","name":"crm","workspace":"default","hint":"fc_live_…OPQR","scopes":["read"],"whitelist":[],"rate_limit":100,"labels":{},"description":null,"created_at":"2026-01-02T03:04:05.678Z","expires_at":null,"suspended_at":null,"revoked_at":null,"revoke_reason":null,"last_used_at":"2026-02-01T07:08:09.010Z","rotated_from":null,"superseded_by":null,"hash":"0000000000000000000000000000000000000000000000000000000000000000"}
{"type":"usage","key_id":"key_0123456789ab","hour":"2026-02-01T07:00:00.000Z","endpoint":"GET /","status":200,"requests":3}
{"type":"audit","number":1,"at":"2026-01-02T03:04:05.678Z","action":"create","actor":"zoë","source":"host","workspace":"default","subject":"key_0123456789ab","details":{"scopes":["read"]},"hash":"HASH"}
{"type":"end","tokens":1,"keys":1,"usage":1,"audit":1,"audit_hash":"HASH"}
)",
                     "HASH", to_hex(entry.hash)));
  CHECK(text_of({}, "acme") == R"({"nexakey_export":1,"workspace":"acme"}
{"type":"end","tokens":0,"keys":0,"usage":0,"audit":0,"audit_hash":null}
)");
}

TEST_CASE("An export is read as it was written") {
  const Export whole = value_of(read(text_of(kRecords)));
  CHECK(whole.records == kRecords);
  CHECK(whole.counts == RecordCounts{.tokens = 1, .keys = 2, .usage = 2, .audit = 2});
  CHECK(value_of(read(text_of({}))).records.empty());

  Key key = some_key();
  key.workspace = "acme";
  const std::vector<Record> records{some_token(), key, usage_of(key)};
  CHECK(value_of(read(text_of(records, "acme"))).records == records);
}

TEST_CASE("A count has its reason, and a key the address of its last use, if they are known") {
  Key key = some_key();
  key.last_use = {.at = at("2026-02-01"), .ip = IpAddress::parse("192.0.2.7")};
  const std::vector<Record> records{key, usage_of(key, "GET /", 401),
                                    usage_of(key, "GET /", counted_status(Reason::revoked_key)),
                                    usage_of(key, "GET /", counted_status(Reason::ip_not_allowed))};
  const std::string text = text_of(records);
  CHECK(value_of(read(text)).records == records);
  for (const char* const part :
       {R"("last_used_at":"2026-02-01T00:00:00.000Z","last_used_ip":"192.0.2.7",)",
        R"("status":401,"requests")", R"("status":401,"reason":"revoked_key","requests")",
        R"("status":403,"reason":"ip_not_allowed","requests")"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  for (const auto& [from, to] :
       {std::pair(R"("status":403,"reason":"ip)", R"("status":401,"reason":"ip)"),
        std::pair(R"("reason":"ip_not_allowed")", R"("reason":"allowed")"),
        std::pair(R"("reason":"ip_not_allowed")", R"("reason":"bored")"),
        std::pair(R"("reason":"ip_not_allowed")", R"("reason":null)")}) {
    CAPTURE(to);
    CHECK_FALSE(read(replaced(text, from, to)));
  }
}

/// The lines of an export that have records.
std::vector<std::string> lines_of(const std::vector<Record>& records) {
  const std::string text = text_of(records);
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    lines.emplace_back(line);
  }
  return {lines.begin() + 1, lines.end() - 2};
}

TEST_CASE("A line is read without a document") {
  const std::vector<std::string> lines = lines_of(kRecords);
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first one is a token
    CAPTURE(lines[i]);
    CHECK(read_record_line(lines[i]) == kRecords[i]);
  }
  Key key = some_key();
  key.limits = value_of(Limits::from_text("20/1s 1000/day"));
  key.unconfirmed = true;
  CHECK(read_record_line(lines_of({key}).front()) == Record(key));
}

TEST_CASE("A line that is damaged is not read without a document unless it is still valid") {
  const std::string_view changes("\0\"\\{}[],:0nté\x7F \xFF", 17);
  for (const std::string& line : lines_of(kRecords)) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      for (const char c : changes) {
        std::string damaged = line;
        damaged[i] = c;
        const auto read = read_record_line(damaged);
        if (read) {
          CAPTURE(damaged);
          CHECK(value_of(parse_json(damaged).and_then(
                    [](Json json) { return read_record(std::move(json)); })) == *read);
        }
      }
      CHECK_FALSE(read_record_line(line.substr(0, i)));
    }
    CHECK_FALSE(read_record_line(line + " "));
    CHECK_FALSE(read_record_line(line + line));
  }
}

TEST_CASE("A count has a day or an hour") {
  const std::string line = lines_of({some_key(), usage_of(some_key())}).back();
  const std::string hour = R"("hour":"2026-02-01T07:00:00.000Z",)";
  const std::string day = R"("day":"2026-02-01T00:00:00.000Z",)";
  CHECK(read_record_line(replaced(line, hour, day)));
  for (const std::string& members : {std::string(), day + hour}) {
    const std::string wrong = replaced(line, hour, members);
    CHECK_FALSE(read_record_line(wrong));
    const auto read = read_record(value_of(parse_json(wrong)));
    REQUIRE_FALSE(read);
    CHECK(read.error().message == "a record of usage must have a day or an hour");
  }
}

TEST_CASE("Anything else is refused") {
  const std::string text = text_of(kRecords);
  const auto with = [&](const std::string& from, const std::string& to) {
    return replaced(text, from, to);
  };
  Key older = other_key();
  older.created_at = at("2025-01-01");
  Key same_id = other_key();
  same_id.id = some_key().id;
  same_id.rotated_from.reset();
  Key same_hash = other_key();
  same_hash.hash = some_key().hash;
  Key stray = some_key();
  stray.superseded_by = id("key_0000000000zz");
  Token old_token = some_token();
  old_token.id = TokenId(1);
  old_token.hash[0] = 9;
  old_token.created_at = at("2025-01-01");
  Key foreign = some_key();
  foreign.workspace = "other";
  Token unbound = some_token();
  unbound.workspace.reset();
  const auto usage_row = [](std::string_view hour, const std::string& endpoint, int status) {
    KeyUsage usage = usage_of(some_key(), endpoint, status);
    usage.hour = at(hour);
    return Record(usage);
  };
  KeyUsage huge = usage_of(some_key());
  huge.requests = kMaxCount + 1;
  KeyUsage none = usage_of(some_key());
  none.requests = 0;
  const std::string second = "{\"type\":\"audit\",\"number\":2";
  const std::string without_second =
      text.substr(0, text.find(second)) + text.substr(text.find("{\"type\":\"end\""));
  struct Row {
    std::string name;
    std::string text;
    std::string error;
  };
  const std::vector<Row> rows{
      {"nothing", "", "it is empty"},
      {"something else", "hello\n", "line 1: this is not a nexakey export"},
      {"other JSON", "{}\n", "line 1: this is not a nexakey export"},
      {"a list", "[1]\n", "line 1: this is not a nexakey export"},
      {"a newer version", with(":1,\"workspace\"", ":2,\"workspace\""),
       "line 1: this nexakey does not support"},
      {"a version in words", with(":1,\"workspace\"", ":\"1\",\"workspace\""),
       "line 1: this nexakey does not support"},
      {"more in the header", with("null}", "null,\"x\":1}"),
       "line 1: the line is not in the canonical form"},
      {"a bad workspace", with(":null}", ":\"-x\"}"), "line 1: "},
      {"no end", text.substr(0, text.rfind("{\"type\":\"end\"")), "cut off"},
      {"half an end", text.substr(0, text.rfind(",\"audit_hash\"")) + "\n", "line 9: "},
      {"a record is missing", with("\"keys\":2", "\"keys\":3"),
       "line 9: the number of records differs"},
      {"more behind it", text + "{}\n", "line 10: there is data after the end"},
      {"twice", text + text, "line 10: there is data after the end"},
      {"an empty line", with("\n{\"type\":\"key\"", "\n\n{\"type\":\"key\""), "line 3: "},
      {"half a line", with("\"team\":\"crm\"},", "\n"), "line 4: the text is not valid JSON"},
      {"no type", with("\"type\":\"key\",", ""), "line 3: unknown record type"},
      {"another type", with("\"type\":\"key\"", "\"type\":\"door\""),
       "unknown record type \"door\""},
      {"a type that must be a string", with("\"type\":\"key\"", "\"type\":7"),
       "line 3: the member type"},
      {"no object", with("\n{\"type\":\"usage\"", "\n[]\n{\"type\":\"usage\""), "line 5: "},
      {"an unknown member", with("\"labels\":{}", "\"labels\":{},\"x\":1"), "no member \"x\""},
      {"a doubled member", with("\"labels\":{}", "\"labels\":{},\"labels\":{}"), "given twice"},
      {"a missing member", with("\"labels\":{},", ""),
       "line 3: the line is not in the canonical form"},
      {"no hash", with(",\"hash\":\"", ",\"description\":null}\n"), "line 2: "},
      {"spaces", with("\"labels\":{}", "\"labels\": {}"),
       "line 3: the line is not in the canonical form"},
      {"a short time", with("T03:04:05.678Z", "T03:04:05.6780Z"),
       "line 3: the line is not in the canonical form"},
      {"a status", with("\"labels\":{}", "\"status\":\"active\",\"labels\":{}"), "line 3: "},
      {"no scope", with("[\"read\"]", "[]"), "line 3: a key needs at least one scope"},
      {"a whole key", with("\"name\":\"crm\"", "\"name\":\"fc_live_0123456789ABCDEFGHIJKLMNOPQR\""),
       "line 3: a name cannot"},
      {"tokens at the end", text_of({some_key(), some_token()}),
       "line 3: the record is out of order"},
      {"usage first", text_of({usage_of(some_key()), some_key()}),
       "line 2: the usage is for the key"},
      {"keys behind usage", text_of({some_key(), usage_of(some_key()), other_key()}), "line 4: "},
      {"an older key behind", text_of({some_key(), older}), "line 3: a key is older"},
      {"an older token behind", text_of({some_token(), old_token}), "line 3: a token is older"},
      {"an id twice", text_of({some_key(), same_id}), "line 3: the id is already used in line 2"},
      {"a hash twice", text_of({some_key(), same_hash}), "line 3: the hash is already used"},
      {"a rotation from nowhere", text_of({other_key()}), "which is not in the export"},
      {"a rotation to nowhere", text_of({stray}), "the key of line 2 was rotated"},
      {"usage of nobody", text_of({some_key(), usage_of(other_key())}),
       "line 3: the usage is for the key"},
      {"usage of no request", text_of({some_key(), none}), "line 3: a usage record must have"},
      {"usage of too many requests", text_of({some_key(), huge}),
       "line 3: the member requests must be"},
      {"usage of half an hour",
       text_of({some_key(), usage_row("2026-01-01T00:30:00Z", "GET /", 200)}),
       "line 3: a usage record must be for a whole hour"},
      {"a status that is none", text_of({some_key(), usage_of(some_key(), "GET /", 99)}),
       "line 3: "},
      {"a status above all", text_of({some_key(), usage_of(some_key(), "GET /", 1600)}),
       "line 3: "},
      {"no endpoint", text_of({some_key(), usage_of(some_key(), "")}),
       "line 3: \"\" is not an endpoint"},
      {"a control character", text_of({some_key(), usage_of(some_key(), "GET /\n")}),
       "is not an endpoint"},
      {"a key in an endpoint",
       text_of({some_key(), usage_of(some_key(), "GET /" + std::string(test::kSomeApiKey))}),
       "line 3: \"GET /fc_live_…\" is not an endpoint"},
      {"the same row twice", text_of({some_key(), usage_of(some_key()), usage_of(some_key())}),
       "line 4: the usage record is out of order"},
      {"hours out of order",
       text_of({some_key(), usage_row("2026-01-01T01:00:00Z", "GET /", 200),
                usage_row("2026-01-01T00:00:00Z", "GET /", 200)}),
       "line 4: the usage record is out of order"},
      {"endpoints out of order",
       text_of({some_key(), usage_row("2026-01-01", "GET /b", 200),
                usage_row("2026-01-01", "GET /a", 200)}),
       "line 4: the usage record is out of order"},
      {"statuses out of order",
       text_of({some_key(), usage_row("2026-01-01", "GET /", 401),
                usage_row("2026-01-01", "GET /", 200)}),
       "line 4: the usage record is out of order"},
      {"keys' usage out of order",
       text_of({some_key(), other_key(), usage_of(other_key()), usage_of(some_key())}),
       "line 5: the usage record is out of order"},
      {"usage behind the log", text_of({some_key(), log_of(1)[0], usage_of(some_key())}),
       "line 4: "},
      {"a log without its beginning", text_of({log_of(2)[1]}),
       "line 2: the audit log is not intact"},
      {"a log with a gap", text_of({log_of(3)[0], log_of(3)[2]}), "line 3: the audit log is not"},
      {"a log that was changed", with("\"zoë\"", "\"eve\""), "line 7: the audit log is not intact"},
      {"a log that was cut", without_second, "line 8: the number of records differs"},
      {"another head", with("\"audit_hash\":\"", "\"audit_hash\":\"0"),
       "line 9: the number of records differs"},
      {"a log of a workspace", text_of({log_of(1)[0]}, "acme"),
       "line 2: the export of a workspace"},
      {"a key of another workspace", text_of({foreign}, "acme"), "line 2: the record is not in"},
      {"a token of all", text_of({unbound}, "acme"), "line 2: the record is not in"},
      {"a line without end", with("\"labels\":{}", std::string(kMaxRecordSize, ' ')),
       "line 3: the line is longer"},
      {"a NUL", with("\"labels\":{}", std::string("\0", 1)), "line 3: the text is not valid JSON"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto result = read(row.text);
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::usage);
    CAPTURE(result.error().message);
    CHECK(result.error().message.find(row.error) != std::string::npos);
  }
}

TEST_CASE("A truncated export is refused") {
  const std::string text = text_of(kRecords);
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    CAPTURE(length);
    CHECK(!read(text.substr(0, length) + "\n"));
  }
}

TEST_CASE("The summary of an import is read as it was written") {
  ImportSummary summary{.tokens = {1, 2, 3},
                        .keys = {4, 5, 6},
                        .usage = {7, 8, 9},
                        .audit = {.added = 10, .unchanged = 11, .left_out = 12}};
  for (std::size_t i = 0; i < kMaxConflicts + 1; ++i) {
    summary.add_conflict("key_0123456789ab", "it is there");
  }
  CHECK(summary.conflict_count == kMaxConflicts + 1);
  CHECK(summary.conflicts.size() == kMaxConflicts);
  std::string text;
  JsonWriter json(text);
  write_import(json, summary, true);
  CHECK(value_of(parse_json(text).and_then(read_import)) == summary);
  CHECK(value_of(parse_json("{}").and_then(read_import)) == ImportSummary());
  for (const char* const bad : {"[]", R"({"keys":1})", R"({"keys":{"added":"1"}})",
                                R"({"conflicts":{}})", R"({"conflicts":[1]})"}) {
    CAPTURE(bad);
    CHECK(!parse_json(bad).and_then(read_import));
  }
}

TEST_CASE("An import is logged with the numbers of its records") {
  ImportSummary summary;
  summary.keys.added = 2;
  summary.usage.changed = 1;
  const AuditRecord record = record_import(summary, {}, "acme");
  CHECK(record.action == AuditAction::import);
  CHECK(record.workspace == "acme");
  CHECK(record.details == R"({"keys":{"added":2,"changed":0},"tokens":{"added":0,"changed":0},)"
                          R"("usage":{"added":0,"changed":1}})");
  CHECK(summary.has_changes());
  summary = {};
  summary.keys.unchanged = 2;
  summary.audit.added = 1;
  CHECK(!summary.has_changes());
}

TEST_CASE("A part of an import has whole lines") {
  CHECK(check_import_part(0, "{}\n"));
  CHECK(check_import_part(kMaxImportParts - 1, "a\nb\n"));
  CHECK(check_import_part(0, std::string(kMaxImportPartSize, '\n')));
  CHECK(!check_import_part(0, ""));
  CHECK(!check_import_part(0, "{}"));
  CHECK(!check_import_part(0, "a\nb"));
  CHECK(!check_import_part(kMaxImportParts, "{}\n"));
  CHECK(!check_import_part(0, std::string(kMaxImportPartSize + 1, '\n')));
}

}  // namespace
}  // namespace nexakey::core
