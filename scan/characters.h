#pragma once

#include <cstddef>
#include <string_view>

#include "scan/leak.h"

namespace nexakey::scan {

/// A character of a text, as it is or escaped.
struct Character {
  char value = 0;
  std::size_t size = 1;             ///< how many bytes it takes
  LeakForm form = LeakForm::plain;  ///< how it is escaped
};

/// Reads the first character of a text that is not empty. The escapes are those of URLs (%5F, also
/// %255F), HTML (&#95; &#x5F; &lowbar; also behind &amp;), JSON, JavaScript, C and Markdown (\u005f
/// \u{5f} \U0000005f \x5f \137 \_ also with several backslashes), and quoted-printable (=5F).
Character read_character(std::string_view text);

/// The size of the end of a line that a writer put into a text at its beginning, so that the text
/// goes on behind it; 0 if there is none: of quoted-printable (= at the end of the line), of a line
/// that a backslash continues, of a folded line (LDIF, iCalendar, mail headers), and between string
/// literals that a program joins. Each line may begin with the mark of a diff, a quoted mail or a
/// comment.
std::size_t soft_end(std::string_view text);

}  // namespace nexakey::scan
