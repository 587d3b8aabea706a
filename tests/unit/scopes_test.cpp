#include "core/scopes.h"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nexakey::core {
namespace {

TEST_CASE("A method is allowed by the scope of the table and no other method by any") {
  struct Row {
    std::string method;
    std::optional<Scope> scope;
  };
  const std::vector<Row> rows{
      {"GET", Scope::read},       {"HEAD", Scope::read},   {"OPTIONS", Scope::read},
      {"POST", Scope::write},     {"PUT", Scope::write},   {"PATCH", Scope::write},
      {"DELETE", Scope::write},   {"", std::nullopt},      {"get", std::nullopt},
      {"Get", std::nullopt},      {"head", std::nullopt},  {"options", std::nullopt},
      {"post", std::nullopt},     {"put", std::nullopt},   {"patch", std::nullopt},
      {"delete", std::nullopt},   {"TRACE", std::nullopt}, {"CONNECT", std::nullopt},
      {"PROPFIND", std::nullopt}, {"MKCOL", std::nullopt}, {"QUERY", std::nullopt},
      {"GE", std::nullopt},       {"GETX", std::nullopt},  {" GET", std::nullopt},
      {"GET ", std::nullopt},     {"GET\n", std::nullopt}, {std::string("GET\0", 4), std::nullopt},
      {"GET,POST", std::nullopt}, {"*", std::nullopt},     {std::string(10'000, 'A'), std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method.substr(0, 20));
    CHECK(scope_for(row.method) == row.scope);
  }
}

TEST_CASE("Scopes are read from names and from lists with commas") {
  struct Row {
    std::vector<std::string> names;
    std::vector<std::string_view> expected;
  };
  const std::vector<Row> rows{
      {{"read"}, {"read"}},
      {{"write"}, {"write"}},
      {{"read,write"}, {"read", "write"}},
      {{"write,read"}, {"read", "write"}},
      {{"write", "read"}, {"read", "write"}},
      {{"read", "read"}, {"read"}},
      {{"read,read,write,read"}, {"read", "write"}},
      {{"read,write", "write"}, {"read", "write"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.names.front());
    const auto parsed = Scopes::parse(row.names);
    REQUIRE(parsed.has_value());
    CHECK(parsed->names() == row.expected);
  }
}

TEST_CASE("An unknown scope is named in the error and nothing is taken") {
  struct Row {
    std::vector<std::string> names;
    std::string message;
  };
  const std::vector<Row> rows{
      {{}, "a key needs at least one scope"},
      {{""}, "unknown scope \"\""},
      {{","}, "unknown scope \"\""},
      {{"read,"}, "unknown scope \"\""},
      {{",read"}, "unknown scope \"\""},
      {{"read,,write"}, "unknown scope \"\""},
      {{"Read"}, "unknown scope \"Read\""},
      {{"READ"}, "unknown scope \"READ\""},
      {{"read, write"}, "unknown scope \" write\""},
      {{"read write"}, "unknown scope \"read write\""},
      {{"admin"}, "unknown scope \"admin\""},
      {{"read", "delete"}, "unknown scope \"delete\""},
      {{"read\x1B[2J"}, "unknown scope \"read\xEF\xBF\xBD[2J\""},
      {{std::string("read\0", 5)}, "unknown scope \"read\xEF\xBF\xBD\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const auto parsed = Scopes::parse(row.names);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == ErrorCode::usage);
    CHECK(parsed.error().message == row.message);
    CHECK(parsed.error().hint == "the scopes are read and write");
  }
}

TEST_CASE("Neither scope implies the other") {
  Scopes read;
  CHECK(read.empty());
  read.add(Scope::read);
  Scopes write;
  write.add(Scope::write);
  Scopes both = read;
  both.add(Scope::write);
  CHECK(read.has(Scope::read));
  CHECK_FALSE(read.has(Scope::write));
  CHECK(write.has(Scope::write));
  CHECK_FALSE(write.has(Scope::read));
  CHECK(both.has_all(read));
  CHECK(both.has_all(write));
  CHECK(both.has_all(both));
  CHECK_FALSE(read.has_all(write));
  CHECK_FALSE(write.has_all(both));
  CHECK(read.has_all(Scopes()));
  CHECK_FALSE(Scopes().has_all(read));
}

TEST_CASE("Bits that are not scopes are dropped") {
  CHECK(Scopes(0).empty());
  CHECK(Scopes(0xFFFF'FFFC).empty());
  CHECK(Scopes(7).bits() == 3);
  CHECK(Scopes(0x101).bits() == 1);
  for (unsigned bits = 0; bits < 4; ++bits) {
    CHECK(Scopes(bits).bits() == bits);
  }
}

}  // namespace
}  // namespace nexakey::core
