#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "store/tables.h"

namespace nexakey::store {

/// Arranges `found` in the order of `asked`, such as ids; empty in the place of what was not found.
/// `member`: the member of T that was asked for.
template <typename Asked, typename T, typename Member>
std::vector<std::optional<T>> arrange(std::span<const Asked> asked, const std::vector<T>& found,
                                      Member member) {
  std::map<Asked, const T*> by_member;
  for (const T& thing : found) {
    by_member.emplace(thing.*member, &thing);
  }
  std::vector<std::optional<T>> arranged(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (const auto thing = by_member.find(asked[i]); thing != by_member.end()) {
      arranged[i] = *thing->second;
    }
  }
  return arranged;
}

/// The keys with these ids or hashes, in the same order; empty in the place of one that does not
/// exist.
inline std::vector<std::optional<core::Key>> find(Tables& tables,
                                                  std::span<const core::KeyId> ids) {
  return arrange(ids, tables.find_keys(ids), &core::Key::id);
}

inline std::vector<std::optional<core::Key>> find(Tables& tables,
                                                  std::span<const core::KeyHash> hashes) {
  return arrange(hashes, tables.find_keys(hashes), &core::Key::hash);
}

inline std::optional<core::Key> find_one(Tables& tables, core::KeyId id) {
  auto found = tables.find_keys({&id, 1});
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

/// The first key of the line of rotations of a key, which the tables may not have.
inline core::KeyId first_of_line(Tables& tables, core::KeyId id) {
  const auto key = find_one(tables, id);
  return key ? key->first_of_line() : id;
}

}  // namespace nexakey::store
