#include "cli/options.h"

#include <algorithm>
#include <charconv>

#include "cli/exit_status.h"
#include "core/key.h"
#include "core/text.h"

namespace nexakey::cli {

Arguments* add_subcommand(Arguments& app, const char* name, const char* summary,
                          const char* example) {
  Arguments* const sub = app.add_subcommand(name, summary);
  sub->fallthrough();
  sub->footer(example);
  return sub;
}

Option* add_list_option(Arguments& app, const std::string& names, std::vector<std::string>& values,
                        const std::string& description) {
  return app.add_option(names, values, description)->allow_extra_args(false);
}

std::int64_t parse_number(const std::string& text, const std::string& option) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    throw Failure{
        {core::ErrorCode::usage, option + " must be a whole number, not " + core::quote(text), ""}};
  }
  return number;
}

std::size_t parse_count(const std::string& text, const std::string& option) {
  const auto count = static_cast<std::size_t>(parse_number(text, option));
  if (count == 0) {
    throw Failure{{core::ErrorCode::usage, option + " must be at least 1", ""}};
  }
  return count;
}

std::optional<core::Time> parse_expiry(const std::string& text, core::Time now,
                                       const std::string& what) {
  const auto expires = value_of(core::parse_expiry(text, now));
  if (expires && *expires <= now) {
    throw Failure{
        {core::ErrorCode::usage, what + " would already be expired", "name a time in the future"}};
  }
  return expires;
}

bool is_expiry_as_asked(const std::string& text, core::Time created_at,
                        const std::optional<core::Time>& expires_at, core::Time now) {
  const auto duration = core::parse_duration(text);
  if (!duration) {
    const auto time = core::parse_expiry(text, now);
    return time && expires_at == *time;
  }
  return expires_at && *expires_at >= core::add(created_at, *duration) &&
         *expires_at <= core::add(std::max(created_at, now), *duration);
}

}  // namespace nexakey::cli
