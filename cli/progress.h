#pragma once

#include <cstdint>
#include <string_view>

#include "cli/context.h"

namespace nexakey::cli {

/// A progress bar on standard error. It is not shown if standard error is not a terminal, with
/// --quiet, or for less than 1 MiB of work.
class Progress {
 public:
  /// `size` is the size of the whole work in bytes.
  Progress(const Context& context, std::uint64_t size);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// Shows the progress of a step, `done` in bytes.
  void show(std::string_view step, std::uint64_t done);
  /// Removes the bar, so that other text can be written.
  void clear();

 private:
  std::uint64_t size_;
  bool is_shown_;
  std::string_view step_;
  std::uint64_t percent_ = 0;
};

}  // namespace nexakey::cli
