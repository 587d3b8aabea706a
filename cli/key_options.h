#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "cli/limit_options.h"
#include "core/key.h"

namespace nexakey::cli {

/// The options for the properties of new keys, shared by the commands that create keys.
struct KeyOptions {
  std::vector<std::string> scopes;
  std::vector<std::string> whitelist;
  std::optional<std::string> expires{};
  LimitOptions limits{};
  std::string description;
  std::vector<std::string> labels;

  void add_to(Arguments& app);
  /// Whether any of the options was given.
  [[nodiscard]] bool given() const;
  /// A key with these properties, created now in the workspace, without id, name and hash. What is
  /// not given is as `like` has it, if there is one. Ends the command if a value is invalid.
  [[nodiscard]] core::Key make_key(const Context& context, const core::Key* like = nullptr) const;
  /// What an existing key has that differs from `wanted`, the key that these options make, in the
  /// options that were given: "scopes read instead of write". Of labels, only these matter.
  [[nodiscard]] std::vector<std::string> differences(const core::Key& key,
                                                     const core::Key& wanted) const;
};

}  // namespace nexakey::cli
