#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/secret.h"
#include "system/descriptor.h"

namespace nexakey::cli {

/// A file that a command reads, or standard input, which is called `-`. What can't be read ends
/// the command.
class Input {
 public:
  explicit Input(const std::string& path);

  /// All that is left of it: at most 256 MiB. Nothing of it stays anywhere else.
  core::Secret read_all();
  [[nodiscard]] int descriptor() const { return file_.value(); }
  /// What it is called in messages.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  system::Descriptor file_;
};

/// Text that is read several times: a file, or a copy that nobody else sees and that is gone when
/// this object goes. What goes wrong ends the command.
class Spool {
 public:
  /// An empty one.
  Spool();
  /// The file itself if it can be read twice, a copy of it otherwise.
  explicit Spool(const Input& input);

  void write(std::string_view text);

  [[nodiscard]] std::uint64_t size() const;
  /// Goes back to the first line.
  void rewind();
  /// The next line without its end, which is good until the next call; nothing at the end. A line
  /// longer than `longest` bytes ends the command.
  std::optional<std::string_view> next_line(std::size_t longest);
  /// How many bytes the lines have so far.
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  std::string name_;
  system::Descriptor file_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::uint64_t offset_ = 0;  // of what comes behind the buffer
  std::uint64_t position_ = 0;
  std::uint64_t line_ = 0;
};

}  // namespace nexakey::cli
