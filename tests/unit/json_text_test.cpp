#include <limits>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/unit/json_support.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::written;

TEST_CASE("The writer adds only commas") {
  CHECK(written([](JsonWriter& json) { json.begin_object().end_object(); }) == "{}");
  CHECK(written([](JsonWriter& json) { json.begin_array().end_array(); }) == "[]");
  CHECK(written([](JsonWriter& json) {
          json.begin_array().begin_array().end_array().begin_object().end_object().end_array();
        }) == "[[],{}]");
  CHECK(written([](JsonWriter& json) {
          json.begin_object().name("a").number(1).name("b").begin_array();
          json.string("x").null().boolean(true).boolean(false).real(0.5).raw("7").plain("y");
          json.end_array().name("c").begin_object().name("d").null().end_object().end_object();
        }) == R"({"a":1,"b":["x",null,true,false,0.5,7,"y"],"c":{"d":null}})");
}

TEST_CASE("The writer appends to the string") {
  std::string text = "before ";
  JsonWriter(text).begin_array().number(1).end_array();
  CHECK(text == "before [1]");
}

TEST_CASE("Numbers are written exactly") {
  CHECK(written([](JsonWriter& json) { json.number(std::numeric_limits<std::int64_t>::min()); }) ==
        "-9223372036854775808");
  CHECK(written([](JsonWriter& json) { json.number(std::numeric_limits<std::uint64_t>::max()); }) ==
        "18446744073709551615");
  struct Row {
    double value;
    std::string_view text;
  };
  for (const Row& row : {Row{0.0, "0"}, Row{1.0, "1"}, Row{0.5, "0.5"}, Row{0.02, "0.02"},
                         Row{1.0 / 3, "0.333333"}, Row{2.0 / 3, "0.666667"}}) {
    CAPTURE(row.text);
    CHECK(written([&](JsonWriter& json) { json.real(row.value); }) == row.text);
  }
}

TEST_CASE("Text is escaped for JSON and for terminals") {
  struct Row {
    std::string text;
    std::string json;
  };
  const std::vector<Row> rows{
      {"", R"("")"},
      {"abc /'<>&", R"("abc /'<>&")"},
      {"\"", R"("\"")"},
      {"\\", R"("\\")"},
      {"\\\"", R"("\\\"")"},
      {"say \"\\\"", R"("say \"\\\"")"},
      {"\"é\"\\ \"", R"("\"é\"\\ \"")"},
      {"\n", R"("\n")"},
      {"\t", R"("\t")"},
      {"\r", R"("\u000d")"},
      {"\b\f", R"("\u0008\u000c")"},
      {std::string(1, '\0'), R"("\u0000")"},
      {std::string("a\0b", 3), R"("a\u0000b")"},
      {"\x1B[2J", R"("\u001b[2J")"},
      {"\x1F", R"("\u001f")"},
      {"\x7F", R"("\u007f")"},
      {"\xC2\x80", R"("\u0080")"},
      {"\xC2\x9B", R"("\u009b")"},
      {"\xC2\x9F", R"("\u009f")"},
      {"\xC2\xA0", "\"\xC2\xA0\""},
      {"Zoë 日本語 🦀", "\"Zoë 日本語 🦀\""},
      {"\u202Etxt\u2066", R"("\u202etxt\u2066")"},
      {"a\u200Db\u2028", R"("a\u200db\u2028")"},
      {"\uE000", R"("\ue000")"},
      {"\U000E0041", R"("\udb40\udc41")"},
      {"\U0010FFFD", R"("\udbff\udffd")"},
      {"\xFF", "\"\uFFFD\""},
      {"caf\xE9", "\"caf\uFFFD\""},
      {"\xC3", "\"\uFFFD\""},
      {"\xC3\"", "\"\uFFFD\\\"\""},
      {"\xE2\x82", "\"\uFFFD\uFFFD\""},
      {"\xC0\xA2", "\"\uFFFD\uFFFD\""},
      {"\xED\xA0\x80", "\"\uFFFD\uFFFD\uFFFD\""},
      {"\xF4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    CHECK(written([&](JsonWriter& json) { json.string(row.text); }) == row.json);
    CHECK(written([&](JsonWriter& json) { json.any_name(row.text).number(1); }) == row.json + ":1");
  }
}

TEST_CASE("Exactly one JSON text is accepted") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  struct Row {
    std::string text;
    bool is_read;
  };
  const std::vector<Row> rows{
      {"{}", true},
      {" [1,\"a\",null] \n", true},
      {"7", true},
      {R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", true},
      {nested(32), true},
      {"", false},
      {" ", false},
      {"{", false},
      {"{}x", false},
      {"{}{}", false},
      {"[1,]", false},
      {"{'a':1}", false},
      {"NaN", false},
      {"\"\xFF\"", false},
      {std::string("{}\0", 3), false},
      {std::string("{}\0{}", 5), false},
      {std::string("\"\0\"", 3), false},
      {R"({"a":1,"a":1})", false},
      {R"({"a":1,"b":2,"\u0061":3})", false},
      {R"({"x":[{"y":{"a":1,"a":2}}]})", false},
      {nested(33), false},
      {nested(30'000), false},
      {std::string(30'000, '['), false},
      {R"({"a":)" + nested(32) + "}", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 80));
    const auto json = parse_json(row.text);
    CHECK(json.has_value() == row.is_read);
    if (!json) {
      CHECK(json.error().code == ErrorCode::usage);
    }
  }
}

}  // namespace
}  // namespace nexakey::core
