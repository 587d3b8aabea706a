// purge.

#include <array>
#include <chrono>
#include <thread>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyId;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;

using Ids = std::vector<KeyId>;

/// Keys that ended more than ten days ago.
core::PurgeOptions old_ones() { return {.ended_before = now() - days(10)}; }

/// Purges keys, and returns the ids of those that were.
Ids purge(KeyStore& store, const Ids& ids, const core::PurgeOptions& options = old_ones()) {
  Ids purged;
  value_of(store.as(kTester).purge(ids, options, now(), [&](std::span<const KeyId> some) {
    purged.insert(purged.end(), some.begin(), some.end());
    return true;
  }));
  return purged;
}

/// The n-th key of the tests, which ended some time ago.
Key ended(std::uint64_t n, hours ago = days(30)) {
  Key key = make_key(n);
  key.created_at = now() - ago - days(1);
  key.expires_at = now() - ago;
  return key;
}

/// The n-th key of the tests, which was revoked some time ago.
Key revoked(std::uint64_t n, hours ago = days(30)) {
  Key key = make_key(n);
  key.created_at = now() - ago - days(1);
  key.revoked_at = now() - ago;
  key.revoke_reason = "leaked";
  return key;
}

/// The n-th to m-th keys of the tests, each of which was rotated to the next one.
std::vector<Key> make_line(std::uint64_t n, std::uint64_t m) {
  std::vector<Key> line;
  for (; n <= m; ++n) {
    line.push_back(revoked(n));
    if (line.size() > 1) {
      line.back().rotated_from = line[line.size() - 2].id;
      line.back().line = line.front().id;
      line[line.size() - 2].superseded_by = line.back().id;
    }
  }
  return line;
}

/// Adds keys, whatever their order.
void add_sorted(KeyStore& store, std::vector<Key> keys) {
  std::ranges::stable_sort(keys, {}, &Key::created_at);
  add_all(store, keys);
}

Ids ids_of(const std::vector<Key>& keys) {
  Ids ids;
  std::ranges::transform(keys, std::back_inserter(ids), &Key::id);
  return ids;
}

std::optional<Key> find(KeyStore& store, KeyId id) {
  return value_of(store.find(std::span(&id, 1))).front();
}

/// Counts by the hour: the n-th key was asked for `rows` endpoints.
std::string usage_of(const Key& key, std::size_t rows, core::Time hour) {
  std::string text;
  core::ExportWriter writer(text, key.workspace);
  writer.add(key);
  for (std::size_t row = 0; row < rows; ++row) {
    writer.add(core::KeyUsage{.key = key.id,
                              .hour = core::start_of_hour(hour) + hours(row / 200),
                              .endpoint = "GET /" + std::to_string(1000 + row % 200),
                              .status = 200,
                              .requests = 1});
  }
  writer.finish();
  return text;
}

/// The requests that the store, or a workspace, has counted in the last days.
std::uint64_t requests(KeyStore& store, const std::optional<std::string>& workspace = {}) {
  core::UsageQuery query;
  query.since = now() - days(20);
  query.workspace = workspace;
  return report(store, query).total.requests;
}

STORE_TEST("keys that ended long ago are purged, and no others", STORE_FIXTURES) {
  Stores stores(backend);
  const std::vector<Key> keys{ended(1), revoked(2), ended(3, days(9)), revoked(4, days(9)),
                              make_key(5)};
  Key suspended = make_key(6);
  suspended.suspended_at = now() - days(30);
  Key expired_first = revoked(7, days(9));
  expired_first.expires_at = now() - days(30);
  add_sorted(*stores.first, keys);
  add_sorted(*stores.first, {suspended, expired_first});
  Ids ids = ids_of(keys);
  ids.insert(ids.end(), {suspended.id, expired_first.id, make_key(8).id, ids.front()});
  CHECK(purge(*stores.first, ids) == Ids{keys[0].id, keys[1].id, expired_first.id});
  CHECK(list(*stores.second).size() == 4);
  CHECK_FALSE(find(*stores.second, keys[0].id));
  CHECK(reason(*stores.second, request(2)) == "unknown_key");
  CHECK(purge(*stores.second, ids).empty());
  CHECK(check_log(*stores.second) == "whole");
}

STORE_TEST("the filter ended_before finds the keys of a purge", STORE_FIXTURES) {
  Stores stores(backend);
  add_sorted(*stores.first, {ended(1), revoked(2), ended(3, days(9)), make_key(4)});
  CHECK(list_names(*stores.second, {.ended_before = now() - days(10)}) ==
        std::vector{ended(2).name, ended(1).name});
}

STORE_TEST("a dry run purges nothing", STORE_FIXTURES) {
  Stores stores(backend);
  const std::vector<Key> keys{ended(1), make_key(2)};
  add_sorted(*stores.first, keys);
  const auto head = value_of(stores.first->audit_head());
  core::PurgeOptions options = old_ones();
  options.dry_run = true;
  CHECK(purge(*stores.first, ids_of(keys), options) == Ids{keys[0].id});
  CHECK(list(*stores.second).size() == 2);
  CHECK(value_of(stores.second->audit_head()) == head);
}

STORE_TEST("a purge can be limited to a workspace", STORE_FIXTURES) {
  Stores stores(backend);
  Key other = ended(2);
  other.workspace = "sales";
  add_sorted(*stores.first, {ended(1)});
  add_sorted(*stores.first, {other});
  core::PurgeOptions options = old_ones();
  options.workspace = "sales";
  CHECK(purge(*stores.first, {ended(1).id, other.id}, options) == Ids{other.id});
}

STORE_TEST("the usage of a purged key is removed", STORE_FIXTURES) {
  Stores stores(backend);
  const Key gone = revoked(1);
  const Key kept = make_key(2);
  import_text(*stores.first, usage_of(gone, 3, now() - days(5)));
  import_text(*stores.first, usage_of(kept, 2, now() - days(5)));
  CHECK(reason(*stores.first, request(1)) == "revoked_key");
  CHECK(requests(*stores.first) == 6);
  CHECK(purge(*stores.first, {gone.id, kept.id}) == Ids{gone.id});
  CHECK(requests(*stores.second) == 2);
  CHECK(requests(*stores.second, gone.workspace) == 2);
  CHECK(export_text(*stores.second, gone.workspace).find(gone.id.to_string()) == std::string::npos);
}

STORE_TEST("a key with many counts is purged in several steps, whatever interrupts it",
           STORE_FIXTURES) {
  Stores stores(backend);
  const Key gone = revoked(1);
  const Key other = revoked(2);
  constexpr std::size_t kRows = 2 * kMaxAtOnce + 7;
  import_text(*stores.first, usage_of(gone, kRows, now() - days(5)));
  add_sorted(*stores.first, {other});
  const Ids ids{gone.id, other.id};
  if (stores.fixture.scheme() != "memory") {  // the model does all at once
    const auto step = value_of(stores.first->as(kTester).purge_step(ids, old_ones(), now()));
    CHECK(step.purged.empty());
    CHECK(step.done == 0);
    CHECK(find(*stores.second, gone.id));
    CHECK(requests(*stores.second) == kRows - kMaxAtOnce);
  }
  CHECK(purge(*stores.second, ids) == ids);
  CHECK(requests(*stores.first) == 0);
  CHECK_FALSE(find(*stores.first, gone.id));
}

STORE_TEST("many keys are purged in parts, between which others change the store", STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<Key> keys;
  for (std::uint64_t n = 1; n <= kMaxAtOnce + 7; ++n) {
    keys.push_back(ended(n));
  }
  add_sorted(*stores.first, keys);
  Ids purged;
  const auto visit = [&](std::span<const KeyId> some) {
    purged.insert(purged.end(), some.begin(), some.end());
    return false;
  };
  value_of(stores.first->as(kTester).purge(ids_of(keys), old_ones(), now(), visit));
  CHECK(purged.size() > 0);
  CHECK(purged.size() <= kMaxAtOnce);
  CHECK(list(*stores.second).size() == keys.size() - purged.size());
  add(*stores.second, kMaxAtOnce + 8);
  CHECK(purge(*stores.first, ids_of(keys)).size() == keys.size() - purged.size());
  CHECK(list(*stores.second).size() == 1);
}

STORE_TEST("a purged key is not added again", STORE_FIXTURES) {
  Stores stores(backend);
  const Key gone = ended(1);
  add_sorted(*stores.first, {gone});
  CHECK(purge(*stores.first, {gone.id}) == Ids{gone.id});

  Key same_id = make_key(2);
  same_id.id = gone.id;
  Key same_hash = make_key(3);
  same_hash.hash = gone.hash;
  for (const Key& key : {make_key(1), same_id, same_hash}) {
    const auto created = stores.second->as(kTester).create(key, CreateMode::always, now());
    CHECK(code_of(created) == "conflict");
    if (stores.fixture.scheme() != "memory") {
      CHECK(created.error().message.find(gone.id.to_string() + " was purged on ") == 0);
    }
  }
  const Key live = add(*stores.first, 4);
  for (const Key& key : {same_id, same_hash}) {
    const core::Rotation rotation{
        .successor = key.id, .hash = key.hash, .last_four = key.last_four, .created_at = now()};
    CHECK(code_of(stores.second->as(kTester).rotate(live.id, rotation, now())) == "conflict");
  }
  CHECK(list(*stores.second).size() == 1);
  CHECK(reason(*stores.second, request(1)) == "unknown_key");
}

STORE_TEST("a purged key is a conflict of an import", STORE_FIXTURES) {
  Stores stores(backend);
  const Key gone = ended(1);
  import_text(*stores.first, usage_of(gone, 3, now() - days(5)));
  CHECK(purge(*stores.first, {gone.id}) == Ids{gone.id});
  for (const bool keep_known : {false, true}) {
    const std::size_t rows = keep_known ? 0 : 3;  // otherwise it may have nothing but keys
    const auto summary = import_text(*stores.second, usage_of(gone, rows, now() - days(5)),
                                     {.keep_known = keep_known});
    REQUIRE(summary.conflict_count == 1);
    CHECK(summary.conflicts[0].id == gone.id.to_string());
    CHECK(summary.conflicts[0].problem == "the store has purged this key");
  }
  CHECK(list(*stores.second).empty());
  CHECK(requests(*stores.second) == 0);
}

STORE_TEST("the first key of a line stays as long as a key of the line has not ended",
           STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<Key> line = make_line(1, 5);
  line.back().revoked_at.reset();
  line.back().revoke_reason.clear();
  add_sorted(*stores.first, line);
  CHECK(purge(*stores.first, ids_of(line)) == Ids{line[1].id, line[2].id, line[3].id});
  CHECK(find(*stores.second, line[0].id)->superseded_by == line[4].id);
  CHECK(find(*stores.second, line[4].id)->rotated_from == line[0].id);
  CHECK(reason(*stores.second, request(5)) == "allowed");

  // It goes with the others, in any order, once the line has ended.
  value_of(stores.first->as(kTester).revoke(std::array{line[4].id}, "", now()));
  core::PurgeOptions options{.ended_before = now() + hours(1)};
  if (stores.fixture.has_own_clock()) {
    std::this_thread::sleep_for(milliseconds(2));  // the key was revoked before this millisecond
    options.ended_before = now();
  }
  CHECK(purge(*stores.second, {line[0].id, line[4].id}, options) == Ids{line[0].id, line[4].id});
  CHECK(list(*stores.first).empty());
}

STORE_TEST("what remains of a line is joined", STORE_FIXTURES) {
  Stores stores(backend);
  std::vector<Key> line = make_line(1, 6);
  line[1].revoked_at = now() - days(9);
  line[4].revoked_at = now() - days(9);
  add_sorted(*stores.first, line);
  CHECK(purge(*stores.first, ids_of(line)).size() == 4);
  CHECK(find(*stores.second, line[1].id)->rotated_from == std::nullopt);
  CHECK(find(*stores.second, line[1].id)->superseded_by == line[4].id);
  CHECK(find(*stores.second, line[4].id)->rotated_from == line[1].id);
  CHECK(find(*stores.second, line[4].id)->superseded_by == std::nullopt);
}

STORE_TEST("each purged key has an entry in the audit log", STORE_FIXTURES) {
  Stores stores(backend);
  const std::vector<Key> line = make_line(1, 2);
  add_sorted(*stores.first, line);
  purge(*stores.first, ids_of(line));
  std::vector<core::AuditEntry> entries;
  value_of(stores.second->audit({.action = core::AuditAction::purge}, SIZE_MAX,
                                [&](const core::AuditEntry& entry) {
                                  entries.push_back(entry);
                                  return true;
                                }));
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].subject == line[0].id.to_string());
  CHECK(entries[0].workspace == line[0].workspace);
  CHECK(entries[0].details == R"({"name":")" + line[0].name + R"(","revoked_at":")" +
                                  core::format_time(*line[0].revoked_at) +
                                  R"(","superseded_by":")" + line[1].id.to_string() + R"("})");
  CHECK(check_log(*stores.second) == "whole");
}

STORE_TEST("a key with damage is purged if it is revoked, and its neighbours keep theirs",
           SQL_FIXTURES) {
  Stores stores(backend);
  const std::vector<Key> line = make_line(1, 3);
  add_sorted(*stores.first, line);
  stores.fixture.damage("api_keys SET whitelist = 'x' WHERE id <> " +
                        std::to_string(line[0].id.bits()));
  CHECK(purge(*stores.first, {line[1].id}) == Ids{line[1].id});
  const auto neighbour = find(*stores.second, line[2].id);
  REQUIRE(neighbour);
  CHECK(neighbour->damage == std::vector<std::string>{"whitelist"});
  CHECK(neighbour->rotated_from == line[0].id);
}

STORE_TEST("keys that were rotated from each other, as no store makes them, are purged",
           SQL_FIXTURES) {
  Stores stores(backend);
  const std::vector<Key> line = make_line(1, 3);
  add_sorted(*stores.first, line);
  stores.fixture.damage("api_keys SET rotated_from = " + std::to_string(line[2].id.bits()) +
                        " WHERE id = " + std::to_string(line[0].id.bits()));
  CHECK(purge(*stores.first, ids_of(line)).size() == 3);
  CHECK(list(*stores.second).empty());
}

}  // namespace
}  // namespace nexakey::store::test
