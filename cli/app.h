#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/settings.h"

namespace nexakey::cli {

/// Runs the command line and returns the exit status of the process.
int nexakey_main(int argc, char** argv);

/// The command line as CLI11 sees it.
class CommandLine {
 public:
  /// With the commands' own options: of all commands, or only of the one with this name.
  explicit CommandLine(const std::string& only = {});

  CLI::App& app() { return *app_; }
  [[nodiscard]] const GlobalOptions& globals() const { return *globals_; }
  /// What the parsed command does.
  [[nodiscard]] const Runner& runner() const;

 private:
  // On the heap, so that CLI11's references into them outlive a move.
  std::unique_ptr<CLI::App> app_;
  std::unique_ptr<GlobalOptions> globals_;
  std::vector<std::pair<const CLI::App*, Runner>> runners_;
};

}  // namespace nexakey::cli
