#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/context.h"
#include "system/descriptor.h"

namespace nexakey::cli {

/// Says that the command waits for standard input, and how to end that, if it is a terminal.
/// `what`: "an export".
void note_waiting(const Context& context, const std::string& what);

/// A file that a command reads, or standard input, which is named `-`. Errors end the command.
class Input {
 public:
  explicit Input(const std::string& path);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  /// Wipes what was read.
  ~Input();

  /// The next piece of the input, until the next call: 256 KiB, or what is left; empty at the end.
  std::string_view next_piece();
  [[nodiscard]] int descriptor() const { return file_.value(); }
  /// The name for messages.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  system::Descriptor file_;
  std::string piece_;
  bool at_end_ = false;  // final: a terminal could go on after it
};

/// Text that can be read several times: a regular file, or an unnamed temporary file that is
/// deleted with this object. Errors end the command.
class Spool {
 public:
  /// Makes an empty temporary file.
  Spool();
  /// Uses the input itself if it is a regular file, otherwise a copy of it.
  explicit Spool(const Input& input);

  /// Appends `text`.
  void write(std::string_view text);

  /// The size in bytes.
  [[nodiscard]] std::uint64_t size() const;
  /// Returns to the first line.
  void rewind();
  /// The next line without its newline, valid until the next call; nothing at the end. A line of
  /// more than `max_size` bytes ends the command.
  std::optional<std::string_view> next_line(std::size_t max_size);
  /// The number of bytes read by next_line since the last rewind.
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  std::string name_;
  system::Descriptor file_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::uint64_t offset_ = 0;  // of the end of the buffer in the file
  std::uint64_t position_ = 0;
  std::uint64_t line_ = 0;
};

}  // namespace nexakey::cli
