#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"

namespace nexakey::cli {

/// The error in a command line, in nexakey's words; CLI11's messages differ between its versions.
/// `command` is the command that was parsed last, `extras` the words that the parser did not
/// accept, marked (cli/word_scanner.h).
core::Error describe(const CLI::ParseError& error, const CLI::App& command,
                     const std::vector<std::string>& extras);

/// The error of an option that `command` does not have; the hint has the most similar one. Only the
/// name is quoted, because a value in the same word can be a secret.
core::Error unknown_option(const std::string& word, const CLI::App& command);

}  // namespace nexakey::cli
