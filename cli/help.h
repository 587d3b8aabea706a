#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace nexakey::cli {

/// The help of a command: usage, what it does, arguments, options, examples. It is ours and not
/// CLI11's so that it does not change with the version of that.
std::string help_of(const CLI::App& command);

/// `nexakey whitelist add`.
std::string full_name(const CLI::App& command);

/// The commands below a command.
std::vector<const CLI::App*> commands_of(const CLI::App& command);
bool takes_value(const CLI::Option& option);

/// The options that a command takes, its own before those of all commands.
std::vector<const CLI::Option*> options_of(const CLI::App& command);
std::vector<const CLI::Option*> positionals_of(const CLI::App& command);
/// The same as words, `--` in front.
std::vector<std::string> option_names(const CLI::App& command);
std::vector<std::string> command_names(const CLI::App& command);

}  // namespace nexakey::cli
