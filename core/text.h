#pragma once

#include <charconv>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nexakey::core {

/// U+FFFD, which replaces a character that cannot be shown.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// An ASCII letter in lower case; any other byte unchanged. Does not depend on the locale.
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
/// An ASCII letter in upper case; any other byte unchanged.
constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Whether `c` is one of [0-9], or of [0-9A-Za-z]. Does not depend on the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// A number that is the whole text, in decimal digits; a signed one may begin with `-`.
template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && parsed == end ? std::optional(number) : std::nullopt;
}

/// The parts of `text` between separators; "" has one part, "".
std::vector<std::string_view> split(std::string_view text, char separator);

/// The parts, which are texts of any type, with `separator` between them.
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

/// The number of characters in `text`; each byte of invalid UTF-8 counts as one.
std::size_t count_characters(std::string_view text);

/// The number of columns of `text` on a terminal (Unicode TR11).
std::size_t display_width(std::string_view text);

/// `text` with U+FFFD in place of each character that is not printable: safe for a terminal.
std::string printable(std::string_view text);

/// `text`, or its beginning with an ellipsis, in at most `columns` columns.
std::string fit(std::string_view text, std::size_t columns);

/// User input for a message: printable, at most 64 characters, in double quotes. Keys and tokens in
/// it are masked, because they may have been pasted into the wrong place.
std::string quote(std::string_view text);

}  // namespace nexakey::core
