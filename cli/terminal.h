#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/secret.h"

namespace nexakey::cli {

/// The width of a terminal that does not report one, in columns.
inline constexpr std::size_t kDefaultWidth = 80;

/// The terminal of the process.
struct Terminal {
  /// Detects the terminal. COLUMNS is the width if standard output is not a terminal, or does not
  /// report one.
  static Terminal detect();

  bool input = false;                  ///< standard input is a terminal
  bool output = false;                 ///< standard output is a terminal
  bool error = false;                  ///< standard error is a terminal
  bool draws_blocks = false;           ///< shows the block elements of Unicode
  std::optional<std::size_t> width{};  ///< of standard output, in columns; nothing: unlimited

  /// Whether the user can be asked for confirmation.
  [[nodiscard]] bool can_ask() const { return input && error; }
};

/// Asks a question on standard error and reads a line of standard input; true if it is y or yes.
bool confirm(const std::string& question);

/// Reads one line of standard input, at most 4 KiB, without its newline. If standard input is a
/// terminal, prompts on standard error and reads without echo.
core::Secret read_secret(const Terminal& terminal, const std::string& prompt);

}  // namespace nexakey::cli
