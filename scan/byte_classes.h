#pragma once

#include <cstddef>
#include <string_view>

#include "scan/simd.h"

namespace nexakey::scan {

/// How many bytes are classified at once.
inline constexpr std::size_t kBlock = 32;
/// The minimum number of digits of an encoded text that is looked for: 40 bytes are 54 digits of
/// base64.
inline constexpr std::size_t kMinDigits = 52;

/// Whether a byte may be in a text of digits: one of base64, of either alphabet, or the first of an
/// escape.
bool is_of_digits(char c);

struct ByteClasses {
  /// The first block in which there are kMinDigits digits, with those before it; npos if none.
  std::size_t digits = std::string_view::npos;
  bool has_binary = false;  ///< whether there is a byte that ASCII text does not have
};
/// Classifies whole blocks, up to the first one that completes kMinDigits digits. `before`: how
/// many digits are before the blocks; afterwards, at their end. As fast as memory with AVX2. The
/// processor must have the instructions `simd`.
ByteClasses classify(std::string_view blocks, std::size_t& before, Simd simd = best_simd());

}  // namespace nexakey::scan
