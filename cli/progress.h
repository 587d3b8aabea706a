#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "cli/context.h"

namespace nexakey::cli {

/// A line on standard error that tells how far a command is. It appears after a second, and not if
/// standard error is not a terminal or with --quiet. It uses no escape sequences.
class Progress {
 public:
  explicit Progress(const Context& context);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  [[nodiscard]] bool is_shown() const { return is_shown_; }
  /// Shows what `text` returns, which is only called if the line is due. From one thread at a time.
  template <typename Text>
  void show(const Text& text) {
    if (is_shown_ && is_due()) {
      draw(text());
    }
  }
  /// Removes the line, so that other text can be written.
  void clear();
  /// Prints a note in place of the line, from any thread.
  void print(std::string_view note);

 private:
  using Clock = std::chrono::steady_clock;

  bool is_due();
  void draw(std::string_view text);
  void erase();

  bool is_shown_;
  std::size_t max_length_;
  Clock::time_point next_;
  std::mutex mutex_;
  std::size_t length_ = 0;  // of the line that is shown
};

/// Shows what `text` returns during its lifetime, while another thread works.
class ProgressTicker {
 public:
  ProgressTicker(Progress& progress, std::function<std::string()> text);
  /// Shows a step of which nothing is known but how long it has taken: `restoring, 12 s`.
  ProgressTicker(Progress& progress, std::string step);

 private:
  std::jthread thread_;
};

/// A step as a bar: `uploading [#####     ] 50 %`.
std::string progress_bar(std::string_view step, std::uint64_t done, std::uint64_t all);
/// A size for people: `512 B`, `1.4 MiB`.
std::string readable_size(std::uint64_t bytes);

}  // namespace nexakey::cli
