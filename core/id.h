#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/random.h"

namespace nexakey::core {

/// An id: 60 random bits, written as the prefix of its kind and 12 lower-case characters of
/// Crockford's base32 (https://www.crockford.com/base32.html).
template <typename Kind>
class Id {
 public:
  static constexpr std::string_view kPrefix = Kind::kPrefix;
  static constexpr std::size_t kDigits = 12;
  static constexpr std::int64_t kMaxBits = (std::int64_t{1} << 60) - 1;

  constexpr Id() = default;
  /// `bits` must be from 0 to kMaxBits.
  constexpr explicit Id(std::int64_t bits) : bits_(bits) {}

  /// Throws RandomnessError if `random` fails.
  static Id generate(const RandomSource& random);
  /// Reads exactly the written form; nothing for any other text.
  static std::optional<Id> parse(std::string_view text);

  [[nodiscard]] constexpr std::int64_t bits() const { return bits_; }
  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& text) const;

  friend constexpr auto operator<=>(const Id&, const Id&) = default;

 private:
  std::int64_t bits_ = 0;
};

/// The ids that begin with the same characters: a range of numbers that includes both ends.
template <typename Kind>
struct IdRange {
  Id<Kind> first;
  Id<Kind> last;
  [[nodiscard]] bool contains(Id<Kind> id) const { return first <= id && id <= last; }

  /// The range for a beginning such as `key_9f3k`: the prefix and 4 to 12 characters. Nothing for
  /// any other text.
  static std::optional<IdRange> parse(std::string_view text);
};

struct KeyKind {
  static constexpr std::string_view kPrefix = "key_";
};
struct TokenKind {
  static constexpr std::string_view kPrefix = "tok_";
};
struct ImportKind {
  static constexpr std::string_view kPrefix = "imp_";
};

using KeyId = Id<KeyKind>;
using KeyIdRange = IdRange<KeyKind>;
using TokenId = Id<TokenKind>;
using TokenIdRange = IdRange<TokenKind>;
using ImportId = Id<ImportKind>;

}  // namespace nexakey::core
