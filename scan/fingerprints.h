#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace nexakey::scan {

/// Searches for up to eight patterns of three or four bytes each in one pass, as fast as for one
/// pattern. With AVX2 it is faster than memory. The algorithm is that of Teddy in Hyperscan: a
/// table look-up for each half of each byte gives the patterns that may have it there, one bit per
/// pattern. The fourth byte is compared only where the first three match.
class Fingerprints {
 public:
  static constexpr std::size_t kLength = 3;  ///< the bytes that are compared in blocks
  static constexpr std::size_t kMaxCount = 8;

  constexpr Fingerprints(std::initializer_list<std::string_view> patterns) {
    std::uint8_t bit = 1;
    for (const std::string_view pattern : patterns) {
      for (std::size_t i = 0; i < kLength; ++i) {
        const auto byte = static_cast<std::uint8_t>(pattern[i]);
        low_[i][byte & 0xFU] = static_cast<std::uint8_t>(low_[i][byte & 0xFU] | bit);
        high_[i][byte >> 4U] = static_cast<std::uint8_t>(high_[i][byte >> 4U] | bit);
      }
      for (std::size_t byte = 0; byte < fourth_.size(); ++byte) {
        const bool has_it =
            pattern.size() == kLength || byte == static_cast<std::uint8_t>(pattern[kLength]);
        fourth_[byte] = static_cast<std::uint8_t>(fourth_[byte] | (has_it ? bit : 0U));
      }
      has_three_ = static_cast<std::uint8_t>(has_three_ | (pattern.size() == kLength ? bit : 0U));
      bit = static_cast<std::uint8_t>(bit << 1U);
    }
  }

  struct Hit {
    std::size_t offset = 0;
    std::size_t pattern = 0;  ///< its index in the list
  };
  /// The first match from `from` on.
  [[nodiscard]] std::optional<Hit> find(std::string_view text, std::size_t from) const;

 private:
  /// The patterns that match at `at`, where at least three bytes must be left.
  [[nodiscard]] unsigned patterns_at(std::string_view text, std::size_t at) const;
  /// Of `patterns`, whose first three bytes match at `at`, those that match completely.
  [[nodiscard]] unsigned with_fourth(unsigned patterns, std::string_view text,
                                     std::size_t at) const;
  /// The first match from `from` on within complete blocks; if there is none, the end of the
  /// blocks.
  [[nodiscard]] std::size_t skip_blocks(std::string_view text, std::size_t from) const;

  using Table = std::array<std::uint8_t, 16>;
  alignas(16) std::array<Table, kLength> low_{};   // by the lower four bits of a byte
  alignas(16) std::array<Table, kLength> high_{};  // by the upper four
  std::array<std::uint8_t, 256> fourth_{};
  std::uint8_t has_three_ = 0;  // the patterns that have no fourth byte
};

}  // namespace nexakey::scan
