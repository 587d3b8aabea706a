#include "core/text.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "core/api_key.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::kSomeApiKey;

TEST_CASE("Splitting keeps empty parts and joining puts them back") {
  struct Row {
    std::string_view text;
    std::vector<std::string_view> parts;
  };
  const std::vector<Row> rows{{"", {""}},
                              {"a", {"a"}},
                              {"a,b", {"a", "b"}},
                              {",", {"", ""}},
                              {",a", {"", "a"}},
                              {"a,", {"a", ""}},
                              {",,a,,b,,", {"", "", "a", "", "b", "", ""}}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(split(row.text, ',') == row.parts);
    CHECK(join(row.parts, ",") == row.text);
  }
  CHECK(join({}, ", ").empty());
  CHECK(join({"read", "write"}, ", ") == "read, write");
}

TEST_CASE("Text is printable if it is UTF-8 without characters that move or hide text") {
  for (const std::string_view text :
       {"", " ", "abc", "~", "Acme – CRM (prod)", "Zoë", "日本語", "עברית", "العربية", "e\u0301",
        "🦀", "\u00A0", "\uFFFD", "\u00E9", "\U0001F600", "👍🏽"}) {
    CAPTURE(text);
    CHECK(is_printable(text));
    CHECK(printable(text) == text);
  }
  struct Row {
    std::string_view name;
    std::string text;
  };
  const std::vector<Row> rows{
      {"NUL", std::string(1, '\0')},
      {"NUL behind text", std::string("abc\0", 4)},
      {"newline", "a\nb"},
      {"carriage return", "a\rb"},
      {"tab", "a\tb"},
      {"escape sequence", "\x1B[31mred"},
      {"bell", "\a"},
      {"DEL", "\x7F"},
      {"C1 control sequence introducer", "\u009B"},
      {"C1 next line", "\u0085"},
      {"line separator", "\u2028"},
      {"paragraph separator", "\u2029"},
      {"right-to-left override", "a\u202Eb"},
      {"left-to-right override", "a\u202Db"},
      {"left-to-right embedding", "a\u202Ab"},
      {"pop directional formatting", "a\u202Cb"},
      {"right-to-left isolate", "a\u2067b"},
      {"pop directional isolate", "a\u2069b"},
      {"right-to-left mark", "a\u200Fb"},
      {"zero-width space", "a\u200Bb"},
      {"zero-width joiner", "a\u200Db"},
      {"byte order mark", "\uFEFF"},
      {"soft hyphen", "a\u00ADb"},
      {"tag character", "a\U000E0041"},
      {"private use", "\uE000"},
      {"private plane", "\U00100000"},
      {"unassigned", "\u0378"},
      {"noncharacter", "\xEF\xBF\xBF"},
      {"overlong slash", "\xC0\xAF"},
      {"overlong NUL", "\xC0\x80"},
      {"overlong in three bytes", "\xE0\x80\xAF"},
      {"overlong in four bytes", "\xF0\x80\x80\xAF"},
      {"high surrogate", "\xED\xA0\x80"},
      {"low surrogate", "\xED\xBF\xBF"},
      {"surrogate pair", "\xED\xA0\xBD\xED\xB8\x80"},
      {"above U+10FFFF", "\xF4\x90\x80\x80"},
      {"five bytes", "\xF8\x88\x80\x80\x80"},
      {"lone continuation byte", "\x80"},
      {"truncated in two", "\xC3"},
      {"truncated in three", "\xE2\x82"},
      {"truncated in four", "\xF0\x9F\xA6"},
      {"truncated before text", "\xC3(abc"},
      {"Latin-1", "caf\xE9"},
      {"0xFE", "\xFE"},
      {"0xFF", "\xFF"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK_FALSE(is_printable(row.text));
    CHECK(is_printable(printable(row.text)));
    CHECK(printable(row.text).find("\xEF\xBF\xBD") != std::string::npos);
  }
}

TEST_CASE("Each character that cannot be printed is replaced by one") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const Row& row :
       {Row{"a\nb", "a\uFFFDb"}, Row{"\x1B[2Jx", "\uFFFD[2Jx"}, Row{"a\u202Eb", "a\uFFFDb"},
        Row{"\xC3(", "\uFFFD("}, Row{"caf\xE9", "caf\uFFFD"}, Row{"\xC0\xAF", "\uFFFD\uFFFD"},
        Row{"\u009Bm", "\uFFFDm"}, Row{"日\xE6\x97本", "日\uFFFD\uFFFD本"}}) {
    CAPTURE(row.expected);
    CHECK(printable(row.text) == row.expected);
  }
}

TEST_CASE("No sequence of bytes passes a control character to a terminal") {
  std::mt19937_64 random(20260501);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = test::below(random, 12); left > 0; --left) {
      text += static_cast<char>(random());
    }
    REQUIRE(is_printable(printable(text)));
    REQUIRE(is_printable(quote(text)));
    REQUIRE(count_characters(printable(text)) == count_characters(text));
  }
}

TEST_CASE("Characters are counted and not bytes") {
  struct Row {
    std::string_view text;
    std::size_t count;
  };
  for (const Row& row : {Row{"", 0}, Row{"abc", 3}, Row{"Zoë", 3}, Row{"日本語", 3}, Row{"🦀", 1},
                         Row{"e\u0301", 2}, Row{"\xFF\xFE", 2}, Row{"\xE2\x82", 2}}) {
    CAPTURE(row.text);
    CHECK(count_characters(row.text) == row.count);
  }
}

TEST_CASE("Width is measured in the columns of a terminal") {
  struct Row {
    std::string_view text;
    std::size_t columns;
  };
  for (const Row& row :
       {Row{"", 0}, Row{"abc", 3}, Row{"Zoë", 3}, Row{"e\u0301", 1}, Row{"o\u0308\u0323", 1},
        Row{"日本語", 6}, Row{"한국", 4}, Row{"\u1112\u1161\u11AB", 2}, Row{"ａｂ", 4},
        Row{"ｱｲ", 2}, Row{"🦀", 2}, Row{"…", 1}, Row{"–", 1}, Row{"a日e\u0301🦀", 6},
        Row{"\xFF", 1}, Row{"\uFFFD", 1}}) {
    CAPTURE(row.text);
    CHECK(display_width(row.text) == row.columns);
  }
}

TEST_CASE("Text that is too wide ends with an ellipsis within the columns") {
  struct Row {
    std::string_view text;
    std::size_t columns;
    std::string_view expected;
  };
  for (const Row& row :
       {Row{"", 0, ""}, Row{"", 5, ""}, Row{"abc", 3, "abc"}, Row{"abc", 4, "abc"},
        Row{"abcd", 3, "ab…"}, Row{"abcd", 2, "a…"}, Row{"abcd", 1, "…"}, Row{"abcd", 0, ""},
        Row{"日本語", 6, "日本語"}, Row{"日本語", 5, "日本…"}, Row{"日本語", 4, "日…"},
        Row{"日本語", 3, "日…"}, Row{"日本語", 2, "…"}, Row{"日本語", 1, "…"},
        Row{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
        Row{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, Row{"🦀🦀", 3, "🦀…"}}) {
    CAPTURE(row.text);
    CAPTURE(row.columns);
    CHECK(fit(row.text, row.columns) == row.expected);
  }
}

TEST_CASE("Fitted text never needs more columns than there are") {
  std::mt19937_64 random(20260502);
  const std::vector<std::string> pieces{"a", "é", "日", "🦀", "\u0301", "…", "\xFF", " "};
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (auto left = test::below(random, 12); left > 0; --left) {
      text += pieces[test::below(random, pieces.size())];
    }
    const std::size_t columns = test::below(random, 12);
    CAPTURE(text);
    CAPTURE(columns);
    const std::string fitted = fit(text, columns);
    REQUIRE(display_width(fitted) <= columns);
    REQUIRE((display_width(text) > columns || fitted == text));
  }
}

TEST_CASE("A quote is printable and has at most 64 characters of the text") {
  const auto times = [](std::size_t count, std::string_view piece) {
    std::string text;
    while (count-- > 0) {
      text += piece;
    }
    return text;
  };
  struct Row {
    std::string text;
    std::string expected;
  };
  const std::vector<Row> rows{
      {"", "\"\""},
      {"abc", "\"abc\""},
      {times(64, "a"), "\"" + times(64, "a") + "\""},
      {times(65, "a"), "\"" + times(64, "a") + "…\""},
      {times(10'000, "a"), "\"" + times(64, "a") + "…\""},
      {times(64, "日"), "\"" + times(64, "日") + "\""},
      {times(65, "日"), "\"" + times(64, "日") + "…\""},
      {"a\x1B[2J\n", "\"a\uFFFD[2J\uFFFD\""},
      {std::string("a\0b", 3), "\"a\uFFFDb\""},
      {"\u202Eabc", "\"\uFFFDabc\""},
      {"\xFF", "\"\uFFFD\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.expected);
    CHECK(quote(row.text) == row.expected);
  }
}

TEST_CASE("A quote reveals only that a text is an API key") {
  const std::string key(kSomeApiKey);
  struct Row {
    std::string text;
    std::string expected;
  };
  const std::vector<Row> rows{
      {key, "\"fc_live_…\""},
      {"Bearer " + key, "\"Bearer fc_live_…\""},
      {key + "\n", "\"fc_live_…\uFFFD\""},
      {key + "," + key, "\"fc_live_…,fc_live_…\""},
      {"fc_live_" + key, "\"fc_live_fc_live_…\""},
      {std::string(50, 'x') + key, "\"" + std::string(50, 'x') + "fc_live_…\""},
      {"fc_live_short", "\"fc_live_short\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.expected);
    CHECK(quote(row.text) == row.expected);
  }
}

}  // namespace
}  // namespace nexakey::core
