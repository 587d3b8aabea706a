#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_key.h"

namespace nexakey::scan {

/// How a key stands in the bytes where it was found.
enum class LeakForm {
  plain,
  percent,  ///< with %5F in place of an underscore (RFC 3986)
  utf16,    ///< in either byte order
  base64,   ///< alone or in the middle of what was encoded (RFC 4648, either alphabet)
  hex,
};

std::string_view name_of(LeakForm form);

/// What may be a key, without the key: only who has a store can tell.
struct Leak {
  std::size_t offset = 0;  ///< of its first byte
  LeakForm form = LeakForm::plain;
  core::KeyHash hash{};
  std::string last_four;
  bool runs_on = false;      ///< letters or digits follow, so that by its form it is no key
  bool placeholder = false;  ///< of fewer than 8 different characters: no generator made it
};

/// No encoded key is longer, in bytes.
inline constexpr std::size_t kMaxLeakLength = 256;

/// Calls `visit` for each, in the order of their offsets, with offsets that count from `text`.
void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit);

/// Where something stands: both count from 1, the column in bytes.
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// Finds the same in a document that comes in pieces, in memory of a fixed size.
class LeakSearch {
 public:
  using Visit = std::function<void(const Leak&, const TextPosition&)>;

  LeakSearch();

  /// Begins a document.
  void begin();
  /// Where the next bytes of the document go. `make_room` searches what is there if that takes it
  /// to have some.
  void make_room(const Visit& visit);
  [[nodiscard]] char* room() { return buffer_.data() + size_; }
  [[nodiscard]] std::size_t room_size() const { return buffer_.size() - size_; }
  /// So many bytes came.
  void add(std::size_t count) { size_ += count; }
  /// Ends the document.
  void finish(const Visit& visit);

  /// The bytes that are there: all of the document until `make_room` took some away.
  [[nodiscard]] std::string_view pending() const { return {buffer_.data(), size_}; }

 private:
  void search(std::size_t end, const Visit& visit);
  /// Moves the position on to an offset in the buffer.
  void advance(std::size_t offset);

  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::size_t counted_ = 0;  // up to here the position is known
  TextPosition position_;
};

}  // namespace nexakey::scan
