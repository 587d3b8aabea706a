#include "scan/fingerprints.h"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::scan {
namespace {

using Hits = std::vector<std::pair<std::size_t, std::size_t>>;

Hits hits_in(const Fingerprints& fingerprints, std::string_view text) {
  Hits hits;
  for (auto hit = fingerprints.find(text, 0); hit; hit = fingerprints.find(text, hit->offset + 1)) {
    hits.emplace_back(hit->offset, hit->pattern);
  }
  return hits;
}

/// The same, simple and slow.
Hits expected_hits(const std::vector<std::string>& patterns, std::string_view text) {
  Hits hits;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t pattern = 0; pattern < patterns.size(); ++pattern) {
      if (text.substr(at).starts_with(patterns[pattern])) {
        hits.emplace_back(at, pattern);
        break;
      }
    }
  }
  return hits;
}

TEST_CASE("A fingerprint is found anywhere, within a block or after the last one") {
  constexpr Fingerprints kFingerprints{"abc", "xyz"};
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

TEST_CASE("The fourth byte of a pattern counts, where a block ends and where the text does") {
  constexpr Fingerprints kFingerprints{"abcd", "abd"};
  for (std::size_t at = 0; at <= 100; ++at) {
    const std::string front(at, '-');
    CAPTURE(at);
    CHECK(hits_in(kFingerprints, front + "abcd" + front) == Hits{{at, 0}});
    CHECK(hits_in(kFingerprints, front + "abd") == Hits{{at, 1}});
    CHECK(hits_in(kFingerprints, front + "abc" + front).empty());
    CHECK(hits_in(kFingerprints, front + "abcabcd") == Hits{{at + 3, 0}});
  }
}

TEST_CASE("Of eight patterns, with any bytes, each is told from the others") {
  const std::vector<std::string> patterns{"abc",          "abda",          "bcd", {"\0\0\0\0", 4},
                                          "\xFF\xFE\xFF", {"\0\xFF\0", 3}, "ABC", "zzz"};
  const Fingerprints fingerprints{patterns[0], patterns[1], patterns[2], patterns[3],
                                  patterns[4], patterns[5], patterns[6], patterns[7]};
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
