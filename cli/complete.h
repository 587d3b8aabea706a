#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_status.h"

namespace nexakey::cli {

/// The hidden command that the completion scripts of all shells call.
inline constexpr std::string_view kCompleteCommand = "__complete";

/// Prints what the last word may become, given the words before it: a line `value<TAB>description`
/// for each, then `:files`, `:folders` or `:done` for what else the shell should offer. It knows
/// commands, options, and their values, keys and workspaces of the store among them. It never
/// fails: what can't be found out is not offered.
ExitStatus complete(const std::vector<std::string>& words);

}  // namespace nexakey::cli
