#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace nexakey::scan {

/// Searches for patterns of three or more bytes each in one pass, as fast as for one pattern. With
/// AVX2 it is faster than memory. The algorithm is that of Teddy in Hyperscan: a table look-up for
/// each half of each byte gives the groups of patterns that may have it there, one bit per group.
/// The patterns are compared only where the first three bytes of one of their group may match, so
/// that similar patterns should be in one group.
class Fingerprints {
 public:
  static constexpr std::size_t kLength = 3;  ///< the bytes that are compared in blocks
  static constexpr std::size_t kGroups = 8;

  struct Pattern {
    std::string_view bytes;
    std::size_t group = 0;
  };

  /// The patterns must be in the order of their groups, and outlive this object.
  constexpr explicit Fingerprints(std::span<const Pattern> patterns) : patterns_(patterns) {
    for (const Pattern& pattern : patterns) {
      const auto bit = static_cast<std::uint8_t>(1U << pattern.group);
      for (std::size_t i = 0; i < kLength; ++i) {
        const auto byte = static_cast<std::uint8_t>(pattern.bytes[i]);
        low_[i][byte & 0xFU] = static_cast<std::uint8_t>(low_[i][byte & 0xFU] | bit);
        high_[i][byte >> 4U] = static_cast<std::uint8_t>(high_[i][byte >> 4U] | bit);
      }
      for (std::size_t i = 0; i < std::min(bytes_.size(), pattern.bytes.size()); ++i) {
        auto& groups = bytes_[i][static_cast<std::uint8_t>(pattern.bytes[i])];
        groups = static_cast<std::uint8_t>(groups | bit);
      }
      if (pattern.bytes.size() == kLength) {
        for (std::uint8_t& groups : bytes_[kLength]) {
          groups = static_cast<std::uint8_t>(groups | bit);
        }
      }
      for (std::size_t next = pattern.group + 1; next <= kGroups; ++next) {
        ++first_[next];
      }
    }
  }

  struct Hit {
    std::size_t offset = 0;
    std::size_t pattern = 0;  ///< its index in the list
  };
  /// The first match from `from` on.
  [[nodiscard]] std::optional<Hit> find(std::string_view text, std::size_t from) const;

 private:
  /// The first pattern of these groups that matches at `at`, where at least three bytes must be
  /// left.
  [[nodiscard]] std::optional<std::size_t> match(unsigned groups, std::string_view text,
                                                 std::size_t at) const;
  /// The first match from `from` on within complete blocks; if there is none, the end of the
  /// blocks.
  [[nodiscard]] std::size_t skip_blocks(std::string_view text, std::size_t from) const;

  using Table = std::array<std::uint8_t, 16>;
  alignas(16) std::array<Table, kLength> low_{};   // by the lower four bits of a byte
  alignas(16) std::array<Table, kLength> high_{};  // by the upper four
  std::array<std::array<std::uint8_t, 256>, kLength + 1> bytes_{};  // by a whole byte
  std::span<const Pattern> patterns_;
  std::array<std::size_t, kGroups + 1> first_{};  // the index of the first pattern of each group
};

}  // namespace nexakey::scan
