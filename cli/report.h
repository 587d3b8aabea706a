#pragma once

#include <string>

#include "cli/settings.h"
#include "core/error.h"

namespace nexakey::cli {

/// Prints an error on standard error, as one line: for people, or {"error": {…}}. Whatever its
/// message was made of, no control character and no key comes out.
void report(const core::Error& error, Format format);

/// The line that `report` prints, without its line feed.
std::string format_report(const core::Error& error, Format format);

/// A message of a library in our form: lower case, one line.
std::string clean_message(std::string message);

}  // namespace nexakey::cli
