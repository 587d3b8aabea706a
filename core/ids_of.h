#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace nexakey::core {

/// The ids of keys or tokens, in the same order.
template <typename T>
std::vector<decltype(T::id)> ids_of(const std::vector<T>& things) {
  std::vector<decltype(T::id)> ids;
  ids.reserve(things.size());
  std::ranges::transform(things, std::back_inserter(ids), &T::id);
  return ids;
}

}  // namespace nexakey::core
