#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/put.h"

namespace nexakey::core {

/// Whether a text in JSON has this character as it is: printable ASCII but for the quote and the
/// backslash.
inline bool is_plain_in_json(char c) {
  static constexpr std::array<bool, 256> kIsPlain = [] {
    std::array<bool, 256> is_plain{};
    std::fill(is_plain.begin() + 0x20, is_plain.begin() + 0x7F, true);
    is_plain['"'] = false;
    is_plain['\\'] = false;
    return is_plain;
  }();
  return kIsPlain[static_cast<unsigned char>(c)];
}

/// Appends JSON (RFC 8259) to a string, piece by piece, so that the caller can write a long list in
/// parts. The caller ensures that the pieces make a document; the writer adds the commas.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(&out) {}

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  /// The name of a member; `name` needs no escaping.
  JsonWriter& name(std::string_view name);
  /// The name of a member that is escaped like `string`.
  JsonWriter& any_name(std::string_view name);

  /// Text. Invalid UTF-8 becomes U+FFFD, and characters that are not printable (core::is_printable)
  /// are escaped, so that a terminal can show the text safely.
  JsonWriter& string(std::string_view text) { return string({}, text); }
  /// The same behind a prefix that needs no escaping.
  JsonWriter& string(std::string_view prefix, std::string_view text);
  /// Text that needs no escaping.
  JsonWriter& plain(std::string_view text);
  /// The same for text that `append` adds to the document itself.
  template <std::invocable<std::string&> Append>
  JsonWriter& plain(const Append& append) {
    separate();
    *out_ += '"';
    append(*out_);
    *out_ += '"';
    return *this;
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// With at most six decimal places.
  JsonWriter& real(double value);
  template <std::integral T>
  JsonWriter& number(T value) {
    return put(kMaxNumberLength, [&](char* at) { return core::put(at, value); });
  }
  /// JSON as it is.
  JsonWriter& raw(std::string_view json);
  /// JSON that `put` writes, at most `max` characters (core/put.h).
  template <std::invocable<char*> Put>
  JsonWriter& put(std::size_t max, const Put& put) {
    separate();
    append_put(*out_, max, put);
    return *this;
  }

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();

  std::string* out_;
  bool needs_comma_ = false;
};

}  // namespace nexakey::core
