#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_status.h"

namespace nexakey::cli {

/// The hidden command that the completion scripts of all shells call.
inline constexpr std::string_view kCompleteCommand = "__complete";

/// Prints the candidates for the last of `words`, the words after the program's name: one line
/// `value<TAB>description` each, then `:files` or `:done`, which says whether the shell also offers
/// files. The candidates are commands, options and their values, including keys and workspaces of
/// the store. It never fails: candidates that cannot be determined are left out.
ExitStatus complete(const std::vector<std::string>& words);

}  // namespace nexakey::cli
