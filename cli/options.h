#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "core/time.h"

namespace nexakey::cli {

/// Options of the command line. The name of a value says what it is, in help and manual and to the
/// completion: `read|write` is one of these words, KEY a key, WORKSPACE a workspace, FILE and PATH
/// are files.

/// An option that may stand several times, each time with one value.
Option* add_list_option(Arguments& app, const std::string& names, std::vector<std::string>& values,
                        const std::string& description);

/// A whole number of at least 0 in decimal digits; ends the command if `text` is none. (CLI11's own
/// reading takes 010 for 8.) `option` is for the message.
std::int64_t parse_number(const std::string& text, const std::string& option);

/// The value of --expires: after `now`, when `what` is made; "the key", for the message.
core::Time parse_expiry(const std::string& text, core::Time now, const std::string& what);

/// The value of --rate-limit.
std::uint32_t parse_rate_limit(const std::string& text);

}  // namespace nexakey::cli
