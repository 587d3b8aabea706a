#include "cli/plain_keys.h"

#include <algorithm>
#include <charconv>

#include "core/api_key.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Result;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

Result<void> read_lines(std::string_view text, const VisitPlainKey& visit) {
  std::uint64_t number = 0;
  for (std::string_view line : core::split(text, '\n')) {
    ++number;
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    if (line.empty()) {
      continue;
    }
    PlainKey key;
    key.line = number;
    const auto read = set_key(key, line).and_then([&] { return visit(std::move(key)); });
    if (!read) {
      return tl::unexpected(at_line(number, read.error()));
    }
  }
  return {};
}

}  // namespace

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
  text = without_mark(text);
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view first = text.substr(begin, text.find('\n', begin) - begin);
  if (first.starts_with('[') || first.starts_with('{')) {
    return KeyListFormat::json;
  }
  return first.empty() || core::contains_api_key(first) ? KeyListFormat::lines : KeyListFormat::csv;
}

Result<void> read_plain_keys(std::string_view text, KeyListFormat format,
                             const VisitPlainKey& visit) {
  text = without_mark(text);
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
    return core::reject("not a key: a key is fc_live_ and 28 letters and digits");
  }
  key.hash = core::hash_api_key(text);
  key.last_four = core::last_four(text);
  return {};
}

Result<std::int64_t> parse_limit(std::string_view text) {
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) {
    return core::reject(core::quote(text) + " is not a rate limit");
  }
  return core::check_rate_limit(limit).map([&] { return limit; });
}

core::Error at_line(std::uint64_t line, core::Error error) {
  error.message = "line " + std::to_string(line) + ": " + error.message;
  return error;
}

}  // namespace nexakey::cli
