#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace nexakey::core {

/// U+FFFD: what stands in place of a character that can't be shown.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// A letter of ASCII in lower case; every other byte unchanged. Does not depend on the locale.
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
/// A letter of ASCII in upper case; the same otherwise.
constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Whether `c` is one of [0-9A-Za-z]. Does not depend on the locale.
constexpr bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// The parts of `text` between separators; "" has one part, "".
std::vector<std::string_view> split(std::string_view text, char separator);

/// The parts, which are texts of whatever type, with `separator` between them.
template <typename Parts = std::initializer_list<std::string_view>>
std::string join(const Parts& parts, std::string_view separator) {
  std::string joined;
  bool is_first = true;
  for (const std::string_view part : parts) {
    joined += is_first ? std::string_view() : separator;
    joined += part;
    is_first = false;
  }
  return joined;
}

/// Whether `text` is valid UTF-8 (RFC 3629) of printable characters only: no control, format (such
/// as a change of direction), private or unassigned characters, and no line separators.
bool is_printable(std::string_view text);

/// How many characters `text` has; what is not UTF-8 counts a character a byte.
std::size_t count_characters(std::string_view text);

/// How many columns a terminal needs for `text` (Unicode TR11).
std::size_t display_width(std::string_view text);

/// `text` with each character that is not printable as U+FFFD: safe for a terminal.
std::string printable(std::string_view text);

/// The beginning of `text` that fits `columns`, with an ellipsis in place of what was cut.
std::string fit(std::string_view text, std::size_t columns);

/// User input for a message: printable, at most 64 characters of it, in double quotes. A key
/// or a token in it is masked, for it may well have been pasted into the wrong place.
std::string quote(std::string_view text);

}  // namespace nexakey::core
