#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <stop_token>
#include <utility>

#include <unistd.h>

#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::chrono::milliseconds kDelay{1000};
constexpr std::chrono::milliseconds kInterval{100};
constexpr std::uint64_t kBarWidth = 25;

}  // namespace

Progress::Progress(const Context& context)
    : is_shown_(context.terminal.error && !context.settings.quiet),
      max_length_(context.terminal.width.value_or(kDefaultWidth) - 1),
      next_(Clock::now() + kDelay) {}

bool Progress::is_due() {
  const auto now = Clock::now();
  if (now < next_) {
    return false;
  }
  next_ = now + kInterval;
  return true;
}

void Progress::draw(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  text = text.substr(0, max_length_);
  const std::size_t rest = length_ - std::min(length_, text.size());
  system::write_all(STDERR_FILENO, "\r" + std::string(text) + std::string(rest, ' '));
  length_ = std::max(length_, text.size());
}

void Progress::clear() {
  const std::scoped_lock lock(mutex_);
  erase();
}

void Progress::print(std::string_view note) {
  const std::scoped_lock lock(mutex_);
  erase();
  print_note(note);
}

void Progress::erase() {
  if (length_ > 0) {
    system::write_all(STDERR_FILENO, "\r" + std::string(std::exchange(length_, 0), ' ') + "\r");
  }
}

ProgressTicker::ProgressTicker(Progress& progress, std::function<std::string()> text) {
  if (!progress.is_shown()) {
    return;
  }
  thread_ = std::jthread([&progress, text = std::move(text)](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stopped.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
      progress.show(text);
    }
  });
}

ProgressTicker::ProgressTicker(Progress& progress, std::string step)
    : ProgressTicker(progress, [step = std::move(step), start = std::chrono::steady_clock::now()] {
        const auto passed =
            std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
        return step + ", " + std::to_string(passed.count()) + " s";
      }) {}

std::string progress_bar(std::string_view step, std::uint64_t done, std::uint64_t all) {
  const std::uint64_t percent = all == 0 ? 100 : std::min(done, all) * 100 / all;
  const auto full = static_cast<std::size_t>(percent * kBarWidth / 100);
  return std::string(step) + " [" + std::string(full, '#') + std::string(kBarWidth - full, ' ') +
         "] " + std::to_string(percent) + " %";
}

std::string readable_size(std::uint64_t bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  constexpr std::uint64_t kFactor = 1024;
  if (bytes < kFactor) {
    return std::to_string(bytes) + " B";
  }
  std::uint64_t tenths = bytes * 10 / kFactor;
  std::size_t unit = 0;
  for (; tenths >= kFactor * 10 && unit + 1 < kUnits.size(); ++unit) {
    tenths /= kFactor;
  }
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + kUnits[unit];
}

}  // namespace nexakey::cli
