#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "server/line_writer.h"
#include "server/log_entry.h"

namespace nexakey::server {

/// The form of the access log.
enum class LogForm { text, json, none };

/// Reads `text`, `json` or `none`. Error: `usage`, for any other word.
core::Result<LogForm> parse_log_form(const std::string& text);

/// The log of `nexakey serve` on standard error: one line per request. A reader that stalls delays
/// nothing: lines are dropped instead. For any number of threads, each of which gathers its lines
/// and writes them with one call.
class AccessLog {
 public:
  /// `dropped` counts the lines that are dropped.
  AccessLog(LogForm form, std::atomic<std::uint64_t>& dropped);

  /// Whether it has a line for each request: the form is not `none`.
  [[nodiscard]] bool has_requests() const { return form_ != LogForm::none; }
  /// Appends the line of one request to `lines`. Requires `has_requests`.
  void append(std::string& lines, const LogEntry& entry) const;
  /// Writes whole lines, each with its line feed, of requests or any other messages.
  void write(std::string_view lines) { writer_.write(lines); }

 private:
  LogForm form_;
  LineWriter writer_;
};

}  // namespace nexakey::server
