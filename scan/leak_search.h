#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "scan/leak_finder.h"

namespace nexakey::scan {

/// A position in a text. Both count from 1, the column in bytes.
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// Finds the leaks in a document that is read in pieces, in 256 KiB of memory.
class LeakSearch {
 public:
  using Visit = std::function<void(const Leak&, const TextPosition&)>;

  /// At least as many of the last bytes of the document are kept.
  static constexpr std::size_t kMinKept = 65536;

  LeakSearch();

  /// Begins a document.
  void begin();
  /// Searches the buffered bytes and discards most of them, if the buffer is full. The next bytes
  /// of the document are to be read into `room`.
  void make_room(const Visit& visit);
  [[nodiscard]] char* room() { return buffer_.data() + size_; }
  [[nodiscard]] std::size_t room_size() const { return buffer_.size() - size_; }
  /// Notes that `count` bytes have been read into `room`.
  void add(std::size_t count) { size_ += count; }
  /// Searches the rest of the document.
  void finish(const Visit& visit);

  /// The buffered bytes: all of the document until `make_room` discards some.
  [[nodiscard]] std::string_view pending() const { return {buffer_.data(), size_}; }
  /// How many bytes of the document were discarded.
  [[nodiscard]] std::size_t discarded() const { return discarded_; }
  /// The position of an offset in `pending`.
  [[nodiscard]] TextPosition position(std::size_t offset) const;

 private:
  void search(std::size_t end, const Visit& visit);
  /// The position of `to`, if that of `from` is `position`.
  [[nodiscard]] TextPosition moved(TextPosition position, Span span) const;

  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::size_t searched_ = 0;
  std::size_t discarded_ = 0;
  std::size_t counted_ = 0;  // the offset that `counted_position_` belongs to
  TextPosition counted_position_;
  TextPosition first_position_;  // that of the first buffered byte
};

}  // namespace nexakey::scan
