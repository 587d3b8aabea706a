// list: order, pages and filters.

#include <algorithm>
#include <set>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

using core::Key;
using core::KeyFilter;
using core::KeyId;
using core::KeyStatus;

using Names = std::vector<std::string>;

STORE_TEST("a list is newest first by the time of creation", STORE_FIXTURES) {
  Stores stores(backend);
  for (const std::uint64_t n : {3U, 1U, 4U, 2U}) {
    add(*stores.first, n);
  }
  CHECK(list_names(*stores.second) == Names{"name-4", "name-3", "name-2", "name-1"});
}

STORE_TEST("keys of the same time are listed newest first too", STORE_FIXTURES) {
  Stores stores(backend);
  for (const std::uint64_t n : {3U, 1U, 4U, 2U}) {
    Key key = make_key(n);
    key.created_at = at("2026-01-01");
    add(*stores.first, key);
  }
  CHECK(list_names(*stores.second) == Names{"name-2", "name-4", "name-1", "name-3"});
}

/// All keys, in pages of `limit`; `between` is called after each page.
template <typename Between>
Names pages(KeyStore& store, std::size_t limit, const Between& between) {
  Names names;
  for (Page page{.limit = limit};;) {
    std::size_t count = 0;
    page.after = value_of(store.list({}, page, now(), [&](const Key& key) {
      names.push_back(key.name);
      ++count;
      return true;
    }));
    CHECK(count <= limit);
    if (!page.after) {
      return names;
    }
    CHECK(count == limit);
    between();
  }
}

STORE_TEST("pages have every key exactly once", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 12; ++n) {
    Key key = make_key(n);
    key.created_at = at("2026-01-01") + std::chrono::seconds(n / 5);
    add(*stores.first, key);
  }
  const Names all = list_names(*stores.first);
  REQUIRE(all.size() == 12);
  for (const std::size_t limit : {1U, 2U, 3U, 5U, 11U, 12U, 13U}) {
    CAPTURE(limit);
    CHECK(pages(*stores.second, limit, [] {}) == all);
  }
}

STORE_TEST("pages have every key exactly once while keys are added", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 9; ++n) {
    Key key = make_key(n);
    key.created_at = at("2026-01-01");
    add(*stores.first, key);
  }
  const Names before = list_names(*stores.first);
  std::uint64_t next = 10;
  const Names seen = pages(*stores.first, 2, [&] {
    Key key = make_key(next++);
    key.created_at = at("2026-01-01");
    add(*stores.second, key);
  });
  CHECK(seen == before);
}

STORE_TEST("pages have every key exactly once while keys are revoked", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 9; ++n) {
    add(*stores.first, n);
  }
  const Names before = list_names(*stores.first);
  std::uint64_t next = 9;
  const Names seen = pages(*stores.first, 2, [&] {
    value_of(stores.second->as(kTester).revoke(std::vector{make_key(next--).id}, "", now()));
  });
  CHECK(seen == before);
}

STORE_TEST("a page of a filtered list counts only what matches", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 6; ++n) {
    Key key = make_key(n);
    key.scopes = scopes(n % 2 == 0 ? "read" : "write");
    add(*stores.first, key);
  }
  const KeyFilter filter{.scopes = scopes("read")};
  Names seen;
  const auto next = value_of(stores.first->list(filter, {.limit = 2}, now(), [&](const Key& key) {
    seen.push_back(key.name);
    return true;
  }));
  CHECK(seen == Names{"name-6", "name-4"});
  CHECK(next == make_key(4).id);
  const auto end =
      value_of(stores.first->list(filter, {.limit = 1, .after = next}, now(), [&](const Key& key) {
        seen.push_back(key.name);
        return true;
      }));
  CHECK(seen == Names{"name-6", "name-4", "name-2"});
  CHECK(end == std::nullopt);
}

STORE_TEST("a list ends when its visitor has enough", STORE_FIXTURES) {
  Stores stores(backend);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    add(*stores.first, n);
  }
  int visits = 0;
  value_of(stores.first->list({}, {}, now(), [&](const Key&) { return ++visits < 3; }));
  CHECK(visits == 3);
  CHECK(list(*stores.first).size() == 5);
}

STORE_TEST("each filter selects and nothing else does", STORE_FIXTURES) {
  Stores stores(backend);
  const core::Time today = now();
  Key crm = make_key(1);
  crm.name = "crm";
  crm.labels = {{"team", "crm"}, {"stage", "live"}};
  crm.scopes = scopes("read");
  Key sales = make_key(2);
  sales.name = "crm";
  sales.workspace = "sales";
  sales.labels = {{"team", "sales"}};
  Key revoked = make_key(3);
  revoked.revoked_at = at("2026-02-02");
  Key expired = make_key(4);
  expired.expires_at = at("2026-02-02");
  Key expiring = make_key(5);
  expiring.expires_at = today + std::chrono::hours(2);
  Key suspended = make_key(6);
  suspended.suspended_at = at("2026-02-02");
  for (const Key& key : {crm, sales, revoked, expired, expiring, suspended}) {
    add(*stores.first, key);
  }
  REQUIRE(reason(*stores.first, request(2)) == "allowed");

  struct Row {
    std::string_view name;
    KeyFilter filter;
    std::set<std::uint64_t> keys;
  };
  const KeyId third = revoked.id;
  const std::vector<Row> rows{
      {"none", {}, {1, 2, 3, 4, 5, 6}},
      {"workspace", {.workspace = "sales"}, {2}},
      {"a workspace without keys", {.workspace = "none"}, {}},
      {"id", {.ids = core::KeyIdRange{third, third}}, {3}},
      {"ids", {.ids = core::KeyIdRange::parse(third.to_string().substr(0, 8))}, {3}},
      {"all ids",
       {.ids = core::KeyIdRange{KeyId(0), KeyId((std::int64_t{1} << 60) - 1)}},
       {1, 2, 3, 4, 5, 6}},
      {"hash", {.hash = expired.hash}, {4}},
      {"an unknown hash", {.hash = make_key(99).hash}, {}},
      {"name", {.name = "crm"}, {1, 2}},
      {"name and workspace", {.workspace = "default", .name = "crm"}, {1}},
      {"a part of a name", {.name = "cr"}, {}},
      {"pattern", {.pattern = "name-[3-5]"}, {3, 4, 5}},
      {"active", {.status = KeyStatus::active}, {1, 2, 5}},
      {"suspended", {.status = KeyStatus::suspended}, {6}},
      {"expired", {.status = KeyStatus::expired}, {4}},
      {"revoked", {.status = KeyStatus::revoked}, {3}},
      {"scopes", {.scopes = scopes("read,write")}, {2, 3, 4, 5, 6}},
      {"one scope", {.scopes = scopes("read")}, {1, 2, 3, 4, 5, 6}},
      {"label", {.labels = {{"team", "crm"}}}, {1}},
      {"labels", {.labels = {{"team", "crm"}, {"stage", "test"}}}, {}},
      {"any value of a label", {.labels = {{"team", ""}}}, {1, 2}},
      {"expires before", {.expires_before = today + std::chrono::hours(3)}, {5}},
      {"expires later", {.expires_before = today + std::chrono::hours(1)}, {}},
      {"unused since", {.unused_since = today - std::chrono::hours(1)}, {1, 3, 4, 5, 6}},
      {"unused since before it was made", {.unused_since = make_key(4).created_at}, {1, 3}},
      {"created before", {.created_before = make_key(3).created_at}, {1, 2}},
      {"created before 1970", {.created_before = long_ago()}, {}},
      {"unused since before 1970", {.unused_since = long_ago()}, {}},
      {"newest of the line", {.newest_of_line = true}, {1, 2, 3, 4, 5, 6}},
      {"superseded", {.superseded = true}, {}},
      {"all at once",
       {.workspace = "default",
        .name = "crm",
        .status = KeyStatus::active,
        .scopes = scopes("read"),
        .labels = {{"stage", "live"}},
        .created_before = today},
       {1}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::set<std::uint64_t> found;
    for (const Key& key : list(*stores.second, row.filter)) {
      for (std::uint64_t n = 1; n <= 6; ++n) {
        if (key.id == make_key(n).id) {
          found.insert(n);
        }
      }
    }
    CHECK(found == row.keys);
  }
}

STORE_TEST("the status in a filter is that at the given time", LOCAL_FIXTURES) {
  Stores stores(backend);
  Key key = make_key(1);
  key.expires_at = at("2030-01-01");
  add(*stores.first, key);
  const auto count = [&](std::string_view day) {
    int keys = 0;
    value_of(stores.first->list({.status = KeyStatus::active}, {}, at(day),
                                [&](const Key&) { return ++keys > 0; }));
    return keys;
  };
  CHECK(count("2029-12-31T23:59:59.999Z") == 1);
  CHECK(count("2030-01-01") == 0);
}

}  // namespace
}  // namespace nexakey::store::test
