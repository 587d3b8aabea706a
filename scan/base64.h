#pragma once

#include <cstddef>
#include <string_view>

namespace nexakey::scan {

/// Decodes groups of four digits of base64, of either alphabet, at the beginning of a text, up to
/// the first other character. Returns how many characters they are. `out` has room for three bytes
/// for each four, and for 8 more.
std::size_t decode_base64(std::string_view text, char* out);

}  // namespace nexakey::scan
