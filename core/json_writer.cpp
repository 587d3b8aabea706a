#include "core/json_writer.h"

#include <array>
#include <charconv>

#include <utf8proc.h>

namespace nexakey::core {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void append_escape(std::string& out, unsigned code) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[code >> 4U & 15U];
  out += kHex[code & 15U];
}

void append_ascii(std::string& out, unsigned char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c < 0x20 || c == 0x7F) {
    append_escape(out, c);
  } else {
    out += static_cast<char>(c);
  }
}

/// Appends the first character of `text`, which is not ASCII, and returns how many bytes it had.
std::size_t append_wide(std::string& out, std::string_view text) {
  utf8proc_int32_t code_point = -1;
  const auto read = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (read <= 0) {
    out += kReplacement;
    return 1;
  }
  if (code_point < 0xA0) {
    append_escape(out, static_cast<unsigned>(code_point));
  } else {
    out += text.substr(0, static_cast<std::size_t>(read));
  }
  return static_cast<std::size_t>(read);
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) {
    out_ += ',';
  }
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  out_ += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      append_ascii(out_, byte);
      ++i;
    } else {
      i += append_wide(out_, text.substr(i));
    }
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::plain(std::string_view text) {
  separate();
  out_ += '"';
  out_ += text;
  out_ += '"';
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
  out_ += json;
  return *this;
}

}  // namespace nexakey::core
