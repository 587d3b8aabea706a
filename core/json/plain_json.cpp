#include "core/json/plain_json.h"

#include <algorithm>
#include <limits>

#include "core/json/plain_parts.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

class PlainReader {
 public:
  PlainReader(std::string_view text, nlohmann::json_sax<Json>& reader)
      : rest_(text), reader_(reader) {}

  bool read_document() {
    const bool is_read = next_is('[') ? read_array() : next_is('{') && read_object();
    skip_spaces();
    return is_read && rest_.empty();
  }

 private:
  // Each function reads what it is named after, behind its first character if that was asked for.

  bool read_array() {
    return reader_.start_array(kUnknownSize) &&
           read_list(']', [this] { return next_is('{') && read_object(); }) && reader_.end_array();
  }

  bool read_object() {
    return reader_.start_object(kUnknownSize) && read_list('}', [this] { return read_member(); }) &&
           reader_.end_object();
  }

  template <typename Read>
  bool read_list(char bracket, const Read& read_thing) {
    return read_plain_list(
        bracket, [this](char c) { return next_is(c); }, read_thing);
  }

  bool read_member() {
    return next_is('"') && read_text() && reader_.key(text_) && next_is(':') && read_value();
  }

  bool read_value() {
    if (next_is('"')) {
      return read_text() && reader_.string(text_);
    }
    constexpr std::string_view kNull = "null";
    if (rest_.starts_with(kNull)) {
      rest_.remove_prefix(kNull.size());
      return reader_.null();
    }
    return read_number();
  }

  /// Sets `text_`.
  bool read_text() {
    const auto end = std::ranges::find_if_not(rest_, is_plain_in_json);
    if (end == rest_.end() || *end != '"') {
      return false;
    }
    text_.assign(rest_.begin(), end);
    rest_.remove_prefix(text_.size() + 1);
    return true;
  }

  /// The caller expects a comma or a bracket behind the digits.
  bool read_number() {
    const auto number = read_plain_number(rest_);
    return number && reader_.number_unsigned(*number);
  }

  void skip_spaces() {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!rest_.empty() && is_space(rest_.front())) {
      rest_.remove_prefix(1);
    }
  }

  /// Whether this character is the next one behind spaces. Moves behind the spaces, and behind the
  /// character if it is there.
  bool next_is(char c) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  /// What nlohmann/json tells of JSON texts.
  static constexpr std::size_t kUnknownSize = std::numeric_limits<std::size_t>::max();

  std::string_view rest_;
  nlohmann::json_sax<Json>& reader_;
  std::string text_;  // the reader wipes it if it is a key
};

}  // namespace

bool read_plain_json(std::string_view text, nlohmann::json_sax<Json>& reader) {
  return PlainReader(text, reader).read_document();
}

}  // namespace nexakey::core
