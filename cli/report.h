#pragma once

#include "cli/settings.h"
#include "core/error.h"

namespace nexakey::cli {

/// Prints an error on standard error, as one line: for people, or {"error": {…}}. Whatever its
/// message was made of, no control character and no key comes out.
void report(const core::Error& error, Format format);

}  // namespace nexakey::cli
