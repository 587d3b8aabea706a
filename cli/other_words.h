#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexakey::cli {

/// What to try for a word that is none of the commands `names`: what other tools call by this word
/// (`rm`, `get`), or else the most similar name. Nothing if there is neither.
std::optional<std::string> command_for(std::string_view word,
                                       const std::vector<std::string>& names);

}  // namespace nexakey::cli
