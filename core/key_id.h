#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/random.h"

namespace nexakey::core {

/// The id of a key: 60 random bits, written `key_` and 12 lower-case characters of Crockford's
/// base32 (https://www.crockford.com/base32.html).
class KeyId {
 public:
  static constexpr std::string_view kPrefix = "key_";
  static constexpr std::size_t kDigits = 12;
  static constexpr std::int64_t kLargestBits = (std::int64_t{1} << 60) - 1;

  constexpr KeyId() = default;
  /// `bits` must be from 0 to kLargestBits.
  constexpr explicit KeyId(std::int64_t bits) : bits_(bits) {}

  /// Throws RandomnessError if `random` fails.
  static KeyId generate(const RandomSource& random);
  /// Exactly the written form, or nothing.
  static std::optional<KeyId> parse(std::string_view text);

  [[nodiscard]] constexpr std::int64_t bits() const { return bits_; }
  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& text) const;

  friend constexpr auto operator<=>(const KeyId&, const KeyId&) = default;

 private:
  std::int64_t bits_ = 0;
};

/// The ids that begin with the same characters are a range of numbers, both ends included.
struct KeyIdRange {
  KeyId first;
  KeyId last;
  [[nodiscard]] bool contains(KeyId id) const { return first <= id && id <= last; }
};

/// The range of a beginning such as `key_9f3k`: `key_` and 4 to 12 characters; else nothing.
std::optional<KeyIdRange> parse_key_id_prefix(std::string_view text);

}  // namespace nexakey::core
