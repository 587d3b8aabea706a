#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "core/key_filter.h"

namespace nexakey::cli {

/// The options that select keys, the same for every command that has them.
struct FilterOptions {
  std::optional<std::string> status{};
  std::vector<std::string> scopes;
  std::optional<std::string> pattern{};
  std::vector<std::string> labels;
  std::optional<std::string> expires_within{};
  std::optional<std::string> unused_for{};
  std::optional<std::string> older_than{};
  bool all_workspaces = false;

  /// All of them.
  void add_to(Arguments& app);
  /// All but --status, for commands that are about active keys.
  void add_selection_to(Arguments& app);
  /// Whether any of them was given.
  [[nodiscard]] bool given() const;
  /// The filter that they make; ends the command if one of them is wrong.
  [[nodiscard]] core::KeyFilter filter(const Context& context) const;
};

}  // namespace nexakey::cli
