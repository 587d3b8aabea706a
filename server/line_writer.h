#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace nexakey::server {

/// Writes lines to a descriptor on its own thread, so that a stalled reader delays no caller. Lines
/// that do not fit into the buffer are dropped and counted. When the reader resumes, one line says
/// how many were dropped.
class LineWriter {
 public:
  /// Returns the line, with its line feed, that says how many lines were dropped.
  using DropNotice = std::function<std::string(std::uint64_t dropped)>;

  /// Keeps at most `max_waiting` bytes besides those that are being written. `dropped` counts the
  /// lines that are dropped.
  LineWriter(int descriptor, std::size_t max_waiting, std::atomic<std::uint64_t>& dropped,
             DropNotice notice);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  /// Writes what waits, but gives up after a second without progress.
  ~LineWriter();

  /// Adds whole lines, each with its line feed: all of them, or none if there is no room. For any
  /// thread.
  void write(std::string_view lines);

 private:
  void run(const std::stop_token& stop);
  void write_out(const std::stop_token& stop, std::string_view lines);
  void count_dropped(std::string_view lines);

  int descriptor_;
  std::size_t max_waiting_;
  std::atomic<std::uint64_t>& dropped_;
  DropNotice notice_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string waiting_;
  std::uint64_t unreported_ = 0;  // of the dropped lines
  std::jthread thread_;           // last: it uses all of the above
};

}  // namespace nexakey::server
