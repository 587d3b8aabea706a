#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "core/key_filter.h"

namespace nexakey::cli {

/// The options that select keys, shared by the commands that have them.
struct FilterOptions {
  std::optional<std::string> status{};
  std::vector<std::string> scopes;
  std::optional<std::string> pattern{};
  std::vector<std::string> labels;
  std::optional<std::string> expires_within{};
  std::optional<std::string> unused_for{};
  std::optional<std::string> older_than{};
  bool all_workspaces = false;

  /// Adds all options.
  void add_to(Arguments& app);
  /// Adds all options but --status, for commands on active keys.
  void add_selection_to(Arguments& app);
  /// Whether any of the options was given.
  [[nodiscard]] bool given() const;
  /// Ends the command unless either keys or filters are given, and not both.
  void check_alternative(const std::vector<std::string>& keys) const;
  /// The filter of the options; ends the command if a value is invalid.
  [[nodiscard]] core::KeyFilter filter(const Context& context) const;
};

}  // namespace nexakey::cli
