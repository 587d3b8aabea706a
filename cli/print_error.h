#pragma once

#include <string>

#include "cli/settings.h"
#include "core/error.h"

namespace nexakey::cli {

/// An error as it is shown. Its texts may contain anything, such as the name of a file: control
/// characters are replaced, and keys and tokens are masked, in the message also passwords in URLs.
/// A hint may show the form of a URL.
core::Error presentable(const core::Error& error);

/// Prints an error to standard error as one presentable line: text, or {"error": {…}} in JSON
/// formats.
void print_error(const core::Error& error, Format format);

/// The line that print_error prints, without its newline.
std::string format_error(const core::Error& error, Format format);

/// The first line of a library's message, starting in lower case.
std::string clean_message(std::string message);

}  // namespace nexakey::cli
