#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/settings.h"

namespace nexakey::cli {

/// The parser of the command line, on CLI11.
class CommandLine {
 public:
  /// Adds all commands, or only the one named `only`, with their options.
  explicit CommandLine(const std::string& only = {});

  /// Parses the words after the program's name; throws CLI::ParseError.
  void parse(const std::vector<std::string>& words);
  /// The words that the parser did not accept, marked as by `mark_values`.
  [[nodiscard]] std::vector<std::string> extras() const;

  [[nodiscard]] const CLI::App& app() const { return *app_; }
  [[nodiscard]] const GlobalOptions& globals() const { return *globals_; }
  /// Runs the parsed command.
  [[nodiscard]] const Runner& runner() const { return parsed().runner; }
  /// The command that was parsed.
  [[nodiscard]] const Command& command() const { return *parsed().command; }

 private:
  struct Attached {
    const Command* command;
    std::unique_ptr<Arguments> arguments;
    Runner runner;
  };

  void add_globals();
  [[nodiscard]] const Attached& parsed() const;

  // On the heap, so that CLI11's references into them outlive a move.
  std::unique_ptr<CLI::App> app_;
  Arguments root_;
  std::unique_ptr<GlobalOptions> globals_;
  std::vector<Attached> commands_;
};

/// The index of the word that names the command, found without parsing; nothing if there is none.
std::optional<std::size_t> find_command(const std::vector<std::string>& words);

/// The value of the last -o or --output, found without parsing.
std::optional<std::string> find_output_option(const std::vector<std::string>& words);

/// Whether the command with this name takes -o env.
bool takes_env_output(std::string_view command);
/// The same for `-o sarif`.
bool takes_sarif_output(std::string_view command);

/// Ends the command if the word at index `at` is not a command; the hint has the most similar one.
void check_command(const std::vector<std::string>& words, std::size_t at);

}  // namespace nexakey::cli
