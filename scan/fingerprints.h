#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "scan/simd.h"

namespace nexakey::scan {

/// Searches for patterns of three or more bytes each in one pass, as fast as for one pattern. With
/// AVX2 it is faster than memory. The algorithm is that of Teddy in Hyperscan: a table look-up for
/// each half of each byte gives the groups of patterns that may have it there, one bit per group.
/// With AVX-512 VBMI, one look-up for each byte does. The patterns are compared only where the
/// first bytes of one of their group may match, so that similar patterns should be in one group.
class Fingerprints {
 public:
  static constexpr std::size_t kLength = 3;  ///< the least bytes of a pattern
  static constexpr std::size_t kGroups = 8;
  static constexpr std::size_t kMaxPatterns = 96;

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
      const bool has_fourth = pattern.bytes.size() > kLength;
      if (!has_fourth) {
        for (std::uint8_t& groups : bytes_[kLength]) {
          groups = static_cast<std::uint8_t>(groups | bit);
        }
      }
      for (std::size_t next = pattern.group + 1; next <= kGroups; ++next) {
        ++first_[next];
      }
      heads_.at(static_cast<std::size_t>(&pattern - patterns.data())) = {
          head_of(pattern.bytes), has_fourth ? UINT32_MAX : UINT32_MAX >> 8U};
    }
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      for (std::size_t byte = 0; byte < bytes_[i].size(); ++byte) {
        auto& groups = folded_[i][byte % folded_[i].size()];
        groups = static_cast<std::uint8_t>(groups | bytes_[i][byte]);
      }
    }
  }

  struct Hit {
    std::size_t offset = 0;
    std::size_t pattern = 0;  ///< its index in the list
  };
  /// The first match from `from` on. The processor must have the instructions `simd`.
  [[nodiscard]] std::optional<Hit> find(std::string_view text, std::size_t from,
                                        Simd simd = best_simd()) const;

 private:
  /// The groups of the patterns that have the first bytes of a text, of which there are at least
  /// three.
  [[nodiscard]] unsigned groups_at(std::string_view text) const {
    unsigned groups = bytes_[0][static_cast<std::uint8_t>(text[0])] &
                      bytes_[1][static_cast<std::uint8_t>(text[1])] &
                      unsigned{bytes_[2][static_cast<std::uint8_t>(text[2])]};
    return text.size() == kLength ? groups : groups & bytes_[3][static_cast<std::uint8_t>(text[3])];
  }
  /// The first pattern that a text begins with, which has at least three bytes.
  [[nodiscard]] std::optional<std::size_t> match(std::string_view text) const;
  /// The first place from `from` on where a pattern may be, or the end of the text: others are
  /// skipped in blocks.
  [[nodiscard]] std::size_t skip(std::string_view text, std::size_t from, Simd simd) const;

  /// The first three or four bytes of a text as a number.
  static constexpr std::uint32_t head_of(std::string_view text) {
    std::uint32_t head = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(text.size(), sizeof head); ++i) {
      head |= std::uint32_t{static_cast<std::uint8_t>(text[i])} << (8 * i);
    }
    return head;
  }
  /// What a text with a pattern has as its head, where the mask is set.
  struct Head {
    std::uint32_t bytes = 0;
    std::uint32_t mask = 0;
  };

  using Table = std::array<std::uint8_t, 16>;
  using FoldedTable = std::array<std::uint8_t, 128>;
  alignas(16) std::array<Table, kLength> low_{};   // by the lower four bits of a byte
  alignas(16) std::array<Table, kLength> high_{};  // by the upper four
  std::array<std::array<std::uint8_t, 256>, kLength + 1> bytes_{};  // by a whole byte
  alignas(64) std::array<FoldedTable, kLength + 1> folded_{};       // by its lower seven bits
  std::span<const Pattern> patterns_;
  std::array<Head, kMaxPatterns> heads_{};
  std::array<std::size_t, kGroups + 1> first_{};  // the index of the first pattern of each group
};

}  // namespace nexakey::scan
