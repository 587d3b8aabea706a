#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nexakey::cli {

/// The candidate that is most similar to a mistyped word; nothing if none is similar.
std::optional<std::string> closest(const std::string& word,
                                   const std::vector<std::string>& candidates);

}  // namespace nexakey::cli
