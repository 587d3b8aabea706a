#pragma once

#include <string>

#include "cli/settings.h"
#include "core/error.h"

namespace nexakey::cli {

/// Text that may contain anything, such as the name of a file, without control characters, and with
/// keys, tokens and passwords masked.
std::string presentable(std::string text);

/// Prints an error to standard error as one presentable line: text, or {"error": {…}} in JSON
/// formats.
void print_error(const core::Error& error, Format format);

/// The line that print_error prints, without its newline.
std::string format_error(const core::Error& error, Format format);

/// The first line of a library's message, starting in lower case.
std::string clean_message(std::string message);

}  // namespace nexakey::cli
