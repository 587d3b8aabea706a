#include "core/secret.h"

#include <concepts>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "core/json_writer.h"

namespace nexakey::core {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <typename T>
concept Writable = requires(JsonWriter& json, const T& value) {
  json.string(value);
};
static_assert(Streamable<std::string> && Writable<std::string>);
static_assert(!Streamable<Secret>, "a secret must not reach a stream");
static_assert(!Writable<Secret>, "a secret must not reach JSON");
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_constructible_v<Secret, const std::string&>, "the source must be wiped");
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::equality_comparable<Secret>, "comparing takes a time that tells");

// One text in the string's own memory, one on the heap.
constexpr std::string_view kShort = "short";
constexpr std::string_view kLong = "a text that is far too long for the string's own memory";

bool holds_nothing(const std::string& text) {
  // The string's memory belongs to it up to its capacity.
  for (std::size_t i = 0; i < text.capacity(); ++i) {
    if (text.data()[i] != '\0') {
      return false;
    }
  }
  return text.empty();
}

TEST_CASE("A secret reveals its text and leaves nothing in the string it came from") {
  for (const std::string_view value : {kShort, kLong}) {
    CAPTURE(value);
    std::string source(value);
    const Secret secret(std::move(source));
    CHECK(secret.reveal() == value);
    CHECK_FALSE(secret.empty());
    CHECK(holds_nothing(source));  // NOLINT(bugprone-use-after-move): that is the point
  }
}

TEST_CASE("Moving a secret leaves the old place empty") {
  for (const std::string_view value : {kShort, kLong}) {
    CAPTURE(value);
    Secret first{std::string(value)};
    Secret second(std::move(first));
    CHECK(second.reveal() == value);
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move)
    Secret third{std::string("the text that was there before")};
    third = std::move(second);
    CHECK(third.reveal() == value);
    CHECK(second.empty());  // NOLINT(bugprone-use-after-move)
  }
}

TEST_CASE("A secret survives being moved to itself") {
  Secret secret{std::string(kLong)};
  Secret& same = secret;
  secret = std::move(same);
  CHECK(secret.reveal() == kLong);
}

TEST_CASE("A secret without text is empty") {
  CHECK(Secret().empty());
  CHECK(Secret(std::string()).empty());
}

TEST_CASE("Wiping overwrites the unused capacity too") {
  for (const std::string_view value : {kShort, kLong}) {
    CAPTURE(value);
    std::string text(value);
    text.resize(2);
    wipe(text);
    CHECK(holds_nothing(text));
  }
}

}  // namespace
}  // namespace nexakey::core
