#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/json_writer.h"
#include "core/secret.h"

namespace nexakey::cli {

/// Whoever read our output has gone; the process then ends as by SIGPIPE, after cleaning up.
struct BrokenPipe {};

/// Standard output, where only data goes, or a file. What can't be written is a Failure or
/// a BrokenPipe and not a silent loss.
class Output {
 public:
  /// `name` is what messages call it.
  explicit Output(int descriptor, std::string name = "standard output");

  void write(std::string_view text);
  /// Writes it out at once and keeps no copy.
  void write(const core::Secret& secret);
  void flush();

  /// Where a writer may add text on its own; `settle` then writes it out when it is long.
  std::string& buffer() { return buffer_; }
  void settle();

 private:
  int descriptor_;
  std::string name_;
  std::string buffer_;
};

/// Writes {"NAME": …, "secret": …}: what `write` writes, and the secret, or null in its place; and
/// `end`.
void write_with_secret(Output& out, std::string_view name,
                       const std::function<void(core::JsonWriter&)>& write,
                       const core::Secret* secret, std::string_view end = "\n");

/// Adds a line for people to standard error, where everything goes that is not data.
void print_note(std::string_view line);

}  // namespace nexakey::cli
