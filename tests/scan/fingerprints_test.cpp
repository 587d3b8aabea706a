#include "scan/fingerprints.h"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/simd.h"
#include "tests/unit/support.h"

namespace nexakey::scan {
namespace {

using Hits = std::vector<std::pair<std::size_t, std::size_t>>;

Hits hits_in(const Fingerprints& fingerprints, std::string_view text, Simd simd) {
  Hits hits;
  for (auto hit = fingerprints.find(text, 0, simd); hit;
       hit = fingerprints.find(text, hit->offset + 1, simd)) {
    hits.emplace_back(hit->offset, hit->pattern);
  }
  return hits;
}

/// With all instructions.
Hits hits_in(const Fingerprints& fingerprints, std::string_view text) {
  Hits hits = hits_in(fingerprints, text, Simd::none);
  for (const Simd simd : test::all_simd()) {
    CHECK(hits_in(fingerprints, text, simd) == hits);
  }
  return hits;
}

/// The same, simple and slow.
Hits expected_hits(std::span<const Fingerprints::Pattern> patterns, std::string_view text) {
  Hits hits;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t pattern = 0; pattern < patterns.size(); ++pattern) {
      if (text.substr(at).starts_with(patterns[pattern].bytes)) {
        hits.emplace_back(at, pattern);
        break;
      }
    }
  }
  return hits;
}

TEST_CASE("A fingerprint is found anywhere, within a block or after the last one") {
  static constexpr std::array<Fingerprints::Pattern, 2> kPatterns{{{"abc", 0}, {"xyz", 5}}};
  constexpr Fingerprints kFingerprints(kPatterns);
  for (std::size_t size = 0; size <= 100; ++size) {
    CHECK(hits_in(kFingerprints, std::string(size, 'a')).empty());
    for (std::size_t at = 0; at + 3 <= size; ++at) {
      std::string text(size, '-');
      text.replace(at, 3, "xyz");
      CAPTURE(text);
      CHECK(hits_in(kFingerprints, text) == Hits{{at, 1}});
    }
  }
}

TEST_CASE("All bytes of a pattern count, where a block ends and where the text does") {
  static constexpr std::array<Fingerprints::Pattern, 2> kPatterns{{{"abcd", 0}, {"abd", 1}}};
  constexpr Fingerprints kFingerprints(kPatterns);
  for (std::size_t at = 0; at <= 100; ++at) {
    const std::string front(at, '-');
    CAPTURE(at);
    CHECK(hits_in(kFingerprints, front + "abcd" + front) == Hits{{at, 0}});
    CHECK(hits_in(kFingerprints, front + "abd") == Hits{{at, 1}});
    CHECK(hits_in(kFingerprints, front + "abc" + front).empty());
    CHECK(hits_in(kFingerprints, front + "abcabcd") == Hits{{at + 3, 0}});
  }
}

TEST_CASE("Of many patterns, with any bytes, in groups or not, each is told from the others") {
  const std::vector<Fingerprints::Pattern> patterns{
      {"abc", 0},          {"abda", 0},          {"bcdabc", 0}, {{"\0\0\0\0", 4}, 1},
      {"\xFF\xFE\xFF", 2}, {{"\0\xFF\0", 3}, 2}, {"ABC", 3},    {"zzz", 7},
  };
  const Fingerprints fingerprints(patterns);
  constexpr std::string_view kBytes("abcdABCz\0\xFF\xFE", 11);
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(core::test::below(random, 200), '\0');
    for (char& c : text) {
      c = kBytes[core::test::below(random, kBytes.size())];
    }
    CAPTURE(round);
    CHECK(hits_in(fingerprints, text) == expected_hits(patterns, text));
  }
}

}  // namespace
}  // namespace nexakey::scan
