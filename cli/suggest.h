#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nexakey::cli {

/// The candidate that is most similar to a mistyped word, with one difference for each three
/// letters at most, or the only one that begins with it; nothing if there is none.
std::optional<std::string> closest(const std::string& word,
                                   const std::vector<std::string>& candidates);

}  // namespace nexakey::cli
