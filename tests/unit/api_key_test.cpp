#include "core/api_key.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "system/random.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::kSomeApiKey;

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns `bytes` one after the other, then always `last`.
RandomSource script(std::vector<std::uint8_t> bytes, std::uint8_t last) {
  return [bytes = std::move(bytes), last, next = std::size_t{0}](auto span) mutable {
    for (std::uint8_t& byte : span) {
      byte = next < bytes.size() ? bytes[next++] : last;
    }
    return true;
  };
}

std::string random_part(const Secret& key) {
  return std::string(key.reveal().substr(kApiKeyPrefix.size()));
}

std::string to_hex(const KeyHash& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

TEST_CASE("A generated key is fc_live_ and 28 letters and digits") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const Secret key = generate_api_key(system::random_bytes);
    CHECK(key.reveal().size() == 36);
    CHECK(key.reveal().starts_with("fc_live_"));
    CHECK(random_part(key).find_first_not_of(kAlphabet) == std::string::npos);
    CHECK(is_api_key(key.reveal()));
    seen.emplace(key.reveal());
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("The random bytes below 248 give each character equally often") {
  std::map<char, int> counts;
  for (unsigned byte = 0; byte < 248; ++byte) {
    CAPTURE(byte);
    const auto value = static_cast<std::uint8_t>(byte);
    const std::string part = random_part(generate_api_key(script({}, value)));
    CHECK(part == std::string(28, part.front()));
    ++counts[part.front()];
  }
  CHECK(counts.size() == 62);
  for (const auto& [character, count] : counts) {
    CAPTURE(character);
    CHECK(count == 4);
  }
}

TEST_CASE("The random bytes from 248 on are discarded") {
  const std::string expected = random_part(generate_api_key(script({}, 7)));
  for (unsigned byte = 248; byte < 256; ++byte) {
    for (const std::size_t rejected : {1U, 27U, 28U, 63U, 64U, 65U, 1000U}) {
      CAPTURE(byte);
      CAPTURE(rejected);
      const std::vector<std::uint8_t> bytes(rejected, static_cast<std::uint8_t>(byte));
      CHECK(random_part(generate_api_key(script(bytes, 7))) == expected);
    }
  }
}

TEST_CASE("The characters of a key are in the order of the random bytes") {
  std::vector<std::uint8_t> bytes;
  for (std::uint8_t byte = 0; byte < 28; ++byte) {
    bytes.push_back(255);
    bytes.push_back(byte);
  }
  CHECK(random_part(generate_api_key(script(bytes, 61))) == kAlphabet.substr(0, 28));
}

TEST_CASE("No key is made when the random generator fails") {
  SUBCASE("at once") {
    CHECK_THROWS_AS(generate_api_key([](auto) { return false; }), RandomnessError);
  }
  SUBCASE("after it returned unusable bytes") {
    int calls = 0;
    const RandomSource source = [&](std::span<std::uint8_t> bytes) {
      std::ranges::fill(bytes, std::uint8_t{255});
      return ++calls < 3;
    };
    CHECK_THROWS_AS(generate_api_key(source), RandomnessError);
    CHECK(calls == 3);
  }
  SUBCASE("after it returned a part of the key") {
    int calls = 0;
    const RandomSource source = [&](std::span<std::uint8_t> bytes) {
      std::ranges::fill(bytes, std::uint8_t{255});
      bytes[0] = 1;
      return ++calls < 28;
    };
    CHECK_THROWS_AS(generate_api_key(source), RandomnessError);
  }
}

TEST_CASE("Text is a key only if it is exactly a key") {
  const std::string key(kSomeApiKey);
  struct Row {
    std::string text;
    bool is_key;
  };
  const std::vector<Row> rows{
      {key, true},
      {"fc_live_abcdefghijklmnopqrstuvwxyz01", true},
      {"fc_live_ABCDEFGHIJKLMNOPQRSTUVWXYZ89", true},
      {"", false},
      {"fc_live_", false},
      {key.substr(0, 35), false},
      {key + "S", false},
      {key + "\n", false},
      {key + std::string(1, '\0'), false},
      {" " + key, false},
      {" " + key.substr(0, 35), false},
      {"FC_LIVE_0123456789ABCDEFGHIJKLMNOPQR", false},
      {"fc_test_0123456789ABCDEFGHIJKLMNOPQR", false},
      {"fc-live-0123456789ABCDEFGHIJKLMNOPQR", false},
      {"fc_live_0123456789ABCDEFGHIJKLMNOPQ_", false},
      {"fc_live_0123456789ABCDEFGHIJKLMNOPQ-", false},
      {"fc_live_0123456789ABCDEFGHIJKLMNOPQ ", false},
      {"fc_live_0123456789ABCDEFGHIJKLMNOPQ\n", false},
      {"fc_live_0123456789ABCDEFGHIJKLMNOP\xC3\xA9", false},
      {"fc_live_" + std::string(28, '\0'), false},
      {"fc_live_0123456789:BCDEFGHIJKLMNOPQR", false},
      {"fc_live_0123456789@BCDEFGHIJKLMNOPQR", false},
      {"fc_live_0123456789[BCDEFGHIJKLMNOPQR", false},
      {"fc_live_0123456789`BCDEFGHIJKLMNOPQR", false},
      {"fc_live_0123456789{BCDEFGHIJKLMNOPQR", false},
      {std::string(1'000'000, 'a'), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 50));
    CHECK(is_api_key(row.text) == row.is_key);
  }
}

TEST_CASE("A key is found anywhere in a text") {
  const std::string key(kSomeApiKey);
  struct Row {
    std::string text;
    bool contains;
  };
  const std::vector<Row> rows{
      {key, true},
      {"key=" + key + "&x", true},
      {key + "TheTextGoesOn", true},
      {"xfc_live_" + key, true},
      {"fc_live_" + key, true},
      {"fc_live_fc_live_fc_live_" + key, true},
      {key.substr(0, 35) + key, true},
      {std::string(1, '\0') + key, true},
      {std::string(10'000, 'f') + key, true},
      {"", false},
      {"fc_live_", false},
      {key.substr(0, 35), false},
      {key.substr(0, 35) + " " + key.substr(35), false},
      {key.substr(1), false},
      {"FC_LIVE_" + key.substr(8), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 80));
    CHECK(contains_api_key(row.text) == row.contains);
  }
}

TEST_CASE("The hash of a key is the SHA-256 of all its characters") {
  struct Row {
    std::string_view text;
    std::string_view hash;
  };
  for (const Row& row :
       {Row{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        Row{kSomeApiKey, "f70a4f458ddd8a5b4be10e618cb9055e60ccd48311042f2980ef74c5ba9dd9b1"},
        Row{"fc_live_abcdefghijklmnopqrstuvwxyz01",
            "d735f0348bc4770d5d1a7711d43f10ddf6e81b9f468cd86a06f6a063f792c514"}}) {
    CAPTURE(row.text);
    CHECK(to_hex(hash_api_key(row.text)) == row.hash);
  }
}

TEST_CASE("Only the last four characters of a key are shown") {
  CHECK(last_four(kSomeApiKey) == "OPQR");
}

}  // namespace
}  // namespace nexakey::core
