#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace nexakey::core {

/// Writes JSON (RFC 8259) to the end of a string, piece by piece, so that a list of a million keys
/// needs no memory for a million keys. The caller sees to it that the pieces make a document;
/// commas are the writer's.
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

  /// Text; what is not UTF-8 becomes U+FFFD, and what can't be printed (core::is_printable) is
  /// escaped: shown on a terminal it neither acts nor changes the direction of what stands there.
  JsonWriter& string(std::string_view text);
  /// Text that is known to need no escaping.
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
  /// At most six digits behind the point.
  JsonWriter& real(double value);
  template <std::integral T>
  JsonWriter& number(T value) {
    return raw(std::to_string(value));
  }
  /// JSON as it is.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();

  std::string* out_;
  bool needs_comma_ = false;
};

}  // namespace nexakey::core
