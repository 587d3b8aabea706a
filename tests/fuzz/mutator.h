#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/environment.h"

namespace nexakey::test {

/// The number of inputs of a test.
inline std::uint64_t fuzz_inputs(std::uint64_t otherwise) {
  return environment_number("NEXAKEY_FUZZ_INPUTS", otherwise);
}

/// Changes texts at random; the same seed makes the same changes.
class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::vector<std::string> words)
      : random_(environment_number("NEXAKEY_FUZZ_SEED", 1)),
        seeds_(std::move(seeds)),
        words_(std::move(words)) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  /// One of the seeds with up to eight changes.
  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (auto changes = below(8); changes > 0; --changes) {
      change(text);
    }
    return text;
  }

 private:
  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(below(16) == 0 ? 4096 : 8);
    switch (below(7)) {
      case 0:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 1:
        text.insert(at, words_[below(words_.size())]);
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      case 4:
        text.insert(at, length, static_cast<char>(below(256)));
        break;
      case 5:
        text += seeds_[below(seeds_.size())];
        break;
      default:
        if (at < text.size()) {
          text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        }
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> seeds_;
  std::vector<std::string> words_;
};

}  // namespace nexakey::test
