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

/// Text in the format of a key, without the text itself. Only a store knows whether it is a key.
struct Leak {
  std::size_t offset = 0;  ///< of its first byte
  LeakForm form = LeakForm::plain;
  core::KeyHash hash{};
  std::string last_four;
  bool runs_on = false;      ///< more letters or digits follow: too long for a key
  bool placeholder = false;  ///< fewer than 8 different characters: not generated
};

/// The maximum length of an encoded key, in bytes.
inline constexpr std::size_t kMaxLeakLength = 256;

/// Calls `visit` for each leak in `text`, in the order of their offsets.
void find_leaks(std::string_view text, const std::function<void(const Leak&)>& visit);

/// A position in a text. Both count from 1, the column in bytes.
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// Finds the leaks in a document that is read in pieces, in 256 KiB of memory.
class LeakSearch {
 public:
  using Visit = std::function<void(const Leak&, const TextPosition&)>;

  LeakSearch();

  /// Begins a document.
  void begin();
  /// Searches the buffered bytes and discards them, if the buffer is full. The next bytes of the
  /// document are to be read into `room`.
  void make_room(const Visit& visit);
  [[nodiscard]] char* room() { return buffer_.data() + size_; }
  [[nodiscard]] std::size_t room_size() const { return buffer_.size() - size_; }
  /// Notes that `count` bytes have been read into `room`.
  void add(std::size_t count) { size_ += count; }
  /// Searches the rest of the document and ends it.
  void finish(const Visit& visit);

  /// The buffered bytes: all of the document until `make_room` discards some.
  [[nodiscard]] std::string_view pending() const { return {buffer_.data(), size_}; }

 private:
  void search(std::size_t end, const Visit& visit);
  /// Moves the position forward to an offset in the buffer.
  void advance(std::size_t offset);

  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::size_t counted_ = 0;  // the offset that `position_` belongs to
  TextPosition position_;
};

}  // namespace nexakey::scan
