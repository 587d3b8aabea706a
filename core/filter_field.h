#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::core {

/// A condition of a filter, as a parameter of a query string.
template <typename Filter>
struct FilterField {
  std::string_view name;
  /// Whether the parameter may be repeated, each time with another value.
  bool is_list = false;
  /// Sets the condition, or adds a value to it. Error: `usage`, if the value is invalid.
  Result<void> (*read)(Filter&, const std::string& text) = nullptr;
  /// The values from which `read` restores the condition; none if it is not set.
  std::vector<std::string> (*values)(const Filter&) = nullptr;
};

/// Sets a member of a filter to a parsed value, or returns its error.
template <typename T>
Result<void> set(std::optional<T>& member, Result<T> parsed) {
  if (!parsed) {
    return tl::unexpected(std::move(parsed.error()));
  }
  member = *std::move(parsed);
  return {};
}

}  // namespace nexakey::core
