#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/key.h"

namespace nexakey::core {

/// Selects keys. Every backend uses `matches`; it may also exclude keys beforehand, by workspace or
/// id.
struct KeyFilter {
  std::optional<std::string> workspace{};  ///< none: every workspace
  std::optional<KeyIdRange> ids{};
  std::optional<KeyHash> hash{};
  std::optional<std::string> name{};     ///< exactly this name
  std::optional<std::string> pattern{};  ///< a shell pattern for the name, as in fnmatch(3)
  std::optional<KeyStatus> status{};     ///< none: any; `active` includes damaged ones
  std::optional<Scopes> scopes{};        ///< has all of them
  Labels labels{};                       ///< has all of them; an empty value matches any
  std::optional<Time> expires_before{};  ///< is not expired, and expires before this
  std::optional<Time> unused_since{};    ///< created before this, and not used since
  std::optional<Time> created_before{};
  std::optional<Time> ended_before{};  ///< was revoked or expired before this
  bool newest_of_line = false;         ///< neither superseded by a rotation nor unconfirmed
  bool superseded = false;             ///< a rotation has superseded it
  bool unconfirmed = false;            ///< a rotation that has not ended made it

  [[nodiscard]] bool matches(const Key& key, Time now) const;
};

/// Parses the labels of a filter: `team=crm`, or `team` for any value. Error: `usage`.
Result<Labels> parse_wanted_labels(const std::vector<std::string>& texts);

/// Error: `usage`, for a shell pattern that may be slow to match: more than 256 bytes or 8 `*`.
Result<void> check_pattern(std::string_view pattern);

}  // namespace nexakey::core
