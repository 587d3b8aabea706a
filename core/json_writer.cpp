#include "core/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <utf8proc.h>

#include "core/text.h"

namespace nexakey::core {
namespace {

/// Appends an escaped UTF-16 unit.
void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += kHex[unit >> shift & 15U];
  }
}

/// The same for a whole code point: as a pair of surrogates (RFC 8259, 7) where it needs one.
void append_escaped_code_point(std::string& out, unsigned code_point) {
  if (code_point < 0x10000) {
    append_escape(out, code_point);
  } else {
    append_escape(out, 0xD800U + ((code_point - 0x10000U) >> 10U));
    append_escape(out, 0xDC00U + (code_point & 0x3FFU));
  }
}

void append_special_ascii(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else {
    append_escape(out, static_cast<unsigned char>(c));
  }
}

/// Appends the first character of `text`, which is not ASCII, and returns how many bytes it had.
std::size_t append_wide(std::string& out, std::string_view text) {
  utf8proc_int32_t code_point = -1;
  const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (read <= 0) {
    out += kReplacementCharacter;
    return 1;
  }
  const std::string_view character = text.substr(0, static_cast<std::size_t>(read));
  if (is_printable(character)) {
    out += character;
  } else {
    append_escaped_code_point(out, static_cast<unsigned>(code_point));
  }
  return character.size();
}

/// Appends the first character of `text`, which is not plain, and returns how many bytes it had.
std::size_t append_special(std::string& out, std::string_view text) {
  if (static_cast<unsigned char>(text.front()) >= 0x80) {
    return append_wide(out, text);
  }
  append_special_ascii(out, text.front());
  return 1;
}

void append_text(std::string& out, std::string_view prefix, std::string_view text) {
  out += '"';
  out += prefix;
  while (!text.empty()) {
    const auto special = std::ranges::find_if_not(text, is_plain_in_json);
    const auto length = static_cast<std::size_t>(special - text.begin());
    out += text.substr(0, length);
    text.remove_prefix(length);
    if (!text.empty()) {
      text.remove_prefix(append_special(out, text));
    }
  }
  out += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) {
    *out_ += ',';
  }
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin(char bracket) {
  separate();
  *out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  *out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view name) {
  // The text grows once: names are half of what is written.
  const std::size_t size = out_->size();
  out_->resize(size + (needs_comma_ ? 4 : 3) + name.size());
  char* at = out_->data() + size;
  if (needs_comma_) {
    *at++ = ',';
  }
  *at++ = '"';
  at = std::copy(name.begin(), name.end(), at);
  *at++ = '"';
  *at = ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::any_name(std::string_view name) {
  separate();
  append_text(*out_, {}, name);
  *out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view prefix, std::string_view text) {
  separate();
  append_text(*out_, prefix, text);
  return *this;
}

JsonWriter& JsonWriter::plain(std::string_view text) {
  separate();
  *out_ += '"';
  *out_ += text;
  *out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::real(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::general, 6);
  return raw({buffer.data(), error == std::errc() ? end : buffer.data()});
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  *out_ += json;
  return *this;
}

}  // namespace nexakey::core
