#include "core/random.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <doctest/doctest.h>

#include "system/random.h"

namespace nexakey::core {
namespace {

TEST_CASE("The system's generator fills the whole span and never twice the same") {
  std::array<std::uint8_t, 256> first{};
  std::array<std::uint8_t, 256> second{};
  REQUIRE(system::random_bytes(first));
  REQUIRE(system::random_bytes(second));
  CHECK(first != second);
  // 32 zero bytes in a row have a probability of 2^-256 for each place.
  for (const auto& bytes : {first, second}) {
    for (std::size_t i = 0; i < bytes.size(); i += 32) {
      CAPTURE(i);
      CHECK_FALSE(std::all_of(bytes.data() + i, bytes.data() + i + 32,
                              [](std::uint8_t byte) { return byte == 0; }));
    }
  }
}

TEST_CASE("An empty span is filled without an error") {
  CHECK(system::random_bytes(std::span<std::uint8_t>()));
}

TEST_CASE("A failure of the generator says what failed") {
  CHECK(std::string_view(RandomnessError().what()) == "the system's random generator failed");
}

}  // namespace
}  // namespace nexakey::core
