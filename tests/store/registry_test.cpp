// The suite runs on each kind of store.

#include <algorithm>

#include "tests/store/conformance.h"

namespace nexakey::store::test {
namespace {

template <typename... Fixtures>
struct SchemesOf {
  std::vector<std::string_view> schemes{Fixtures::kScheme...};
};

TEST_CASE("every scheme of a store URL has a fixture") {
  const auto tested = SchemesOf<STORE_FIXTURES>().schemes;
  REQUIRE(!schemes().empty());
  for (const std::string_view scheme : schemes()) {
    if (scheme == "https") {
      continue;  // that of http; what TLS adds to it is in tests/faults/remote_test.py
    }
    CAPTURE(scheme);
    CHECK(std::ranges::count(tested, scheme) == 1);
  }
}

TEST_CASE("an invalid store URL is refused") {
  for (const std::string_view url :
       {"", "sqlite:", "mysql:host", "sqlite3:keys.db", "unix:", "https:", "https://",
        "http://host", "https://user@host", "https://host/path"}) {
    CAPTURE(url);
    CHECK(code_of(open(std::string(url), OpenMode::create_if_missing)) == "usage");
  }
}

TEST_CASE("a path without a scheme is a store of SQLite") {
  const SqliteFixture fixture;
  add(*fixture.connect(), 1);
  const auto store = value_of(open(fixture.path().string(), OpenMode::existing));
  CHECK(list(*store).size() == 1);
}

}  // namespace
}  // namespace nexakey::store::test
