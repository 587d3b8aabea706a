#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "core/key.h"

namespace nexakey::cli {

/// The options that say what a new key may do, the same for every command that makes keys.
struct KeyOptions {
  std::vector<std::string> scopes;
  std::vector<std::string> whitelist;
  std::optional<std::string> expires{};
  std::optional<std::string> rate_limit{};
  std::string description;
  std::vector<std::string> labels;

  /// Returns the option that takes the scopes.
  Option* add_to(Arguments& app);
  /// Whether any of them was given.
  [[nodiscard]] bool given() const;
  /// A key that is made now, in the workspace; it has no id, name and hash yet, and no scopes if
  /// there are none. Ends the command if one of the options is wrong.
  [[nodiscard]] core::Key make_key(const Context& context) const;
};

}  // namespace nexakey::cli
