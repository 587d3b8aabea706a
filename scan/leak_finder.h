#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_key.h"

namespace nexakey::scan {

/// How a key is encoded where it was found.
enum class LeakForm {
  plain,
  percent,  ///< with %5F in place of an underscore (RFC 3986)
  utf16,    ///< in either byte order
  base64,   ///< of the key or of a longer text with it (RFC 4648, either alphabet)
  hex,
};

std::string_view name_of(LeakForm form);

/// A text with the form of a key, without the text itself. Only a store knows whether it is a key.
struct Leak {
  std::size_t offset = 0;  ///< of its first byte
  LeakForm form = LeakForm::plain;
  core::KeyHash hash{};
  std::string last_four;
  bool runs_on = false;      ///< letters or digits follow: too long for a key
  bool placeholder = false;  ///< fewer than 8 different characters: not generated
};

/// The maximum length of an encoded key, in bytes.
inline constexpr std::size_t kMaxLeakLength = 256;

/// Calls `visit` for each leak, in the order of the offsets, which count from `text`.
void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit);

/// A position in a text. Both count from 1, the column in bytes.
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// The same for a document that is read in pieces, with 256 KiB of memory.
class LeakSearch {
 public:
  using Visit = std::function<void(const Leak&, const TextPosition&)>;

  LeakSearch();

  /// Begins a document.
  void begin();
  /// The buffer for the next bytes of the document. `make_room` searches the buffered bytes if it
  /// must, to free space.
  void make_room(const Visit& visit);
  [[nodiscard]] char* room() { return buffer_.data() + size_; }
  [[nodiscard]] std::size_t room_size() const { return buffer_.size() - size_; }
  /// Adds `count` bytes, which are in the buffer.
  void add(std::size_t count) { size_ += count; }
  /// Ends the document.
  void finish(const Visit& visit);

  /// The buffered bytes: the whole document until `make_room` removes some.
  [[nodiscard]] std::string_view pending() const { return {buffer_.data(), size_}; }

 private:
  void search(std::size_t end, const Visit& visit);
  /// Moves the position forward to an offset in the buffer.
  void advance(std::size_t offset);

  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::size_t counted_ = 0;  // up to here the position is known
  TextPosition position_;
};

}  // namespace nexakey::scan
