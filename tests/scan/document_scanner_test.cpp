#include "scan/document_scanner.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/piece_source.h"
#include "tests/unit/support.h"

namespace nexakey::scan {
namespace {

const std::string kSecret(core::test::kSomeApiKey);

struct Scanned {
  std::vector<FoundLeak> found;
  std::vector<std::string> notes;
};

Scanned scan_text(std::string_view text, std::size_t piece = 100'000) {
  Scanned scanned;
  LeakSink sink([&](std::string_view note) { scanned.notes.emplace_back(note); });
  DocumentScanner scanner(sink);
  test::PieceSource source(text, piece);
  scanner.scan(source, {.path = "t"});
  scanned.found = sink.take();
  return scanned;
}

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      encoded += at + i > text.size() ? '=' : kDigits[bits >> (18 - 6 * i) & 63U];
    }
  }
  return encoded;
}

std::string hex(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    for (const unsigned shift : {4U, 0U}) {
      encoded += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15U];
    }
  }
  return encoded;
}

std::string utf16(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    encoded += {c, '\0'};
  }
  return encoded;
}

std::string in_lines(std::string_view text, std::size_t columns, std::string_view end) {
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += columns) {
    lines += std::string(text.substr(at, columns)).append(end);
  }
  return lines;
}

TEST_CASE("A key is found below any two encodings, in any pieces") {
  using Encode = std::string (*)(std::string_view);
  const std::vector<Encode> encodings{base64, hex, utf16};
  for (const Encode inner : encodings) {
    for (const Encode outer : encodings) {
      if (inner == utf16 && outer == utf16) {
        continue;
      }
      for (const char* const front : {"", "k", "k=", "key: "}) {
        const std::string text = outer(inner(front + kSecret + "\n"));
        for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, std::size_t{100'000}}) {
          CAPTURE(text);
          CAPTURE(piece);
          const Scanned scanned = scan_text(text + "\n", piece);
          REQUIRE(scanned.found.size() == 1);
          CHECK(scanned.found[0].leak.hash == core::hash_api_key(kSecret));
          CHECK(scanned.found[0].position.line == 1);
          CHECK(scanned.notes.empty());
        }
      }
    }
  }
}

TEST_CASE("An encoded text begins and ends anywhere, in lines and with escapes") {
  const std::string filler(300, 'x');
  const std::string twice = base64(base64(filler + "?>?>?>" + kSecret + ">?>?>?" + filler));
  const std::vector<std::string> rows{
      "-----BEGIN-----\n" + in_lines(twice, 64, "\n") + "-----END-----\n",
      "data: |\n  " + in_lines(twice, 76, "\n  ") + "\nnext: 1\n",
      "{\"content\": \"" + in_lines(twice, 60, "\\n") + "\"}",
      "+" + in_lines(twice, 76, "\n+") + "\n-x\n",
      "> " + in_lines(twice, 76, "\n> ") + "\n",
      "x = \"" + in_lines(twice, 60, "\" +\n    \"") + "\";\n",
      "\"integrity\": \"sha512-" + twice + "\"",
      "https://example.com/v1/" + twice + "?x",
      "data:text/plain;base64," + twice,
  };
  for (const std::string& row : rows) {
    CAPTURE(row);
    const Scanned scanned = scan_text(row);
    REQUIRE(scanned.found.size() == 1);
    CHECK(scanned.found[0].leak.form == LeakForm::base64);
  }
}

TEST_CASE("Encodings on top of each other are decoded up to a limit, which is told") {
  std::string text = kSecret + " ";
  for (int encodings = 1; encodings <= 7; ++encodings) {
    text = base64(text);
    CAPTURE(encodings);
    const Scanned scanned = scan_text(text);
    // The last one is found without being decoded.
    CHECK(scanned.found.size() == (encodings <= 5 ? 1 : 0));
    CHECK(scanned.notes.empty() == (encodings <= 5));
  }
}

TEST_CASE("Encoded texts are found where the buffer ends") {
  const std::string text = "\n" + in_lines(base64(base64("....." + kSecret + ".....")), 76, "\n");
  for (const std::size_t size : {262'144U, 196'608U, 131'072U}) {
    for (std::size_t before = size - 200; before < size + 10; before += 7) {
      CAPTURE(before);
      const Scanned scanned = scan_text(std::string(before, '.') + text + std::string(size, '.'));
      REQUIRE(scanned.found.size() == 1);
      CHECK(scanned.found[0].position.line == 2);
      CHECK(scanned.found[0].position.column == 1);
    }
  }
}

TEST_CASE("Words and paths are not encoded texts, and nothing is told about them") {
  for (const std::string& text : std::vector<std::string>{
           std::string(1000, 'a'), std::string(1000, '-'), std::string(1000, '/'),
           "/usr/share/doc/a-package-with-a-long-name/examples/of-what-it-does/and-more",
           "a_name_in_snake_case_that_goes_on_and_on_for_more_than_fifty_characters",
           std::string(300, '\\'), std::string(300, '%')}) {
    CAPTURE(text);
    const Scanned scanned = scan_text(text + " " + kSecret + "\n");
    CHECK(scanned.found.size() == 1);
    CHECK(scanned.notes.empty());
  }
}

TEST_CASE("Of what only looks like an archive, nothing is told if it is a text") {
  for (const char* const front : {"BZh is how bzip2 begins\n", "begin 644 x\n", "070707 is cpio\n",
                                  "x^2\n", "Rar!\n", "!<arch>\n"}) {
    CAPTURE(front);
    const Scanned scanned = scan_text(front + kSecret);
    CHECK(scanned.found.size() == 1);
    CHECK(scanned.notes.empty());
  }
}

TEST_CASE("An archive that is not searched is told") {
  using namespace std::string_view_literals;
  for (const std::string_view front : {"7z\xBC\xAF\x27\x1C\0\4"sv, "Rar!\x1A\x07\1\0"sv,
                                       "PACK\0\0\0\2"sv, "# v2 git bundle\n"sv}) {
    const Scanned scanned = scan_text(std::string(front) + kSecret);
    CHECK(scanned.found.size() == 1);
    REQUIRE(scanned.notes.size() == 1);
    CHECK(scanned.notes[0].find("which is not searched") != std::string::npos);
  }
}

}  // namespace
}  // namespace nexakey::scan
