#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "store/change.h"
#include "store/key_store.h"
#include "store/refusals.h"

namespace nexakey::store::rules {

/// Revokes the keys or tokens with these ids, which are in `found`; none if one is missing
/// (`not_found`). One that is revoked already keeps its first time and reason. `mark` sets the
/// revocation of one and returns its record for the log. Returns all of them, in the order of
/// `ids`.
template <typename Id, typename T, typename Mark>
Result<std::vector<T>> revoke_rows(Change& change, std::span<const Id> ids, std::vector<T> found,
                                   const Mark& mark) {
  std::map<Id, T> by_id;
  for (T& thing : found) {
    by_id.emplace(thing.id, std::move(thing));
  }
  std::vector<T> things;
  std::vector<T> revoked;
  for (const Id id : ids) {
    const auto known = by_id.find(id);
    if (known == by_id.end()) {
      return tl::unexpected(not_found(id));
    }
    T& thing = known->second;
    if (!thing.revoked_at) {
      change.log(mark(thing));
      revoked.push_back(thing);
    }
    things.push_back(thing);
  }
  if (!revoked.empty()) {
    change.tables.revoke(revoked);
  }
  return things;
}

}  // namespace nexakey::store::rules
