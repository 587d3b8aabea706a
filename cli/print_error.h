#pragma once

#include <string>

#include "cli/settings.h"
#include "core/error.h"

namespace nexakey::cli {

/// Prints an error to standard error as one line: text, or {"error": {…}} in JSON formats. Control
/// characters are replaced and keys, tokens and passwords are masked.
void print_error(const core::Error& error, Format format);

/// The line that print_error prints, without its newline.
std::string format_error(const core::Error& error, Format format);

/// The first line of a library's message, starting in lower case.
std::string clean_message(std::string message);

}  // namespace nexakey::cli
