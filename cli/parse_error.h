#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"

namespace nexakey::cli {

/// What is wrong with a command line, in our words: CLI11's differ from version to version.
/// `command` is the one that the words were for, `extras` what the parser had no place for, marked
/// (cli/word_scanner.h).
core::Error describe(const CLI::ParseError& error, const CLI::App& command,
                     const std::vector<std::string>& extras);

}  // namespace nexakey::cli
