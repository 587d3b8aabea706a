#include "server/line_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace nexakey::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollTime{50};
constexpr std::chrono::seconds kMaxStallAtEnd{1};

bool is_writable(int descriptor) {
  pollfd poll{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&poll, 1, static_cast<int>(kPollTime.count())) > 0;
}

std::uint64_t count_lines(std::string_view lines) {
  return static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
}

}  // namespace

LineWriter::LineWriter(int descriptor, std::size_t max_waiting, std::atomic<std::uint64_t>& dropped,
                       DropNotice notice)
    : descriptor_(descriptor),
      max_waiting_(max_waiting),
      dropped_(dropped),
      notice_(std::move(notice)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

LineWriter::~LineWriter() {
  thread_.request_stop();
  thread_.join();
}

void LineWriter::write(std::string_view lines) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + lines.size() > max_waiting_) {
      count_dropped(lines);
      return;
    }
    waiting_ += lines;
  }
  wake_.notify_one();
}

/// The caller holds the mutex.
void LineWriter::count_dropped(std::string_view lines) {
  const std::uint64_t count = count_lines(lines);
  unreported_ += count;
  dropped_ += count;
}

void LineWriter::run(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.empty()) {
      return;
    }
    std::string lines = std::exchange(waiting_, {});
    if (const std::uint64_t dropped = std::exchange(unreported_, 0); dropped != 0) {
      lines += notice_(dropped);  // these came after the lines that waited
    }
    lock.unlock();
    write_out(stop, lines);
  }
}

/// A pipe that poll(2) calls writable takes PIPE_BUF bytes without blocking, so that this returns
/// soon after a stop is requested.
void LineWriter::write_out(const std::stop_token& stop, std::string_view lines) {
  auto last_written = Clock::now();
  while (!lines.empty()) {
    if (!is_writable(descriptor_)) {
      if (stop.stop_requested() && Clock::now() - last_written > kMaxStallAtEnd) {
        return;
      }
      continue;
    }
    const ssize_t count =
        ::write(descriptor_, lines.data(), std::min<std::size_t>(lines.size(), PIPE_BUF));
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      const std::lock_guard lock(mutex_);
      count_dropped(lines);
      return;
    }
    if (count > 0) {
      lines.remove_prefix(static_cast<std::size_t>(count));
      last_written = Clock::now();
    }
  }
}

}  // namespace nexakey::server
