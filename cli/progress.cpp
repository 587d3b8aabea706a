#include "cli/progress.h"

#include <algorithm>
#include <string>

#include <unistd.h>

#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::uint64_t kMinSize = std::uint64_t{1} << 20U;
constexpr std::uint64_t kWidth = 25;

}  // namespace

Progress::Progress(const Context& context, std::uint64_t size)
    : size_(size),
      is_shown_(context.terminal.error && !context.settings.quiet && size >= kMinSize) {}

void Progress::show(std::string_view step, std::uint64_t done) {
  const std::uint64_t percent = is_shown_ ? std::min(done, size_) * 100 / size_ : 0;
  if (!is_shown_ || (step == step_ && percent == percent_)) {
    return;
  }
  step_ = step;
  percent_ = percent;
  const auto full = static_cast<std::size_t>(percent * kWidth / 100);
  system::write_all(STDERR_FILENO, "\r\x1b[K" + std::string(step) + " [" + std::string(full, '#') +
                                       std::string(kWidth - full, ' ') + "] " +
                                       std::to_string(percent) + " %");
}

void Progress::clear() {
  if (!step_.empty()) {
    system::write_all(STDERR_FILENO, "\r\x1b[K");
    step_ = {};
  }
}

}  // namespace nexakey::cli
