#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/text.h"

/// What the readers of JSON in a known form have in common. They accept less than RFC 8259, and
/// their callers parse what they refuse with nlohmann/json.
namespace nexakey::core {

/// Reads things with commas between them, or none, and the bracket behind them. `next_is` moves
/// behind a character if it is the next one; `read_thing` reads one of the things.
template <typename NextIs, typename Read>
bool read_plain_list(char bracket, const NextIs& next_is, const Read& read_thing) {
  if (next_is(bracket)) {
    return true;
  }
  do {
    if (!read_thing()) {
      return false;
    }
  } while (next_is(','));
  return next_is(bracket);
}

/// Reads a whole number without a sign from the beginning of `rest`, and moves `rest` behind its
/// digits. Nothing if there is none. What follows the digits is for the caller to check.
inline std::optional<std::uint64_t> read_plain_number(std::string_view& rest) {
  const std::string_view digits(rest.begin(), std::ranges::find_if_not(rest, is_digit));
  const auto number = parse_whole<std::uint64_t>(digits);
  if (!number || (digits.front() == '0' && digits.size() > 1)) {
    return std::nullopt;
  }
  rest.remove_prefix(digits.size());
  return *number;
}

}  // namespace nexakey::core
