#pragma once

#include <cstddef>
#include <string>

#include "core/secret.h"

namespace nexakey::cli {

/// What the process is connected to.
struct Terminal {
  /// Asks the system; `environment` says how wide (COLUMNS) if the terminal does not.
  static Terminal detect();

  bool input = false;   ///< standard input is one
  bool output = false;  ///< standard output is one
  bool error = false;   ///< standard error is one
  std::size_t width = 80;

  /// Whether there is somebody to ask.
  [[nodiscard]] bool can_ask() const { return input && error; }
};

/// Asks on standard error, takes the answer from the terminal; everything but y and yes is no.
bool confirm(const std::string& question);

/// Reads one line of standard input, without echo if that is a terminal: at most 4 KiB, without the
/// end of the line.
core::Secret read_secret(const Terminal& terminal, const std::string& prompt);

}  // namespace nexakey::cli
