#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "core/time.h"

namespace nexakey::cli {

// The name of a value in the help determines its completion: `read|write` is one of these words,
// KEY is a key, WORKSPACE is a workspace, CONTEXT is a context, FILE and PATH are files, TOPIC is
// what `help` explains.

/// Adds a command of a command. It also takes the options of the outer one.
Arguments* add_subcommand(Arguments& app, const char* name, const char* summary,
                          const char* example);

/// Adds an option that can be repeated, with one value each time.
Option* add_list_option(Arguments& app, const std::string& names, std::vector<std::string>& values,
                        const std::string& description);

/// Parses a whole number from 0 in decimal digits; ends the command if `text` is not one. (CLI11
/// parses 010 as 8.) `option` is for the message.
std::int64_t parse_number(const std::string& text, const std::string& option);

/// Parses a number of rows, at least 1; ends the command if `text` is not one.
std::size_t parse_count(const std::string& text, const std::string& option);

/// Parses the value of --expires, which must be later than `now`; ends the command if it is not.
/// Nothing is never. `what` is for the message: "the key".
std::optional<core::Time> parse_expiry(const std::string& text, core::Time now,
                                       const std::string& what);

/// Whether an expiry is what an --expires of `text` asks for at the time `now`: never, this time
/// or, for a duration, a lifetime of at least that duration that ends no later than one that begins
/// now. So the same command has the same answer on each later day.
bool is_expiry_as_asked(const std::string& text, core::Time created_at,
                        const std::optional<core::Time>& expires_at, core::Time now);

}  // namespace nexakey::cli
