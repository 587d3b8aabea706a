#include "cli/first_keys.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/exit_status.h"
#include "tests/support/keys.h"

namespace nexakey::cli {
namespace {

using test::at;

std::vector<core::Key> some_keys() {
  std::vector<core::Key> keys;
  for (std::uint64_t n = 0; n < 4; ++n) {
    keys.push_back(test::make_key(n));
    keys.back().created_at = at("2026-01-01") + std::chrono::days(n);
  }
  keys[0].name = "d";
  keys[1].name = "b";
  keys[2].name = "c";
  keys[3].name = "a";
  keys[1].expires_at = at("2027-01-01");
  keys[3].expires_at = at("2026-06-01");
  keys[0].last_use.at = at("2026-02-01");
  keys[2].last_use.at = at("2026-03-01");
  keys[0].rate_limit = 7;
  return keys;
}

std::string names_of(std::string_view order, bool is_reverse, std::size_t limit) {
  FirstKeys first(parse_key_order(order), is_reverse, limit);
  for (const core::Key& key : some_keys()) {
    first.add(key);
  }
  CHECK(first.count() == 4);
  std::string names;
  for (const core::Key& key : std::move(first).take()) {
    names += key.name;
  }
  return names;
}

TEST_CASE("the first keys of each order are kept") {
  struct Row {
    std::string_view order;
    std::string_view names;
    std::string_view reverse;
  };
  for (const Row& row :
       {Row{"name", "abcd", "dcba"}, Row{"created", "acbd", "dbca"}, Row{"expires", "abcd", "cdba"},
        Row{"used", "cdab", "abdc"}, Row{"limit", "abcd", "dabc"}}) {
    CAPTURE(row.order);
    for (std::size_t limit = 0; limit <= 5; ++limit) {
      CHECK(names_of(row.order, false, limit) == row.names.substr(0, limit));
      CHECK(names_of(row.order, true, limit) == row.reverse.substr(0, limit));
    }
  }
  CHECK_THROWS_AS(parse_key_order("size"), Failure);
}

}  // namespace
}  // namespace nexakey::cli
