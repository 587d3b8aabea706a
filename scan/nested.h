#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "scan/archive_kind.h"
#include "scan/encodings.h"

namespace nexakey::scan {

/// A document within another one.
struct Nested {
  std::size_t offset = 0;
  std::variant<ArchiveKind, Encoding> what;
  char mark = '\0';  ///< see line_mark
};

/// The document that another one is as a whole, by its first bytes.
std::optional<Nested> outer_format(std::string_view head);

struct NestedSearch {
  std::optional<Nested> found;
  std::size_t end = 0;  ///< what was searched, if there is none: the rest needs more bytes
};
/// Finds the first archive, or text of base64 or hexadecimal digits, in a text from `from` on.
/// `before`: how many bytes are before the text. `is_whole`: whether none follow it.
NestedSearch find_nested(std::string_view text, std::size_t from, std::size_t before,
                         bool is_whole);

}  // namespace nexakey::scan
