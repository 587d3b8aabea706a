#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexakey::cli {

/// Breaks a text after `separator` (a space, or the `|` between choices) into lines of at most
/// `width` columns. A space at the end of a line is left out; a part that is wider than `width`
/// stays whole.
std::vector<std::string> wrap(std::string_view text, std::size_t width, char separator = ' ');

/// A line of text, broken at spaces to the width of the terminal, if there is one; what does not
/// fit is indented.
std::string wrapped_line(std::string_view text, const std::optional<std::size_t>& width);

}  // namespace nexakey::cli
