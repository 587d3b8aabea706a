#pragma once

#include <cstdint>
#include <string_view>

#include "cli/context.h"

namespace nexakey::cli {

/// A bar on standard error that says how far a work is. There is none where that is no terminal,
/// with --quiet, or for what is done in a moment.
class Progress {
 public:
  /// `size`: of the whole work, in bytes.
  Progress(const Context& context, std::uint64_t size);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// Shows that so much of it is done, if there is more to see than before.
  void show(std::string_view step, std::uint64_t done);
  /// Takes the bar away, so that something else can be written.
  void clear();

 private:
  std::uint64_t size_;
  bool is_shown_;
  std::string_view step_;
  std::uint64_t percent_ = 0;
};

}  // namespace nexakey::cli
