#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace nexakey::cli {

/// The help of a command: usage, summary, examples, subcommands by group, arguments and options,
/// and where more is described. No line is longer than 80 columns if those of the usage and the
/// examples are not. CLI11's own help differs between its versions.
std::string help_of(const CLI::App& command);

/// The name of a command with those of its parents: `nexakey whitelist add`.
std::string full_name(const CLI::App& command);

/// The subcommands of a command.
std::vector<const CLI::App*> commands_of(const CLI::App& command);
/// Whether an option has a value, unlike a flag.
bool takes_value(const CLI::Option& option);

/// The options of a command, its own before the global ones.
std::vector<const CLI::Option*> options_of(const CLI::App& command);
/// The arguments of a command that are not options.
std::vector<const CLI::Option*> positionals_of(const CLI::App& command);
/// The long names of `options_of`, with `--`.
std::vector<std::string> option_names(const CLI::App& command);
/// The names of `commands_of`.
std::vector<std::string> command_names(const CLI::App& command);

}  // namespace nexakey::cli
