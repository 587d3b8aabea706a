#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/settings.h"

namespace nexakey::cli {

/// The command line as CLI11 sees it.
class CommandLine {
 public:
  /// With the commands' own options: of all commands, or only of the one with this name.
  explicit CommandLine(const std::string& only = {});

  /// Parses the words behind the program's name; throws CLI::ParseError.
  void parse(const std::vector<std::string>& words);
  /// The words that it had no place for, marked as `mark_values` does.
  [[nodiscard]] std::vector<std::string> extras() const;

  [[nodiscard]] const CLI::App& app() const { return *app_; }
  [[nodiscard]] const GlobalOptions& globals() const { return *globals_; }
  /// What the parsed command does.
  [[nodiscard]] const Runner& runner() const;

 private:
  void add_globals();

  // On the heap, so that CLI11's references into them outlive a move.
  std::unique_ptr<CLI::App> app_;
  Arguments root_;
  std::unique_ptr<GlobalOptions> globals_;
  std::vector<std::pair<std::unique_ptr<Arguments>, Runner>> runners_;
};

/// Where the word that names the command is, found without a parser; nothing if there is none.
std::optional<std::size_t> find_command(const std::vector<std::string>& words);

/// The value of -o or --output, found without a parser; the last one, as for the parser.
std::optional<std::string> find_output_option(const std::vector<std::string>& words);

/// Ends the command if a word is no command, with the one that may have been meant.
void check_command(const std::string& word);

}  // namespace nexakey::cli
