#include "core/text.h"

#include <algorithm>

#include <utf8proc.h>

#include "core/credential.h"

namespace nexakey::core {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::size_t kMaxQuoteLength = 64;

struct Character {
  std::string_view bytes;
  bool printable = false;
  std::size_t columns = 1;
};

bool is_printable_code_point(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

/// The columns of a character. The vowels and final consonants of Hangul that are characters of
/// their own (Jamo, Unicode 3.12) are drawn into the syllable of the leading consonant.
std::size_t columns_of(utf8proc_int32_t code_point) {
  const bool is_conjoining = (code_point >= 0x1160 && code_point <= 0x11FF) ||
                             (code_point >= 0xD7B0 && code_point <= 0xD7FB);
  return is_conjoining ? 0 : static_cast<std::size_t>(std::max(0, utf8proc_charwidth(code_point)));
}

bool is_printable_ascii(char c) { return c >= 0x20 && c < 0x7F; }

/// Removes the first character of `text`, or one byte of invalid UTF-8.
Character take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  Character character;
  std::size_t length = 1;
  if (first < 0x80) {
    character.printable = is_printable_ascii(text.front());
  } else {
    utf8proc_int32_t code_point = -1;
    const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code_point);
    if (read > 0) {
      length = static_cast<std::size_t>(read);
      character.printable = is_printable_code_point(code_point);
      character.columns = columns_of(code_point);
    }
  }
  character.bytes = text.substr(0, length);
  text.remove_prefix(length);
  return character;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

bool is_printable(std::string_view text) {
  for (;;) {
    // Most texts are ASCII.
    text.remove_prefix(std::ranges::find_if_not(text, is_printable_ascii) - text.begin());
    if (text.empty()) {
      return true;
    }
    if (!take_character(text).printable) {
      return false;
    }
  }
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    take_character(text);
  }
  return count;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    columns += take_character(text).columns;
  }
  return columns;
}

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const Character character = take_character(text);
    safe += character.printable ? character.bytes : kReplacementCharacter;
  }
  return safe;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) {
    return std::string(text);
  }
  if (columns == 0) {
    return {};
  }
  std::string fitting;
  for (std::size_t used = 1; !text.empty();) {
    const Character character = take_character(text);
    used += character.columns;
    if (used > columns) {
      break;
    }
    fitting += character.bytes;
  }
  return fitting += kEllipsis;
}

std::string quote(std::string_view raw) {
  const std::string masked = mask_credentials(std::string(raw));
  std::string_view text = masked;
  std::string quoted = "\"";
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == kMaxQuoteLength) {
      quoted += kEllipsis;
      break;
    }
    const Character character = take_character(text);
    quoted += character.printable ? character.bytes : kReplacementCharacter;
  }
  return quoted += '"';
}

}  // namespace nexakey::core
