#pragma once

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

/// The log of `nexakey serve` on standard error: one line per request, gathered during a turn of
/// the loop and written with one call. A reader that stalls delays nothing: lines are dropped
/// instead.
class AccessLog {
 public:
  explicit AccessLog(LogForm form);

  /// Adds the line of one request, unless the form is `none`.
  void add(const LogEntry& entry);
  /// Adds any other message for standard error, without its line feed.
  void add_message(std::string_view message);
  /// Writes what was added since the last call.
  void flush();
  /// How many lines were dropped so far.
  [[nodiscard]] std::uint64_t dropped() const { return writer_.dropped(); }

 private:
  LogForm form_;
  std::string lines_;
  LineWriter writer_;
};

}  // namespace nexakey::server
