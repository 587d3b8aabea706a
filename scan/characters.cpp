#include "scan/characters.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/digit_values.h"
#include "core/text.h"

namespace nexakey::scan {
namespace {

/// Reads an escape from a text, with the number of bytes that it takes.
class EscapeReader {
 public:
  EscapeReader(std::string_view text, LeakForm form) : text_(text), form_(form) {}

  bool skip(std::string_view expected) {
    const bool has_it = rest().starts_with(expected);
    at_ += has_it ? expected.size() : 0;
    return has_it;
  }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

  /// A number of `min` to `max` digits.
  std::optional<unsigned> number(unsigned base, std::size_t min, std::size_t max) {
    unsigned value = 0;
    std::size_t count = 0;
    for (; count < max && at_ < text_.size(); ++count, ++at_) {
      const int digit = core::hex_value(text_[at_]);
      if (digit < 0 || digit >= static_cast<int>(base)) {
        break;
      }
      value = value * base + static_cast<unsigned>(digit);
    }
    return count < min ? std::nullopt : std::optional(value);
  }
  /// The character with a code, which ends with `end`. Nothing if it is not ASCII.
  std::optional<Character> character(std::optional<unsigned> code, std::string_view end = "") {
    if (!code || *code > 0x7F || !skip(end)) {
      return std::nullopt;
    }
    return Character{static_cast<char>(*code), at_, form_};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  LeakForm form_;
};

std::optional<Character> read_percent(std::string_view text) {
  EscapeReader reader(text, LeakForm::percent);
  reader.skip("%");
  const auto is_percent_again = [&] {
    const std::string_view rest = reader.rest();
    return rest.starts_with("25") && rest.size() >= 4 && core::hex_value(rest[2]) >= 0 &&
           core::hex_value(rest[3]) >= 0;
  };
  while (is_percent_again()) {
    reader.skip("25");
  }
  return reader.character(reader.number(16, 2, 2));
}

std::optional<Character> read_html(std::string_view text) {
  struct Name {
    std::string_view name;
    char value;
  };
  constexpr std::array<Name, 8> kNames{{{"lowbar;", '_'},
                                        {"UnderBar;", '_'},
                                        {"NewLine;", '\n'},
                                        {"Tab;", '\t'},
                                        {"quot;", '"'},
                                        {"apos;", '\''},
                                        {"plus;", '+'},
                                        {"sol;", '/'}}};
  constexpr std::size_t kMaxDigits = 8;
  EscapeReader reader(text, LeakForm::html);
  reader.skip("&");
  while (reader.skip("amp;")) {
  }
  if (reader.skip("#")) {
    const bool is_hex = reader.skip("x") || reader.skip("X");
    return reader.character(reader.number(is_hex ? 16 : 10, 1, kMaxDigits), ";");
  }
  for (const Name& name : kNames) {
    if (reader.skip(name.name)) {
      return reader.character(static_cast<unsigned char>(name.value));
    }
  }
  return std::nullopt;
}

/// The character behind backslashes.
std::optional<Character> read_letter_escape(EscapeReader& reader) {
  struct Letter {
    std::string_view letter;
    char value;
  };
  constexpr std::array<Letter, 3> kLetters{{{"n", '\n'}, {"r", '\r'}, {"t", '\t'}}};
  constexpr std::size_t kMaxDigits = 8;
  for (const Letter& letter : kLetters) {
    if (reader.skip(letter.letter)) {
      return reader.character(static_cast<unsigned char>(letter.value));
    }
  }
  if (reader.skip("U")) {
    return reader.character(reader.number(16, kMaxDigits, kMaxDigits));
  }
  const bool is_short = reader.skip("x");
  if (!is_short && !reader.skip("u")) {
    return reader.character(reader.number(8, 1, 3));
  }
  if (reader.skip("{")) {
    return reader.character(reader.number(16, 1, kMaxDigits), "}");
  }
  const std::size_t size = is_short ? 2 : 4;
  return reader.character(reader.number(16, size, size));
}

bool is_punctuation(char c) { return c > ' ' && c <= '~' && !core::is_alphanumeric(c); }

std::optional<Character> read_backslash(std::string_view text) {
  constexpr std::size_t kMaxBackslashes = 8;
  EscapeReader reader(text, LeakForm::backslash);
  for (std::size_t count = 0; count < kMaxBackslashes && reader.skip("\\"); ++count) {
  }
  const std::string_view rest = reader.rest();
  if (!rest.empty() && is_punctuation(rest.front())) {
    const auto code = static_cast<unsigned char>(rest.front());
    reader.skip(rest.substr(0, 1));
    return reader.character(code);
  }
  return rest.empty() ? std::nullopt : read_letter_escape(reader);
}

std::optional<Character> read_quoted_printable(std::string_view text) {
  EscapeReader reader(text, LeakForm::quoted_printable);
  reader.skip("=");
  return reader.character(reader.number(16, 2, 2));
}

std::optional<Character> read_escape(std::string_view text) {
  switch (text.empty() ? '\0' : text.front()) {
    case '%':
      return read_percent(text);
    case '&':
      return read_html(text);
    case '\\':
      return read_backslash(text);
    case '=':
      return read_quoted_printable(text);
    default:
      return std::nullopt;
  }
}

bool is_escape_mark(char c) { return c == '%' || c == '&' || c == '\\' || c == '='; }

/// Reads an escape that is itself escaped, such as %26%2395%3B: at least its first character is.
std::optional<Character> read_again(std::string_view text) {
  constexpr std::size_t kMaxEscape = 10;
  std::string inner;
  std::array<std::size_t, kMaxEscape + 1> ends{};
  for (std::size_t at = 0; at < text.size() && inner.size() < kMaxEscape;) {
    const Character next = read_escape(text.substr(at)).value_or(Character{text[at]});
    inner += next.value;
    at += next.size;
    ends.at(inner.size()) = at;
  }
  auto escape = read_escape(inner);
  if (escape) {
    escape->size = ends.at(escape->size);
  }
  return escape;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::size_t count_blanks(std::string_view text) {
  const std::size_t end = text.find_first_not_of(" \t");
  return end == std::string_view::npos ? text.size() : end;
}

/// The size of a line end, which may be escaped; 0 if there is none.
std::size_t newline_size(std::string_view text) {
  std::size_t size = 0;
  if (!text.empty()) {
    const Character first = read_character(text);
    size = first.value == '\r' || first.value == '\n' ? first.size : 0;
    if (first.value == '\r' && size < text.size()) {
      const Character second = read_character(text.substr(size));
      size += second.value == '\n' ? second.size : 0;
    }
  }
  return size;
}

/// The marks at the beginning of a line in a diff, a quoted mail or a comment.
std::string_view line_marks(std::string_view text) {
  constexpr std::size_t kMaxSize = 16;
  text = text.substr(0, kMaxSize);
  return text.substr(0, text.find_first_not_of(" \t+->#*/|"));
}

/// A line end behind `=` or a backslash.
std::size_t continued_end(std::string_view text) {
  const std::size_t blanks = text.front() == '=' ? count_blanks(text.substr(1)) : 0;
  const std::size_t end = newline_size(text.substr(1 + blanks));
  return end == 0 ? 0 : 1 + blanks + end + line_marks(text.substr(1 + blanks + end)).size();
}

/// A line end, and the one blank that a folded line begins with.
std::size_t folded_end(std::string_view text) {
  const std::size_t end = newline_size(text);
  const std::string_view marks = end == 0 ? "" : line_marks(text.substr(end));
  const bool is_folded = !marks.empty() && is_blank(marks.back()) &&
                         (marks.size() == 1 || count_blanks(marks) != marks.size() ||
                          marks == "  ");  // the first is that of a diff
  return is_folded ? end + marks.size() : 0;
}

bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }

/// From a closing quote to the next opening one, if only blanks, line ends, operators and marks are
/// between them.
std::size_t literal_end(std::string_view text) {
  constexpr std::size_t kMaxSize = 96;
  text = text.substr(0, kMaxSize);
  const Character quote = read_character(text);
  if (!is_quote(quote.value)) {
    return 0;
  }
  for (std::size_t at = quote.size; at < text.size();) {
    const Character next = read_character(text.substr(at));
    at += next.size;
    if (next.value == quote.value) {
      return at;
    }
    if (std::string_view(" \t\r\n+.&|\\_><()#*/-~").find(next.value) == std::string_view::npos) {
      return 0;
    }
  }
  return 0;
}

}  // namespace

Character read_character(std::string_view text) {
  const auto escape = read_escape(text);
  if (!escape) {
    return Character{text.front()};
  }
  return is_escape_mark(escape->value) ? read_again(text).value_or(*escape) : *escape;
}

std::size_t soft_end(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  if (text.front() == '=' || text.front() == '\\') {
    if (const std::size_t size = continued_end(text); size > 0) {
      return size;
    }
  }
  const std::size_t size = folded_end(text);
  return size > 0 ? size : literal_end(text);
}

}  // namespace nexakey::scan
