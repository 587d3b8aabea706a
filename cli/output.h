#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/json_writer.h"
#include "core/secret.h"

namespace nexakey::cli {

/// Thrown when the reader of the output has closed the pipe. The process ends as by SIGPIPE, after
/// destructors have run.
struct BrokenPipe {};

/// Standard output, which only has data, or a file. Errors are thrown as Failure or BrokenPipe.
class Output {
 public:
  /// `name` is for messages.
  explicit Output(int descriptor, std::string name = "standard output");

  /// Appends text to the buffer and writes the buffer when it is full.
  void write(std::string_view text);
  /// Writes a secret immediately and wipes the buffer.
  void write(const core::Secret& secret);
  void flush();

  /// The buffer, for writers that append to it. They call flush_if_full afterwards.
  std::string& buffer() { return buffer_; }
  void flush_if_full();

 private:
  int descriptor_;
  std::string name_;
  std::string buffer_;
};

/// Writes {"NAME": …, "secret": …} and `end`. `write` writes the value of NAME; without a secret,
/// its member is null.
void write_with_secret(Output& out, std::string_view name,
                       const std::function<void(core::JsonWriter&)>& write,
                       const core::Secret* secret, std::string_view end = "\n");

/// Writes a line to standard error, where everything but data goes.
void print_note(std::string_view line);

}  // namespace nexakey::cli
