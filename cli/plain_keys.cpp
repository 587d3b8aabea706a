#include "cli/plain_keys.h"

#include <algorithm>
#include <utility>

#include "core/api_key.h"
#include "core/secret.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

Result<void> read_lines(KeyListText& text, const VisitPlainKey& visit) {
  KeyListLines lines(text);
  for (;;) {
    const auto next = lines.next();
    if (!next) {
      return tl::unexpected(at_line(lines.number(), next.error()));
    }
    if (!*next) {
      return {};
    }
    std::string_view line = **next;
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    if (line.empty()) {
      continue;
    }
    PlainKey key;
    key.line = lines.number();
    const auto read = set_key(key, line).and_then([&] { return visit(std::move(key)); });
    if (!read) {
      return tl::unexpected(at_line(lines.number(), read.error()));
    }
  }
}

}  // namespace

KeyListText::KeyListText(std::function<std::string_view()> read)
    : read_(std::move(read)), piece_(without_mark(read_())) {}

std::string_view KeyListText::next() {
  if (!std::exchange(has_begun_, true) && !piece_.empty()) {
    return piece_;
  }
  return read_();
}

KeyListLines::~KeyListLines() { core::wipe(line_); }

Result<std::optional<std::string_view>> KeyListLines::next() {
  core::wipe(line_);
  ++number_;
  bool is_over = false;
  for (;;) {
    if (rest_.empty()) {
      rest_ = text_.next();
      is_over = rest_.empty();
    }
    const std::size_t length = std::min(rest_.find('\n'), rest_.size());
    if (line_.size() + length > kMaxPlainKeySize) {
      return tl::unexpected(too_long("the line"));
    }
    const bool is_whole = length < rest_.size();
    if (is_whole && line_.empty()) {
      const std::string_view line = rest_.substr(0, length);
      rest_.remove_prefix(length + 1);
      return line;
    }
    line_ += rest_.substr(0, length);
    rest_.remove_prefix(is_whole ? length + 1 : length);
    if (is_whole || is_over) {
      return is_whole || !line_.empty() ? std::optional<std::string_view>(line_) : std::nullopt;
    }
  }
}

std::optional<KeyListFormat> parse_key_list_format(std::string_view name) {
  if (name == "lines") {
    return KeyListFormat::lines;
  }
  if (name == "csv") {
    return KeyListFormat::csv;
  }
  return name == "json" ? std::optional(KeyListFormat::json) : std::nullopt;
}

KeyListFormat guess_key_list_format(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view first = text.substr(begin, text.find('\n', begin) - begin);
  if (first.starts_with('[') || first.starts_with('{')) {
    return KeyListFormat::json;
  }
  return first.empty() || core::contains_api_key(first) ? KeyListFormat::lines : KeyListFormat::csv;
}

Result<void> read_plain_keys(KeyListText& text, KeyListFormat format, const VisitPlainKey& visit) {
  switch (format) {
    case KeyListFormat::csv:
      return read_plain_keys_csv(text, visit);
    case KeyListFormat::json:
      return read_plain_keys_json(text, visit);
    case KeyListFormat::lines:
      break;
  }
  return read_lines(text, visit);
}

Result<void> set_key(PlainKey& key, std::string_view text) {
  if (!core::is_api_key(text)) {
    return core::reject(
        "not a key of nexakey",
        "only keys of fc_live_ and 28 letters and digits can be adopted, because verify checks the"
        " format before it asks the store");
  }
  key.hash = core::hash_api_key(text);
  key.last_four = core::last_four(text);
  return {};
}

Result<std::int64_t> parse_limit(std::string_view text) {
  const auto limit = core::parse_whole<std::int64_t>(text);
  if (!limit) {
    return core::reject(core::quote(text) + " is not a rate limit");
  }
  return core::check_rate_limit(*limit).map([&] { return *limit; });
}

core::Error too_long(std::string_view what) {
  return {core::ErrorCode::usage,
          std::string(what) + " is longer than " + std::to_string(kMaxPlainKeySize) + " bytes", ""};
}

core::Error at_line(std::uint64_t line, core::Error error) {
  error.message = "line " + std::to_string(line) + ": " + error.message;
  return error;
}

}  // namespace nexakey::cli
