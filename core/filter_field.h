#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace nexakey::core {

/// A condition of a filter, as a parameter of a query string: its name, and its value as text.
template <typename Filter>
struct FilterField {
  std::string_view name;
  /// Whether the parameter may be repeated, each time with another value.
  bool is_list = false;
  /// Sets the condition, or adds a value to it; a `usage` error if there is no such value.
  Result<void> (*read)(Filter&, const std::string& text) = nullptr;
  /// The values that `read` makes this condition of; none if it is not set.
  std::vector<std::string> (*values)(const Filter&) = nullptr;
};

/// Sets a member of a filter to what `parse` makes of a text.
template <typename T>
Result<void> set(std::optional<T>& member, Result<T> parsed) {
  if (!parsed) {
    return tl::unexpected(std::move(parsed.error()));
  }
  member = *std::move(parsed);
  return {};
}

}  // namespace nexakey::core
