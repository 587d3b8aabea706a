#include "scan/encodings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/digit_values.h"
#include "core/text.h"
#include "scan/base64.h"
#include "scan/byte_classes.h"
#include "scan/characters.h"

namespace nexakey::scan {
namespace {

constexpr std::size_t kMaxBetweenLines = 64;
/// What is looked at behind a digit to tell whether another one follows: escapes are longer.
constexpr std::size_t kLookAhead = 2 * kMaxBetweenLines;

bool is_separator(char c) { return c == '+' || c == '/' || c == '-' || c == '_'; }

struct WideMark {
  std::string_view bytes;
  Encoding encoding;
};
constexpr std::array<WideMark, 4> kMarks{{{{"\xFF\xFE\0\0", 4}, Encoding::utf32_le},
                                          {{"\0\0\xFE\xFF", 4}, Encoding::utf32_be},
                                          {"\xFF\xFE", Encoding::utf16_le},
                                          {"\xFE\xFF", Encoding::utf16_be}}};

/// The places in groups of four bytes that are zero in most of them, one bit for each.
unsigned zero_places(std::string_view head) {
  constexpr std::size_t kGroup = 4;
  std::array<std::size_t, kGroup> zeros{};
  const std::size_t groups = head.size() / kGroup;
  for (std::size_t at = 0; at < groups * kGroup; ++at) {
    zeros[at % kGroup] += head[at] == '\0' ? 1 : 0;
  }
  unsigned places = 0;
  for (std::size_t place = 0; place < kGroup; ++place) {
    const bool is_zero = zeros[place] * 8 > groups * 7;
    const bool is_other = zeros[place] * 8 < groups;
    places |= is_zero ? 1U << place : is_other ? 0U : 0x10U;
  }
  return places;
}

/// What the digits look like.
struct Looks {
  bool has_lower = false;
  bool has_upper = false;
  bool has_digit = false;
  bool is_hex = true;
};
Looks looks_of(std::string_view digits) {
  Looks looks;
  for (const char c : digits) {
    looks.has_lower = looks.has_lower || (c >= 'a' && c <= 'z');
    looks.has_upper = looks.has_upper || (c >= 'A' && c <= 'Z');
    looks.has_digit = looks.has_digit || core::is_digit(c);
    looks.is_hex = looks.is_hex && core::hex_value(c) >= 0;
  }
  return looks;
}

/// The place behind escapes, words and separators before the digits, such as `/path/` or `sha512-`.
std::size_t skip_words(std::string_view text, std::size_t begin, std::size_t end) {
  constexpr std::size_t kMinWord = 3;
  constexpr std::string_view kXz = "/Td6WFo";  // the beginning of xz, in base64
  while (begin < end && core::base64_value(text[begin]) < 0) {
    begin += read_character(text.substr(begin)).size;
  }
  bool is_path = false;
  for (std::size_t at = begin; at < end && !text.substr(begin).starts_with(kXz); ++at) {
    const char c = text[at];
    if (is_separator(c)) {
      is_path = is_path || c == '/';
      begin = at == begin || is_path || at - begin >= kMinWord ? at + 1 : begin;
    } else if (!core::is_digit(c) && !(c >= 'a' && c <= 'z')) {
      break;
    }
  }
  return begin;
}

}  // namespace

LeakForm form_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::base64:
      return LeakForm::base64;
    case Encoding::hex:
      return LeakForm::hex;
    case Encoding::utf16_le:
    case Encoding::utf16_be:
      return LeakForm::utf16;
    case Encoding::utf32_le:
    case Encoding::utf32_be:
      break;
  }
  return LeakForm::utf32;
}

std::optional<Encoding> wide_encoding(std::string_view head) {
  for (const WideMark& mark : kMarks) {
    if (head.starts_with(mark.bytes)) {
      return mark.encoding;
    }
  }
  constexpr std::size_t kMinSize = 32;
  constexpr std::size_t kMaxSize = 256;
  const std::string_view first = head.substr(0, kMaxSize);
  if (first.size() < kMinSize || first.find('\0') == std::string_view::npos) {
    return std::nullopt;
  }
  switch (zero_places(first)) {
    case 0b1010:
      return Encoding::utf16_le;
    case 0b0101:
      return Encoding::utf16_be;
    case 0b1110:
      return Encoding::utf32_le;
    case 0b0111:
      return Encoding::utf32_be;
    default:
      return std::nullopt;
  }
}

std::optional<DigitRun> digit_run(std::string_view text, std::size_t at) {
  constexpr std::size_t kMinSize = 48;
  DigitRun run{at, at};
  while (run.begin > 0 && is_of_digits(text[run.begin - 1])) {
    --run.begin;
  }
  const std::size_t last = std::min(text.size(), at + kMaxRunHead);
  while (run.end < last && is_of_digits(text[run.end])) {
    ++run.end;
  }
  run.begin = skip_words(text, run.begin, run.end);
  if (run.end < run.begin + kMinSize) {
    return std::nullopt;
  }
  const Looks looks = looks_of(text.substr(run.begin, run.end - run.begin));
  run.encoding = looks.is_hex ? Encoding::hex : Encoding::base64;
  const bool is_mixed = looks.has_digit && looks.has_lower && looks.has_upper;
  return looks.is_hex || is_mixed ? std::optional(run) : std::nullopt;
}

char line_mark(std::string_view text, std::size_t run) {
  constexpr std::size_t kMaxLine = 1024;
  const std::size_t first = run - std::min(run, kMaxLine);
  const std::size_t before = text.substr(first, run - first).rfind('\n');
  const std::size_t behind = text.substr(run, kMaxLine).find('\n');
  if (behind == std::string_view::npos || run + behind + 1 == text.size() ||
      (before == std::string_view::npos && first > 0)) {
    return '\0';
  }
  const char mark = text[before == std::string_view::npos ? first : first + before + 1];
  const bool is_mark = (mark == '+' || mark == '-') && text[run + behind + 1] == mark;
  return is_mark ? mark : '\0';
}

core::Result<std::size_t> DecodingSource::read(char* buffer, std::size_t size) {
  while (given_ == output_.size() && !is_over_) {
    output_.clear();
    given_ = 0;
    if (const auto filled = refill(); !filled) {
      return tl::unexpected(filled.error());
    }
    decode();
    is_over_ = is_over_ || (at_end_ && input_.size() < sizeof(char32_t));
  }
  const std::size_t count = std::min(size, output_.size() - given_);
  std::memcpy(buffer, output_.data() + given_, count);
  given_ += count;
  return count;
}

core::Result<void> DecodingSource::refill() {
  constexpr std::size_t kPiece = 16384;
  const std::size_t left = input_.size();
  input_.resize(left + kPiece);
  const auto count = source_->read(input_.data() + left, kPiece);
  input_.resize(left + count.value_or(0));
  at_end_ = count.value_or(0) == 0;
  return count.map([](std::size_t) {});
}

void DecodingSource::decode() {
  switch (encoding_) {
    case Encoding::base64:
      return decode_digits(6);
    case Encoding::hex:
      return decode_digits(4);
    default:
      return decode_wide(form_of(encoding_) == LeakForm::utf16 ? 2 : 4,
                         encoding_ == Encoding::utf16_be || encoding_ == Encoding::utf32_be);
  }
}

void DecodingSource::add(unsigned digit, unsigned bits) {
  ++digits_;
  bits_ = (bits_ << bits) | digit;
  count_ += bits;
  if (count_ >= 8) {
    count_ -= 8;
    output_ += static_cast<char>((bits_ >> count_) & 0xFFU);
  }
}

void DecodingSource::decode_digits(unsigned bits) {
  const auto value_of = [&](char c) {
    return bits == 6 ? core::base64_value(c) : core::hex_value(c);
  };
  std::size_t at = 0;
  while (at < input_.size()) {
    if (bits == 6 && count_ == 0) {
      at += decode_groups(at);
      if (at == input_.size()) {
        break;
      }
    }
    if (const int value = value_of(input_[at]); value >= 0) {
      add(static_cast<unsigned>(value), bits);
      ++at;
      continue;
    }
    if (!at_end_ && input_.size() - at < kLookAhead) {
      break;
    }
    const std::string_view rest = std::string_view(input_).substr(at);
    const bool is_padding = rest.front() == '=' && bits == 6 && digits_ % 4 != 0;
    const Character escaped = is_padding ? Character{'='} : read_character(rest);
    if (escaped.form != LeakForm::plain && value_of(escaped.value) >= 0) {
      add(static_cast<unsigned>(value_of(escaped.value)), bits);
      at += escaped.size;
      continue;
    }
    const std::size_t size = is_padding ? 0 : between(rest);
    at += size;
    if (size == 0) {
      is_over_ = true;
      break;
    }
  }
  consumed_ += at;
  input_.erase(0, at);
}

std::size_t DecodingSource::decode_groups(std::size_t begin) {
  constexpr std::size_t kRoom = 8;  // see decode_base64
  const std::string_view input = input_;
  const std::size_t size = output_.size();
  output_.resize(size + (input.size() - begin) + kRoom);
  std::size_t at = begin;
  std::size_t end = size;
  for (;;) {
    const std::size_t count = decode_base64(input.substr(at), output_.data() + end);
    at += count;
    end += count / 4 * 3;
    // Most lines end so.
    if (count == 0 || at + 1 >= input.size() || input[at] != '\n' ||
        !core::is_alphanumeric(input[at + 1])) {
      break;
    }
    ++at;
  }
  output_.resize(end);
  digits_ += (end - size) / 3 * 4;
  return at - begin;
}

std::size_t DecodingSource::between(std::string_view text) const {
  constexpr std::size_t kMaxSeparators = 8;
  bool has_end = false;
  std::size_t quotes = 0;
  char last = '\0';
  for (std::size_t at = 0; at < std::min(text.size(), kMaxBetweenLines);) {
    const Character next = read_character(text.substr(at));
    const bool is_line_mark = last == '\n' && next.value == mark_ && mark_ != '\0';
    const std::size_t separators =
        is_line_mark ? 0 : std::min(text.find_first_not_of("+/-_", at), text.size()) - at;
    const bool is_digits =
        core::is_alphanumeric(next.value) ||
        (separators > 0 && separators < kMaxSeparators && at + separators < text.size() &&
         core::is_alphanumeric(text[at + separators]));
    if (is_digits) {
      return has_end || quotes > 1 ? at : 0;
    }
    if (std::string_view(" \t\r\n\"'`+/-_.,;&|\\>#*()~=").find(next.value) ==
        std::string_view::npos) {
      return 0;
    }
    // Behind a comma, the next of several texts begins.
    if (next.value == ',' && digits_ % 4 != 0) {
      return 0;
    }
    has_end = has_end || next.value == '\n' || next.value == '\r';
    quotes += next.value == '"' || next.value == '\'' ? 1 : 0;
    last = next.value;
    at += next.size;
  }
  return 0;
}

void DecodingSource::decode_wide(std::size_t width, bool big_endian) {
  constexpr char kOther = '\x1A';  // in place of characters that are not ASCII
  std::size_t at = 0;
  for (; at + width <= input_.size(); at += width) {
    const std::size_t low = big_endian ? at + width - 1 : at;
    const std::size_t zeros = big_endian ? at : at + 1;
    const bool is_ascii =
        std::all_of(input_.begin() + static_cast<std::ptrdiff_t>(zeros),
                    input_.begin() + static_cast<std::ptrdiff_t>(zeros + width - 1),
                    [](char c) { return c == '\0'; });
    output_ += is_ascii ? input_[low] : kOther;
  }
  consumed_ += at;
  input_.erase(0, at);
}

}  // namespace nexakey::scan
