#include "server/access_log.h"

#include <utility>

#include <unistd.h>

#include "core/json_writer.h"
#include "core/text.h"

namespace nexakey::server {
namespace {

/// How far the reader of standard error may fall behind: about 5,000 lines.
constexpr std::size_t kMaxWaiting = std::size_t{1} << 20U;

void add_text_member(core::JsonWriter& json, std::string_view name, const std::string& value) {
  json.name(name);
  if (value.empty()) {
    json.null();
  } else {
    json.string(value);
  }
}

void append_json(std::string& lines, const LogEntry& entry) {
  core::JsonWriter json(lines);
  json.begin_object().name("time").plain(core::format_time(entry.at));
  add_text_member(json, "peer", entry.peer);
  add_text_member(json, "method", entry.method);
  add_text_member(json, "path", entry.path);
  json.name("status").number(entry.status);
  add_text_member(json, "detail", entry.detail);
  add_text_member(json, "key_id", entry.key_id);
  add_text_member(json, "client_ip", entry.client_ip);
  json.end_object();
  lines += '\n';
}

void append_text(std::string& lines, const LogEntry& entry) {
  core::append_time(lines, entry.at);
  for (const std::string& part :
       {entry.peer, entry.method, entry.path, std::to_string(entry.status), entry.key_id,
        entry.client_ip, entry.detail}) {
    lines += ' ' + (part.empty() ? "-" : core::printable(part));
  }
  lines += '\n';
}

std::string drop_notice(LogForm form, std::uint64_t dropped) {
  if (form != LogForm::json) {
    return "nexakey: dropped " + std::to_string(dropped) +
           " lines of the log: standard error was not read fast enough\n";
  }
  std::string line;
  core::JsonWriter json(line);
  json.begin_object().name("time").plain(core::format_time(core::system_time()));
  json.name("dropped_lines").number(static_cast<std::int64_t>(dropped));
  json.end_object();
  return line + '\n';
}

}  // namespace

core::Result<LogForm> parse_log_form(const std::string& text) {
  if (text == "text") {
    return LogForm::text;
  }
  if (text == "json") {
    return LogForm::json;
  }
  if (text == "none") {
    return LogForm::none;
  }
  return core::reject(core::quote(text) + " is not a form of log", "write text, json or none");
}

AccessLog::AccessLog(LogForm form, std::atomic<std::uint64_t>& dropped)
    : form_(form), writer_(STDERR_FILENO, kMaxWaiting, dropped, [form](std::uint64_t count) {
        return drop_notice(form, count);
      }) {}

void AccessLog::append(std::string& lines, const LogEntry& entry) const {
  if (form_ == LogForm::json) {
    append_json(lines, entry);
  } else {
    append_text(lines, entry);
  }
}

}  // namespace nexakey::server
