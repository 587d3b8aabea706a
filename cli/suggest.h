#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nexakey::cli {

/// The candidate that a mistyped word most likely was meant to be; nothing if none is near.
std::optional<std::string> closest(const std::string& word,
                                   const std::vector<std::string>& candidates);

}  // namespace nexakey::cli
