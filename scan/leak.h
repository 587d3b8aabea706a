#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/api_key.h"

namespace nexakey::scan {

/// How a key is encoded where it was found; of encodings on top of each other, the outermost.
enum class LeakForm {
  plain,
  split,             ///< over the ends of lines or string literals
  percent,           ///< %5F (RFC 3986), once or more often
  html,              ///< &#95; or &lowbar;
  backslash,         ///< \u005f, \x5f, \137 or \_
  quoted_printable,  ///< =5F (RFC 2045)
  utf16,             ///< in either byte order
  utf32,             ///< in either byte order
  base64,            ///< of the key or of a longer text with it (RFC 4648, either alphabet)
  hex,
  decimal,  ///< the numbers of its bytes, as JSON has them
};

std::string_view name_of(LeakForm form);

/// Text in the format of a key, without the text itself. Only a store knows whether it is a key.
struct Leak {
  std::size_t offset = 0;  ///< of its first byte
  LeakForm form = LeakForm::plain;
  core::KeyHash hash{};
  std::string last_four;
  bool runs_on = false;      ///< more letters or digits follow: too long for a key
  bool placeholder = false;  ///< fewer than 8 different characters: not generated
};

}  // namespace nexakey::scan
