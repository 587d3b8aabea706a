#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "scan/leak.h"

namespace nexakey::scan {

// Each decoder returns one character of a possible key at a time, and nothing where its encoding
// ends. Within the key, ends of lines and what stands between lines are skipped; behind it, they
// end the text.

/// Text, whose characters may be escaped.
class TextDecoder {
 public:
  explicit TextDecoder(std::string_view text) : text_(text) {}
  std::optional<char> next();
  /// The last escape that is not plain.
  [[nodiscard]] LeakForm form() const { return form_; }

 private:
  char take(std::size_t size, char value);

  std::string_view text_;
  std::size_t taken_ = 0;
  LeakForm form_ = LeakForm::plain;
};

/// Characters of two or four bytes. From the first character on, both byte orders are the same:
/// zeros between any two characters.
class WideDecoder {
 public:
  WideDecoder(std::string_view text, std::size_t width) : text_(text), width_(width) {}
  std::optional<char> next();

 private:
  std::string_view text_;
  std::size_t width_;
  std::size_t at_ = 0;
};

/// Reads the digits of an encoding.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}
  /// The next digit; zero at the end. Skips what stands between it and the last one if `in_key`.
  char take(bool in_key);
  /// Skips these characters if they are next.
  void skip(std::string_view prefix);

 private:
  std::string_view text_;
  bool is_first_ = true;
};

class HexDecoder {
 public:
  explicit HexDecoder(std::string_view text) : digits_(text) {}
  std::optional<char> next();

 private:
  Digits digits_;
  std::size_t taken_ = 0;
};

/// The two alphabets differ in the digits 62 and 63, which the encoding of a key never has.
class Base64Decoder {
 public:
  /// `known`: the number of bits of the key that belong to the digit before the text.
  Base64Decoder(std::string_view text, unsigned known);
  std::optional<char> next();

 private:
  Digits digits_;
  std::size_t taken_ = 0;
  unsigned bits_;
  unsigned count_;
};

/// Decimal numbers with commas between them.
class DecimalDecoder {
 public:
  explicit DecimalDecoder(std::string_view text) : text_(text) {}
  std::optional<char> next();

 private:
  std::string_view text_;
  bool is_first_ = true;
};

}  // namespace nexakey::scan
