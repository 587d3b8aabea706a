#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scan/leak_search.h"
#include "tests/unit/support.h"

namespace nexakey::scan {
namespace {

const std::string kKey(core::test::kSomeApiKey);
const std::string kOther = "fc_live_zZyYxXwWvVuUtTsSrRqQpPoOnNmM";

std::vector<Leak> leaks_in(std::string_view text) {
  std::vector<Leak> leaks;
  find_leaks(text, [&](const Leak& leak) { leaks.push_back(leak); });
  return leaks;
}

std::string in_utf16(std::string_view text, bool big_endian) {
  std::string encoded;
  for (const char c : text) {
    encoded += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  }
  return encoded;
}

std::string in_hex(std::string_view text, std::string_view digits) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded += digits[byte >> 4U];
    encoded += digits[byte & 0xFU];
  }
  return encoded;
}

/// RFC 4648, 4, bit by bit.
std::string in_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  unsigned digit = 0;
  unsigned bits = 0;
  const auto add = [&](unsigned bit) {
    digit = digit * 2 + bit;
    if (++bits == 6) {
      encoded += kDigits[digit];
      digit = bits = 0;
    }
  };
  for (const char c : text) {
    for (int shift = 7; shift >= 0; --shift) {
      add((static_cast<unsigned char>(c) >> static_cast<unsigned>(shift)) & 1U);
    }
  }
  while (bits != 0) {
    add(0);
  }
  return encoded.append((4 - encoded.size() % 4) % 4, '=');
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string wrapped(const std::string& text, std::size_t columns, const std::string& end) {
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += columns) {
    lines += text.substr(at, columns) + end;
  }
  return lines;
}

TEST_CASE("A key is found in each form that it leaks in") {
  struct Row {
    const char* name;
    std::string text;
    std::size_t offset;
    LeakForm form;
  };
  const std::vector<Row> rows{
      {"alone", kKey, 0, LeakForm::plain},
      {"in a line", "key = '" + kKey + "'\n", 7, LeakForm::plain},
      {"behind letters", "Xfc_live_fc_" + kKey + ".", 12, LeakForm::plain},
      {"in a long text", std::string(100'000, 'f') + kKey + "-", 100'000, LeakForm::plain},
      {"between zeros", std::string(3, '\0') + kKey + '\0', 3, LeakForm::plain},
      {"plain, a percent behind", kKey + "%5F", 0, LeakForm::plain},
      {"percent", "?k=" + replaced(kKey, "_", "%5F") + "&", 3, LeakForm::percent},
      {"percent, lower case", replaced(kKey, "_", "%5f"), 0, LeakForm::percent},
      {"percent, one of two", "fc_live%5F" + kKey.substr(8), 0, LeakForm::percent},
      {"UTF-16LE", in_utf16("k=" + kKey + ";", false), 4, LeakForm::utf16},
      {"UTF-16BE", in_utf16("k=" + kKey + ";", true), 5, LeakForm::utf16},
      {"hex", "0x" + in_hex(kKey, "0123456789abcdef") + "00", 2, LeakForm::hex},
      {"hex, upper case", in_hex("k" + kKey, "0123456789ABCDEF"), 2, LeakForm::hex},
      {"base64", "k: " + in_base64(kKey), 3, LeakForm::base64},
      {"base64, one in front", in_base64("=" + kKey + "\n"), 1, LeakForm::base64},
      {"base64, two in front", in_base64("k=" + kKey + "\n"), 2, LeakForm::base64},
      {"base64, three in front", in_base64("\xFF\xFF\xFF" + kKey), 4, LeakForm::base64},
      {"base64 without its end", replaced(in_base64("=" + kKey), "=", ""), 1, LeakForm::base64},
      {"hex in lines", wrapped(in_hex(kKey, "0123456789abcdef"), 61, "\n"), 0, LeakForm::hex},
      {"base64 in lines", wrapped(in_base64(kKey), 19, "\r\n    "), 0, LeakForm::base64},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const auto leaks = leaks_in(row.text);
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].offset == row.offset);
    CHECK(name_of(leaks[0].form) == name_of(row.form));
    CHECK(leaks[0].hash == core::hash_api_key(kKey));
    CHECK(leaks[0].last_four == "OPQR");
    CHECK_FALSE(leaks[0].runs_on);
    CHECK_FALSE(leaks[0].placeholder);
  }
}

/// Each character as `escape` gives it.
std::string escaped(std::string_view text, const std::function<std::string(char)>& escape) {
  std::string result;
  for (const char c : text) {
    result += escape(c);
  }
  return result;
}

std::string numbered(char c, const char* format) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(c));
  return {text.data(), static_cast<std::size_t>(size)};
}

TEST_CASE("A key is found whichever of its characters are escaped") {
  struct Row {
    const char* format;
    LeakForm form;
  };
  for (const Row& row : std::vector<Row>{
           {"%%%02x", LeakForm::percent},
           {"%%25%02X", LeakForm::percent},
           {"%%2525%02X", LeakForm::percent},
           {"&#%u;", LeakForm::html},
           {"&#%07u;", LeakForm::html},
           {"&#x%x;", LeakForm::html},
           {"&#X%06X;", LeakForm::html},
           {"&amp;#%u;", LeakForm::html},
           {"\\u%04x", LeakForm::backslash},
           {"\\\\u%04X", LeakForm::backslash},
           {"\\u{%x}", LeakForm::backslash},
           {"\\U%08x", LeakForm::backslash},
           {"\\x%02x", LeakForm::backslash},
           {"\\%03o", LeakForm::backslash},
           {"=%02X", LeakForm::quoted_printable},
       }) {
    CAPTURE(row.format);
    const auto escape = [&](char c) { return numbered(c, row.format); };
    const auto check = [&](const std::string& text) {
      CAPTURE(text);
      const auto leaks = leaks_in("k: " + text + " .");
      REQUIRE(leaks.size() == 1);
      CHECK(leaks[0].hash == core::hash_api_key(kKey));
      CHECK(name_of(leaks[0].form) == name_of(row.form));
      CHECK(leaks[0].offset + 1 >= 3);
      CHECK(leaks[0].offset <= 4);
    };
    check(escaped(kKey, escape));
    check(replaced(kKey, "_", escape('_')));
    for (std::size_t at = 0; at < kKey.size(); ++at) {
      check(kKey.substr(0, at) + escape(kKey[at]) + kKey.substr(at + 1));
    }
  }
}

TEST_CASE("A key is found with its underscores escaped") {
  for (const char* const underscore :
       {"\\_", "\\\\_", "&lowbar;", "&amp;lowbar;", "&UnderBar;", "&amp;#95;", "%26%2395%3B",
        "\\u0026#95;", "\\u0026lowbar;", "=3D5F", "%5Cu005f", "_%00", "\\x5f"}) {
    CAPTURE(underscore);
    const auto leaks = leaks_in("<" + replaced(kKey, "_", underscore) + ">");
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].offset == 1);
  }
  for (const char* const other : {"\\", "&#94;", "%5", "&lowbar", "\\u005", "__", "\\n"}) {
    CAPTURE(other);
    CHECK(leaks_in("<" + replaced(kKey, "_", other) + ">").empty());
  }
}

TEST_CASE("A key is found over the end of a line that a writer put into it") {
  for (const char* const end :
       {"=\r\n",      "=\n",          "=\n+",           "=\n> ",    "= \n",  "=\\r\\n",
        "\\\n",       "\\\r\n",       "\\\n# ",         "\n ",      "\r\n ", "\r\n\t",
        "\n+ ",       "\\r\\n ",      "\" +\n      \"", "\"\n  \"", "\" \"", "\"+\"",
        "\" .\n  \"", "\" & _\n  \"", "\\\" +\\n  \\\""}) {
    for (std::size_t at = 1; at < kKey.size(); ++at) {
      const std::string text = "\"" + kKey.substr(0, at) + end + kKey.substr(at) + "\"\n";
      CAPTURE(text);
      const auto leaks = leaks_in(text);
      REQUIRE(leaks.size() == 1);
      CHECK(leaks[0].offset == 1);
      CHECK(leaks[0].form == LeakForm::split);
    }
  }
  for (const char* const other : {"\n", "\r\n", " ", "\n    ", "\", \"", "\": \"", "=", "\"x\""}) {
    CAPTURE(other);
    CHECK(leaks_in("\"" + kKey.substr(0, 20) + other + kKey.substr(20) + "\"\n").empty());
  }
}

TEST_CASE("A key in digits is found with anything between the lines of digits") {
  const std::string hex = in_hex(kKey, "0123456789abcdef");
  for (const std::string& between : std::vector<std::string>{
           "\n",        "\r\n",        "\n    ", "\n> ",  "\n+",   "\\n",   "\\r\\n",
           "\",\n  \"", "\" +\n   \"", "\\\n",   "\n# ",  "\n// ", "\n * ", "\\u000a",
           "%0A",       "%0D%0A",      "&#10;",  "&#xA;", "=0A",   "=\n"}) {
    for (const std::size_t columns : {7U, 19U, 60U}) {
      CAPTURE(between);
      CAPTURE(columns);
      for (const char* const front : {"", "x", "xy"}) {
        CAPTURE(front);
        CHECK(leaks_in(wrapped(in_base64(front + kKey + "."), columns, between)).size() == 1);
      }
      CHECK(leaks_in(wrapped(hex, columns, between)).size() == 1);
    }
  }
  const std::vector<std::pair<const char*, std::string>> rows{
      {"spaces", wrapped(hex, 2, " ")},       {"colons", wrapped(hex, 2, ":")},
      {"dashes", wrapped(hex, 2, "-")},       {"pairs of bytes", wrapped(hex, 4, " ")},
      {"0x", "0x" + wrapped(hex, 2, ", 0x")}, {"0x in lines", "0x" + wrapped(hex, 2, ",\n  0x")},
  };
  for (const auto& [name, text] : rows) {
    CAPTURE(name);
    const auto leaks = leaks_in(text);
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].form == LeakForm::hex);
  }
  for (const std::string& between : std::vector<std::string>{",", ", ", ",\n    "}) {
    const auto leaks =
        leaks_in("[" + escaped(kKey, [&](char c) { return numbered(c, "%u") + between; }) + "0]");
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].form == LeakForm::decimal);
  }
}

TEST_CASE("A key in UTF-32 is found in either byte order") {
  std::string little;
  for (const char c : kKey) {
    little += {c, '\0', '\0', '\0'};
  }
  const std::string big = std::string(3, '\0') + little.substr(0, little.size() - 3);
  for (const std::string& text : {little, big}) {
    const auto leaks = leaks_in("k" + text + "k");
    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].form == LeakForm::utf32);
  }
}

TEST_CASE("What is almost a key is not found") {
  const std::string hex = in_hex(kKey, "0123456789abcdef");
  const std::string base64 = in_base64(kKey);
  const std::string utf16 = in_utf16(kKey, false);
  for (const std::string& text : std::vector<std::string>{
           "",
           "fc_",
           "fc_live_",
           kKey.substr(0, 35),
           kKey.substr(1),
           "FC_LIVE_" + kKey.substr(8),
           replaced(kKey, "live", "test"),
           replaced(kKey, "K", "-"),
           replaced(kKey, "K", "\xC3"),
           replaced(kKey, "_", "%5E"),
           "fc%5",
           hex.substr(0, 70) + "x",
           replaced(hex, "4b", "2d"),
           base64.substr(0, 47),
           replaced(base64, "SktM", "Sk-M"),
           utf16.substr(0, 70),
           replaced(utf16, "K", "\x01"),
           replaced(utf16, {"K\0", 2}, {"K\1", 2}),
           "635",
           "5635",
           "ZjX",
           "mY1",
       }) {
    CAPTURE(text);
    CHECK(leaks_in(text).empty());
  }
}

TEST_CASE("Letters or digits directly after a key are reported") {
  struct Row {
    std::string text;
    bool runs_on;
  };
  const std::string percent = replaced(kKey, "_", "%5F");
  for (const Row& row : std::vector<Row>{
           {kKey + "x", true},
           {kKey + "_", false},
           {kKey + "%5Fx", false},
           {kKey + kOther, true},
           {percent + "0", true},
           {in_utf16(kKey + "x", false), true},
           {in_utf16(kKey, false) + "x", true},
           {in_utf16(kKey + " ", true), false},
           {in_hex(kKey + "x", "0123456789abcdef"), true},
           {in_hex(kKey + " ", "0123456789abcdef"), false},
           {in_hex(kKey, "0123456789abcdef") + "\n" + in_hex("x", "0123456789abcdef"), false},
           {in_base64(kKey) + "\n" + in_base64("xyz"), false},
           {in_base64(kKey + "x"), true},
           {in_base64(kKey + " "), false},
           {in_base64("k" + kKey + "x"), true},
           {in_base64("k=" + kKey + "x"), true},
       }) {
    CAPTURE(row.text);
    const auto leaks = leaks_in(row.text);
    REQUIRE_FALSE(leaks.empty());
    CHECK(leaks[0].runs_on == row.runs_on);
  }
}

TEST_CASE("A key of few different characters is not reported") {
  for (const char* const text :
       {"fc_live_xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "fc_live_1234567123456712345671234567"}) {
    REQUIRE(leaks_in(text).size() == 1);
    CHECK(leaks_in(text)[0].placeholder);
  }
  CHECK_FALSE(leaks_in("fc_live_1234567812345678123456781234")[0].placeholder);
}

/// The leaks in a document that is read in pieces.
struct Found {
  std::size_t line;
  std::size_t column;
  core::KeyHash hash;
  friend bool operator==(const Found&, const Found&) = default;
};

std::vector<Found> search(LeakSearch& search, std::string_view text, std::mt19937_64& random) {
  std::vector<Found> found;
  const auto visit = [&](const Leak& leak, const TextPosition& position) {
    found.push_back({position.line, position.column, leak.hash});
  };
  search.begin();
  while (!text.empty()) {
    search.make_room(visit);
    const std::size_t most = 1 + core::test::below(random, search.room_size());
    const std::size_t count = text.copy(search.room(), most);
    search.add(count);
    text.remove_prefix(count);
  }
  search.finish(visit);
  return found;
}

TEST_CASE("A document in pieces has the same leaks as a whole one, with lines and columns") {
  std::mt19937_64 random(11);
  LeakSearch leak_search;
  const std::array<std::string, 5> pieces{kKey, in_base64("k" + kOther),
                                          in_hex(kOther, "0123456789abcdef"), in_utf16(kKey, true),
                                          "fc_live_"};
  for (int round = 0; round < 20; ++round) {
    std::string text;
    std::vector<Found> expected;
    std::size_t line = 1;
    std::size_t line_start = 0;
    const std::size_t size = core::test::below(random, 1'000'000);
    while (text.size() < size) {
      if (core::test::below(random, 3) == 0) {
        text += '\n';
        ++line;
        line_start = text.size();
      }
      text.append(core::test::below(random, 20'000), '-');
      const std::string& piece = pieces[core::test::below(random, pieces.size())];
      for (const Leak& leak : leaks_in(piece)) {
        expected.push_back({line, text.size() + leak.offset - line_start + 1, leak.hash});
      }
      text += piece;
      text += '-';
    }
    CAPTURE(round);
    CHECK(search(leak_search, text, random) == expected);
  }
}

/// The plain keys that find_leaks finds; simple and slow.
std::vector<std::size_t> plain_keys(std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at + core::kApiKeyLength <= text.size(); ++at) {
    if (core::is_api_key(text.substr(at, core::kApiKeyLength))) {
      places.push_back(at);
    }
  }
  return places;
}

TEST_CASE("Any bytes are searched correctly") {
  std::mt19937_64 random(13);
  const std::array<std::string, 9> pieces{
      "fc_live_",          "fc%5Flive%5F", "ZmNfbGl2ZV",
      "ZjX2xpdmVf",        "mY19saXZlX",   "66635f6c6976655f",
      {"f\0c\0_\0l\0", 8}, kKey,           "0123456789ABCDEFGHIJKLMNOPQR"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t count = core::test::below(random, 12); count > 0; --count) {
      if (core::test::below(random, 2) == 0) {
        text += pieces[core::test::below(random, pieces.size())];
      } else {
        for (std::uint64_t bytes = core::test::below(random, 40); bytes > 0; --bytes) {
          text += static_cast<char>(random());
        }
      }
    }
    std::vector<std::size_t> places;
    for (const Leak& leak : leaks_in(text)) {
      if (leak.form == LeakForm::plain) {
        places.push_back(leak.offset);
      }
    }
    CAPTURE(round);
    CHECK(places == plain_keys(text));
  }
}

}  // namespace
}  // namespace nexakey::scan
