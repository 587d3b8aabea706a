#include "scan/byte_classes.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "core/text.h"
#include "tests/support/simd.h"
#include "tests/unit/support.h"

namespace nexakey::scan {
namespace {

/// The block in which enough digits end; simple and slow.
std::size_t expected_digits(std::string_view text, std::size_t before) {
  std::size_t count = before;
  for (std::size_t at = 0; at < text.size(); ++at) {
    count = is_of_digits(text[at]) ? count + 1 : 0;
    // Digits within two blocks are counted in the second.
    if (count >= kMinDigits) {
      return at - at % kBlock;
    }
  }
  return std::string_view::npos;
}

std::size_t digits_at_end(std::string_view text, std::size_t before) {
  const auto last = std::ranges::find_if_not(text.rbegin(), text.rend(), is_of_digits);
  const auto count = static_cast<std::size_t>(last - text.rbegin());
  return count == text.size() ? before + count : count;
}

TEST_CASE("Digits are counted over the ends of blocks") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    while (text.size() < 8 * kBlock) {
      text.append(core::test::below(random, 70), 'A');
      text += "%+/_-\\09az "[core::test::below(random, 11)];
    }
    text.resize(8 * kBlock);
    text.resize(text.size() - kBlock * core::test::below(random, 3));
    const std::size_t before = core::test::below(random, kMinDigits);
    CAPTURE(text);
    CAPTURE(before);
    const std::size_t expected = expected_digits(text, before);
    for (const Simd simd : test::all_simd()) {
      std::size_t count = before;
      CHECK(classify(text, count, simd).digits == expected);
      if (expected == std::string_view::npos) {
        CHECK(count == digits_at_end(text, before));
      }
    }
  }
}

TEST_CASE("Each byte is in its classes") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    CAPTURE(byte);
    const bool is_digit =
        std::string_view("+/-_%\\").find(c) != std::string_view::npos || core::is_alphanumeric(c);
    CHECK(is_of_digits(c) == is_digit);
    const bool is_text =
        (byte >= 0x20 && byte < 0x80) || (byte >= '\t' && byte <= '\r' && c != '\v');
    for (const Simd simd : test::all_simd()) {
      for (const std::size_t blocks : {2U, 3U}) {
        std::size_t before = 0;
        const ByteClasses classes = classify(std::string(blocks * kBlock, c), before, simd);
        CHECK((classes.digits != std::string_view::npos) == is_digit);
        CHECK(classes.has_binary == !is_text);
      }
    }
    // In any place
    for (std::size_t at = 0; at < 3 * kBlock; ++at) {
      std::string text(3 * kBlock, ' ');
      text[at] = c;
      for (const Simd simd : test::all_simd()) {
        std::size_t before = 0;
        CHECK(classify(text, before, simd).has_binary == !is_text);
      }
    }
  }
}

}  // namespace
}  // namespace nexakey::scan
