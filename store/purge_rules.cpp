#include "store/purge_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/ids_of.h"
#include "store/arrange.h"

namespace nexakey::store::rules {
namespace {

using core::ids_of;
using core::Key;
using core::KeyId;
using core::PurgeOptions;
using core::Time;

/// How many keys are purged together, after their usage was deleted.
constexpr std::size_t kPurgedAtOnce = 50;

/// Whether a key has ended early enough. One whose hash is lost cannot have a tombstone.
bool is_over(const Key& key, const PurgeOptions& options, Time now) {
  const auto ended_at = key.ended_at(now);
  return ended_at && *ended_at < options.ended_before &&
         options.workspace.value_or(key.workspace) == key.workspace &&
         std::ranges::find(key.damage, "hash") == key.damage.end();
}

bool has_live_line(Tables& tables, KeyId first, Time now) {
  bool is_live = false;
  tables.scan_line(first, [&](const Key& key) {
    is_live = !key.has_ended(now);
    return !is_live;
  });
  return is_live;
}

/// Those of these keys that a purge removes, in the order of `ids`.
std::vector<Key> purgeable(Tables& tables, std::span<const KeyId> ids, const PurgeOptions& options,
                           Time now) {
  std::vector<Key> keys;
  std::set<KeyId> known;
  for (std::optional<Key>& key : find(tables, ids)) {
    if (key && is_over(*key, options, now) && known.insert(key->id).second) {
      keys.push_back(*std::move(key));
    }
  }
  std::set<KeyId> rotated;
  for (const Key& successor : tables.successors_of(ids_of(keys))) {
    rotated.insert(*successor.rotated_from);
  }
  std::erase_if(keys, [&](const Key& key) {
    return !key.rotated_from && rotated.contains(key.id) && has_live_line(tables, key.id, now);
  });
  return keys;
}

/// The keys that refer to keys which are removed. They then refer to those beyond them.
std::vector<Key> joined(Tables& tables, const std::vector<Key>& removed) {
  std::map<KeyId, const Key*> gone;
  for (const Key& key : removed) {
    gone.emplace(key.id, &key);
  }
  const auto beyond = [&](std::optional<KeyId> id, std::optional<KeyId> Key::*link) {
    // In a tampered store, keys may be rotated from each other.
    for (std::size_t steps = 0; id && gone.contains(*id); ++steps) {
      id = steps < removed.size() ? gone.at(*id)->*link : std::nullopt;
    }
    return id;
  };
  const std::vector<KeyId> ids = ids_of(removed);
  std::map<KeyId, Key> neighbours;
  for (auto& keys : {tables.successors_of(ids), tables.predecessors_of(ids)}) {
    for (const Key& key : keys) {
      neighbours.emplace(key.id, key);
    }
  }
  std::vector<Key> joined;
  for (auto& [id, key] : neighbours) {
    key.rotated_from = beyond(key.rotated_from, &Key::rotated_from);
    key.superseded_by = beyond(key.superseded_by, &Key::superseded_by);
    joined.push_back(std::move(key));
  }
  return joined;
}

}  // namespace

PurgeStep purge(Change& change, std::span<const KeyId> ids, const PurgeOptions& options) {
  PurgeStep step;
  for (std::size_t room = kMaxAtOnce; step.done < ids.size();) {
    const auto group = ids.subspan(step.done, std::min(kPurgedAtOnce, ids.size() - step.done));
    const std::vector<Key> keys = purgeable(change.tables, group, options, change.now);
    const std::vector<KeyId> purged = ids_of(keys);
    room -= change.tables.delete_usage(purged, room);
    if (room <= keys.size()) {
      break;  // the next step has room for the rest
    }
    room -= keys.size();
    bury(change.tables, keys, change.now);
    for (const Key& key : keys) {
      change.log(core::record_purge(key));
    }
    step.purged.insert(step.purged.end(), purged.begin(), purged.end());
    step.done += group.size();
  }
  return step;
}

PurgeStep find_purgeable(Tables& tables, std::span<const KeyId> ids, const PurgeOptions& options,
                         Time now) {
  ids = ids.first(std::min(ids.size(), kMaxAtOnce));
  return {.purged = ids_of(purgeable(tables, ids, options, now)), .done = ids.size()};
}

void bury(Tables& tables, const std::vector<Key>& keys, Time now) {
  if (keys.empty()) {
    return;
  }
  std::vector<core::Tombstone> tombstones;
  for (const Key& key : keys) {
    tombstones.push_back({.id = key.id, .hash = key.hash, .purged_at = now});
  }
  tables.relink(joined(tables, keys));
  tables.remove(ids_of(keys));
  tables.insert(tombstones);
}

std::optional<core::Tombstone> find_tombstone(Tables& tables, const Key& key) {
  const auto found = tables.find_tombstones({&key, 1});
  return found.empty() ? std::nullopt : std::optional(found.front());
}

}  // namespace nexakey::store::rules
