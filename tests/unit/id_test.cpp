#include "core/id.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "system/random.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

constexpr std::int64_t kMaxBits = (std::int64_t{1} << 60) - 1;

TEST_CASE("An id is written with the alphabet of Crockford") {
  struct Row {
    std::int64_t bits;
    std::string_view text;
  };
  for (const Row& row :
       {Row{0, "key_000000000000"}, Row{1, "key_000000000001"}, Row{31, "key_00000000000z"},
        Row{32, "key_000000000010"}, Row{kMaxBits, "key_zzzzzzzzzzzz"},
        Row{std::int64_t{1} << 59, "key_g00000000000"}}) {
    CAPTURE(row.bits);
    CHECK(KeyId(row.bits).to_string() == row.text);
    const auto parsed = KeyId::parse(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->bits() == row.bits);
  }
  std::string digits;
  for (std::int64_t digit = 0; digit < 32; ++digit) {
    digits += KeyId(digit).to_string().back();
  }
  CHECK(digits == "0123456789abcdefghjkmnpqrstvwxyz");
}

TEST_CASE("Every id is read back as it was written") {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 20'000; ++i) {
    const KeyId id(static_cast<std::int64_t>(random() >> 4U));
    const std::string text = id.to_string();
    CAPTURE(text);
    REQUIRE(text.size() == 16);
    REQUIRE(KeyId::parse(text) == id);
  }
}

TEST_CASE("Ids sort as their texts do") {
  std::mt19937_64 random(20260102);
  for (int i = 0; i < 2'000; ++i) {
    const KeyId a(static_cast<std::int64_t>(random() >> 4U));
    const KeyId b(static_cast<std::int64_t>(random() >> 4U));
    CHECK((a < b) == (a.to_string() < b.to_string()));
  }
}

TEST_CASE("Nothing but the written form is an id") {
  for (const std::string& text : std::vector<std::string>{"",
                                                          "key_",
                                                          "key_00000000000",
                                                          "key_0000000000000",
                                                          "key_00000000000A",
                                                          "KEY_000000000000",
                                                          "Key_000000000000",
                                                          "key_00000000000i",
                                                          "key_00000000000l",
                                                          "key_00000000000o",
                                                          "key_00000000000u",
                                                          "key_i00000000000",
                                                          "key_00000000000-",
                                                          "key_00000000000 ",
                                                          " key_000000000000",
                                                          "key_000000000000 ",
                                                          "key_000000000000\n",
                                                          "key-000000000000",
                                                          "000000000000",
                                                          "key_0000_0000000",
                                                          "key_00000\u00E900000",
                                                          std::string("key_00000000000\0", 16),
                                                          std::string("key_000000000000\0", 17),
                                                          "key_" + std::string(10'000, '0')}) {
    CAPTURE(text.substr(0, 40));
    CHECK_FALSE(KeyId::parse(text).has_value());
  }
}

TEST_CASE("A new id takes 60 bits from the random generator") {
  const auto constant = [](std::uint8_t value) -> RandomSource {
    return [value](std::span<std::uint8_t> bytes) {
      std::ranges::fill(bytes, value);
      return true;
    };
  };
  CHECK(KeyId::generate(constant(0xFF)).bits() == kMaxBits);
  CHECK(KeyId::generate(constant(0)).bits() == 0);
  CHECK(KeyId::generate(system::random_bytes) != KeyId::generate(system::random_bytes));
  std::int64_t ever_set = 0;
  std::int64_t always_set = kMaxBits;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t bits = KeyId::generate(system::random_bytes).bits();
    ever_set |= bits;
    always_set &= bits;
  }
  CHECK(ever_set == kMaxBits);
  CHECK(always_set == 0);
}

TEST_CASE("No id is made when the random generator fails") {
  CHECK_THROWS_AS(KeyId::generate([](auto) { return false; }), RandomnessError);
}

TEST_CASE("The beginning of an id is the range of the ids that begin so") {
  struct Row {
    std::string_view text;
    std::string_view first;
    std::string_view last;
  };
  for (const Row& row : {Row{"key_9f3k", "key_9f3k00000000", "key_9f3kzzzzzzzz"},
                         Row{"key_0000", "key_000000000000", "key_0000zzzzzzzz"},
                         Row{"key_zzzz", "key_zzzz00000000", "key_zzzzzzzzzzzz"},
                         Row{"key_9f3k7", "key_9f3k70000000", "key_9f3k7zzzzzzz"},
                         Row{"key_0123456789a", "key_0123456789a0", "key_0123456789az"},
                         Row{"key_0123456789ab", "key_0123456789ab", "key_0123456789ab"}}) {
    CAPTURE(row.text);
    const auto range = KeyIdRange::parse(row.text);
    REQUIRE(range.has_value());
    CHECK(range->first.to_string() == row.first);
    CHECK(range->last.to_string() == row.last);
    CHECK(range->contains(range->first));
    CHECK(range->contains(range->last));
    CHECK_FALSE(range->contains(KeyId(range->first.bits() - 1)));
    CHECK_FALSE(range->contains(KeyId(range->last.bits() + 1)));
  }
}

TEST_CASE("An id is in exactly the ranges of its own beginnings") {
  std::mt19937_64 random(20260103);
  for (int i = 0; i < 500; ++i) {
    const KeyId id(static_cast<std::int64_t>(random() >> 4U));
    const std::string text = id.to_string();
    for (std::size_t length = 8; length <= text.size(); ++length) {
      const std::string beginning = text.substr(0, length);
      CAPTURE(beginning);
      REQUIRE(KeyIdRange::parse(beginning)->contains(id));
      std::string other = beginning;
      other.back() = other.back() == '0' ? '1' : '0';
      REQUIRE_FALSE(KeyIdRange::parse(other)->contains(id));
    }
  }
}

TEST_CASE("Less than four characters or an invalid id is not a beginning") {
  for (const std::string_view text :
       {"", "key", "key_", "key_9", "key_9f", "key_9f3", "9f3k", "key_9f3K", "key_9f3i", "key_9f3*",
        "key_9f3 ", "Key_9f3k", "key_0123456789abc"}) {
    CAPTURE(text);
    CHECK_FALSE(KeyIdRange::parse(text).has_value());
  }
}

}  // namespace
}  // namespace nexakey::core
