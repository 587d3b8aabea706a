#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/key.h"

namespace nexakey::core {

/// Which keys a list is about. Every backend selects with `matches`; what it can tell beforehand
/// (the workspace, an id) only spares it the others.
struct KeyFilter {
  std::optional<std::string> workspace{};  ///< none: every workspace
  std::optional<KeyIdRange> ids{};
  std::optional<KeyHash> hash{};
  std::optional<std::string> name{};     ///< exactly this one
  std::optional<std::string> pattern{};  ///< a name by shell pattern, as fnmatch(3)
  std::optional<KeyStatus> status{};     ///< none: any; `active` includes damaged ones
  std::optional<Scopes> scopes{};        ///< has all of them
  Labels labels{};                       ///< has all of them; an empty value stands for any
  std::optional<Time> expires_before{};  ///< is not expired, and will be before this
  std::optional<Time> unused_since{};    ///< made before this, and no decision since
  std::optional<Time> created_before{};
  bool newest_of_line = false;  ///< no rotation has superseded it

  [[nodiscard]] bool matches(const Key& key, Time now) const;
};

/// Reads labels that are wanted: `team=crm`, or `team` for any value.
Result<Labels> parse_wanted_labels(const std::vector<std::string>& texts);

/// A shell pattern that can be matched in little time: at most 256 bytes, with at most 8 `*`.
Result<void> check_pattern(std::string_view pattern);

}  // namespace nexakey::core
