#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/context.h"
#include "core/key_filter.h"

namespace nexakey::core {
struct FilterOption;
}  // namespace nexakey::core

namespace nexakey::cli {

/// The options that select keys, shared by the commands that have them. They are described in
/// core/key_filter_fields.h. An object must not move after it was added to the arguments.
class FilterOptions {
 public:
  /// Adds all options.
  void add_to(Arguments& app);
  /// Adds all options, for a command with options for the properties of a key: --name, --scope and
  /// --label are --with-name, --with-scope and --with-label.
  void add_beside_properties_to(Arguments& app);
  /// Adds all options but those for keys that cannot be rotated.
  void add_selection_to(Arguments& app);
  /// Adds --all-workspaces alone.
  void add_workspaces_to(Arguments& app);
  /// Whether any of the options was given.
  [[nodiscard]] bool given() const;
  /// Ends the command unless either keys or filters are given, and not both.
  void check_alternative(const std::vector<std::string>& keys) const;
  [[nodiscard]] bool all_workspaces() const { return all_workspaces_; }
  /// The filter of the options, for active keys unless --status was given; ends the command if a
  /// value is invalid.
  [[nodiscard]] core::KeyFilter filter(const Context& context) const;

 private:
  void add(Arguments& app, const core::FilterOption& option, const std::string& name);
  /// Adds the options for which `name_of` returns a name, and --all-workspaces.
  void add_all(Arguments& app, std::string (*name_of)(const core::FilterOption&));

  std::map<std::string_view, std::optional<std::string>> values_;  // by name of the option
  std::map<std::string_view, std::vector<std::string>> lists_;     // those that may be repeated
  std::map<std::string_view, bool> flags_;                         // those without a value
  bool all_workspaces_ = false;
};

}  // namespace nexakey::cli
