#pragma once

#include <optional>
#include <string_view>

namespace nexakey::completions {

/// The completion script of bash, zsh or fish; nothing for another shell.
std::optional<std::string_view> script_for(std::string_view shell);

}  // namespace nexakey::completions
