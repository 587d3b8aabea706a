#include "server/key_census.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/store/memory_store.h"
#include "tests/support/stores.h"

namespace nexakey::test {
namespace {

using Published = std::vector<std::optional<core::KeySums>>;

/// Takes turns until the keys were counted once.
Published count_once(store::KeyStore& store, server::KeyCensus& census) {
  Published published;
  for (int turn = 0; turn < 100 && published.empty(); ++turn) {
    census.go_on(store, [&](const auto& sums) { published.push_back(sums); });
  }
  return published;
}

TEST_CASE("a census counts all keys, or those of a workspace") {
  store::test::MemoryStore store(store::test::MemoryStore::make_data());
  for (std::uint64_t n = 1; n <= 5'400; ++n) {
    core::Key key = make_key(n);
    key.workspace = n % 3 == 0 ? "sales" : "default";
    value_of(store.as(kTester).create(key, store::CreateMode::always, now()));
  }
  value_of(store.as(kTester).revoke(std::vector{make_key(1).id}, "", now()));
  server::KeyCensus all(std::nullopt);
  const Published published = count_once(store, all);
  REQUIRE(published.size() == 1);
  REQUIRE(published[0].has_value());
  CHECK(published[0]->with_status(core::KeyStatus::active) == 5'399);
  CHECK(published[0]->with_status(core::KeyStatus::revoked) == 1);
  CHECK(count_once(store, all).empty());  // not again at once

  server::KeyCensus sales("sales");
  const Published of_sales = count_once(store, sales);
  REQUIRE(of_sales.size() == 1);
  CHECK(of_sales[0]->with_status(core::KeyStatus::active) == 1'800);
}

}  // namespace
}  // namespace nexakey::test
