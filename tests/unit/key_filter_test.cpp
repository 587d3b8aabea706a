#include "core/key_filter.h"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::some_key;

const Time kListedAt = at("2026-06-01T12:00:00Z");

TEST_CASE("A filter without members matches every key") {
  Key key = some_key();
  CHECK(KeyFilter().matches(key, kListedAt));
  key.revoked_at = kListedAt;
  key.superseded_by = KeyId(1);
  key.workspace = "other";
  CHECK(KeyFilter().matches(key, kListedAt));
}

TEST_CASE("Each member of a filter selects by itself") {
  struct Row {
    std::string name;
    std::function<void(KeyFilter&)> filter;
    std::function<void(Key&)> key;
    bool matches;
  };
  const auto same = [](Key&) {};
  const std::vector<Row> rows{
      {"its workspace", [](KeyFilter& f) { f.workspace = "default"; }, same, true},
      {"another workspace", [](KeyFilter& f) { f.workspace = "other"; }, same, false},
      {"a workspace by case", [](KeyFilter& f) { f.workspace = "Default"; }, same, false},
      {"the beginning of its id", [](KeyFilter& f) { f.ids = KeyIdRange::parse("key_0123"); }, same,
       true},
      {"its id", [](KeyFilter& f) { f.ids = KeyIdRange::parse("key_0123456789ab"); }, same, true},
      {"another id", [](KeyFilter& f) { f.ids = KeyIdRange::parse("key_0124"); }, same, false},
      {"its hash", [](KeyFilter& f) { f.hash = hash_api_key(test::kSomeApiKey); }, same, true},
      {"another hash", [](KeyFilter& f) { f.hash = hash_api_key(""); }, same, false},
      {"its name", [](KeyFilter& f) { f.name = "crm"; }, same, true},
      {"a part of its name", [](KeyFilter& f) { f.name = "cr"; }, same, false},
      {"a name is no pattern", [](KeyFilter& f) { f.name = "c*"; }, same, false},
      {"a name with a star", [](KeyFilter& f) { f.name = "c*"; }, [](Key& k) { k.name = "c*"; },
       true},
      {"no name", [](KeyFilter& f) { f.name = ""; }, same, false},
      {"pattern of all", [](KeyFilter& f) { f.pattern = "*"; }, same, true},
      {"pattern", [](KeyFilter& f) { f.pattern = "c?[lm]"; }, same, true},
      {"pattern of another", [](KeyFilter& f) { f.pattern = "c?[ab]"; }, same, false},
      {"pattern of a part", [](KeyFilter& f) { f.pattern = "cr"; }, same, false},
      {"pattern by case", [](KeyFilter& f) { f.pattern = "C*"; }, same, false},
      {"pattern over a slash and a dot", [](KeyFilter& f) { f.pattern = "*"; },
       [](Key& k) { k.name = ".a/b"; }, true},
      {"pattern with an escape", [](KeyFilter& f) { f.pattern = "c\\*"; },
       [](Key& k) { k.name = "c*"; }, true},
      {"active", [](KeyFilter& f) { f.status = KeyStatus::active; }, same, true},
      {"active, but is expired", [](KeyFilter& f) { f.status = KeyStatus::active; },
       [](Key& k) { k.expires_at = kListedAt; }, false},
      {"active, and is damaged", [](KeyFilter& f) { f.status = KeyStatus::active; },
       [](Key& k) { k.is_damaged = true; }, true},
      {"active, but is damaged and revoked", [](KeyFilter& f) { f.status = KeyStatus::active; },
       [](Key& k) {
         k.is_damaged = true;
         k.revoked_at = kListedAt;
       },
       false},
      {"damaged", [](KeyFilter& f) { f.status = KeyStatus::damaged; },
       [](Key& k) { k.is_damaged = true; }, true},
      {"damaged, but is not", [](KeyFilter& f) { f.status = KeyStatus::damaged; }, same, false},
      {"expired, but is damaged too", [](KeyFilter& f) { f.status = KeyStatus::expired; },
       [](Key& k) {
         k.is_damaged = true;
         k.expires_at = kListedAt;
       },
       false},
      {"expired", [](KeyFilter& f) { f.status = KeyStatus::expired; },
       [](Key& k) { k.expires_at = kListedAt; }, true},
      {"expired, but is revoked too", [](KeyFilter& f) { f.status = KeyStatus::expired; },
       [](Key& k) { k.expires_at = k.revoked_at = kListedAt; }, false},
      {"suspended", [](KeyFilter& f) { f.status = KeyStatus::suspended; },
       [](Key& k) { k.suspended_at = kListedAt; }, true},
      {"revoked", [](KeyFilter& f) { f.status = KeyStatus::revoked; },
       [](Key& k) { k.revoked_at = kListedAt; }, true},
      {"revoked, but is not", [](KeyFilter& f) { f.status = KeyStatus::revoked; }, same, false},
      {"a scope it has", [](KeyFilter& f) { f.scopes = test::scopes("read"); }, same, true},
      {"a scope it lacks", [](KeyFilter& f) { f.scopes = test::scopes("write"); }, same, false},
      {"both scopes and it has one", [](KeyFilter& f) { f.scopes = test::scopes("read,write"); },
       same, false},
      {"one scope and it has both", [](KeyFilter& f) { f.scopes = test::scopes("write"); },
       [](Key& k) { k.scopes = test::scopes("read,write"); }, true},
      {"a label",
       [](KeyFilter& f) {
         f.labels = {{"team", "crm"}};
       },
       [](Key& k) {
         k.labels = {{"team", "crm"}, {"env", "prod"}};
       },
       true},
      {"another value of a label",
       [](KeyFilter& f) {
         f.labels = {{"team", "crm"}};
       },
       [](Key& k) {
         k.labels = {{"team", "sales"}};
       },
       false},
      {"any value of a label",
       [](KeyFilter& f) {
         f.labels = {{"team", ""}};
       },
       [](Key& k) {
         k.labels = {{"team", "sales"}};
       },
       true},
      {"any value of a label it lacks",
       [](KeyFilter& f) {
         f.labels = {{"team", ""}};
       },
       same, false},
      {"two labels and it has one",
       [](KeyFilter& f) {
         f.labels = {{"team", "crm"}, {"env", "prod"}};
       },
       [](Key& k) {
         k.labels = {{"team", "crm"}};
       },
       false},
      {"expires within a week",
       [](KeyFilter& f) { f.expires_before = kListedAt + std::chrono::days(7); },
       [](Key& k) { k.expires_at = kListedAt + std::chrono::days(6); }, true},
      {"expires in the next millisecond",
       [](KeyFilter& f) { f.expires_before = kListedAt + std::chrono::days(7); },
       [](Key& k) { k.expires_at = kListedAt + std::chrono::milliseconds(1); }, true},
      {"expires later", [](KeyFilter& f) { f.expires_before = kListedAt + std::chrono::days(7); },
       [](Key& k) { k.expires_at = kListedAt + std::chrono::days(8); }, false},
      {"is expired", [](KeyFilter& f) { f.expires_before = kListedAt + std::chrono::days(7); },
       [](Key& k) { k.expires_at = kListedAt; }, false},
      {"never expires", [](KeyFilter& f) { f.expires_before = kListedAt + std::chrono::days(7); },
       same, false},
      {"never used", [](KeyFilter& f) { f.unused_since = at("2026-05-01"); }, same, true},
      {"used before", [](KeyFilter& f) { f.unused_since = at("2026-05-01"); },
       [](Key& k) { k.last_use.at = at("2026-04-30T23:59:59.999Z"); }, true},
      {"used at that moment", [](KeyFilter& f) { f.unused_since = at("2026-05-01"); },
       [](Key& k) { k.last_use.at = at("2026-05-01"); }, false},
      {"used since", [](KeyFilter& f) { f.unused_since = at("2026-05-01"); },
       [](Key& k) { k.last_use.at = at("2026-05-02"); }, false},
      {"too new to be unused", [](KeyFilter& f) { f.unused_since = at("2026-05-01"); },
       [](Key& k) { k.created_at = at("2026-05-01"); }, false},
      {"made before", [](KeyFilter& f) { f.created_before = at("2026-01-03"); }, same, true},
      {"made at that moment",
       [](KeyFilter& f) { f.created_before = at("2026-01-02T03:04:05.678Z"); }, same, false},
      {"made since", [](KeyFilter& f) { f.created_before = at("2026-01-01"); }, same, false},
      {"newest of its line", [](KeyFilter& f) { f.newest_of_line = true; },
       [](Key& k) { k.rotated_from = KeyId(1); }, true},
      {"not the newest", [](KeyFilter& f) { f.newest_of_line = true; },
       [](Key& k) { k.superseded_by = KeyId(1); }, false},
      {"superseded", [](KeyFilter& f) { f.superseded = true; },
       [](Key& k) { k.superseded_by = KeyId(1); }, true},
      {"not superseded", [](KeyFilter& f) { f.superseded = true; },
       [](Key& k) { k.rotated_from = KeyId(1); }, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    KeyFilter filter;
    row.filter(filter);
    Key key = some_key();
    row.key(key);
    CHECK(filter.matches(key, kListedAt) == row.matches);
  }
}

TEST_CASE("A key matches if every member of the filter does") {
  Key key = some_key();
  key.labels = {{"team", "crm"}};
  key.expires_at = kListedAt + std::chrono::days(3);
  // Each is a member that matches, and the same one that doesn't.
  const std::vector<std::function<void(KeyFilter&, bool)>> members{
      [](KeyFilter& f, bool good) { f.workspace = good ? "default" : "other"; },
      [](KeyFilter& f, bool good) { f.ids = KeyIdRange::parse(good ? "key_0123" : "key_9999"); },
      [](KeyFilter& f, bool good) { f.hash = hash_api_key(good ? test::kSomeApiKey : ""); },
      [](KeyFilter& f, bool good) { f.name = good ? "crm" : "other"; },
      [](KeyFilter& f, bool good) { f.pattern = good ? "c*" : "d*"; },
      [](KeyFilter& f, bool good) { f.status = good ? KeyStatus::active : KeyStatus::revoked; },
      [](KeyFilter& f, bool good) { f.scopes = test::scopes(good ? "read" : "write"); },
      [](KeyFilter& f, bool good) {
        f.labels = {{"team", good ? "crm" : "sales"}};
      },
      [](KeyFilter& f, bool good) {
        f.expires_before = kListedAt + std::chrono::days(good ? 7 : 1);
      },
      [](KeyFilter& f, bool good) { f.unused_since = good ? kListedAt : at("2025-01-01"); },
      [](KeyFilter& f, bool good) { f.created_before = good ? kListedAt : at("2025-01-01"); },
  };
  KeyFilter all;
  all.newest_of_line = true;
  for (const auto& member : members) {
    member(all, true);
  }
  CHECK(all.matches(key, kListedAt));
  for (std::size_t i = 0; i < members.size(); ++i) {
    CAPTURE(i);
    KeyFilter filter = all;
    members[i](filter, false);
    CHECK_FALSE(filter.matches(key, kListedAt));
  }
  key.superseded_by = KeyId(1);
  CHECK_FALSE(all.matches(key, kListedAt));
}

}  // namespace
}  // namespace nexakey::core
