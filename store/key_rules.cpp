#include "store/key_rules.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "store/arrange.h"
#include "store/purge_rules.h"
#include "store/refusals.h"
#include "store/revocation.h"

namespace nexakey::store::rules {
namespace {

using core::Key;
using core::KeyId;

/// How many keys are revoked between two calls of `is_over`.
constexpr std::size_t kRevokedAtOnce = 100;

/// The newest key that has the name of `key` in its workspace, is not superseded, and meets
/// `condition`.
template <typename Condition>
std::optional<Key> find_namesake(Change& change, const Key& key, const Condition& condition) {
  const core::KeyFilter filter{
      .workspace = key.workspace, .name = key.name, .newest_of_line = true};
  std::optional<Key> namesake;
  change.tables.scan_keys(filter, std::nullopt, Order::newest_first, [&](const Key& found) {
    if (filter.matches(found, change.now) && condition(found)) {
      namesake = found;
    }
    return !namesake;
  });
  return namesake;
}

bool has_hash(Change& change, const core::KeyHash& hash) {
  return !change.tables.find_keys({&hash, 1}).empty();
}

/// Writes and logs the change of a key; does nothing if nothing has changed.
void write_change(Change& change, core::AuditAction action, const Key& before, const Key& after) {
  if (auto record = core::record_change(action, before, after)) {
    change.tables.update({&after, 1});
    change.log(*std::move(record));
  }
}

/// Marks a key as revoked. Returns the record of it.
core::AuditRecord mark_revoked(Key& key, std::string_view reason, core::Time now) {
  const Key before = key;
  key.revoked_at = now;
  key.revoke_reason = reason;
  return core::record_revocation(before, key);
}

/// Revokes a key, and nothing else of it: a damaged one stays as it is.
void revoke_one(Change& change, Key& key, std::string_view reason) {
  auto record = mark_revoked(key, reason, change.now);
  change.tables.revoke({&key, 1});
  change.log(std::move(record));
}

/// Revokes the successor that a rotation has staged.
Result<std::optional<core::Rotated>> cancel(Change& change, const Key& key,
                                            const std::optional<Key>& successor,
                                            const core::Rotation& rotation) {
  if (!successor || !core::is_staged(rotation, key, *successor)) {
    return core::fail(
        core::ErrorCode::not_found,
        key.id.to_string() + " has no unconfirmed successor " + rotation.successor.to_string());
  }
  core::Rotated rotated{.successor = *successor, .previous = key};
  if (!successor->revoked_at) {
    revoke_one(change, rotated.successor, core::kNotDeliveredReason);
  }
  return rotated;
}

/// Ends a key whose successor is confirmed, and the unconfirmed successors that interrupted
/// rotations left of it: somebody may use these, so they end as the key does.
void supersede(Change& change, const Key& key, const core::Rotated& rotated,
               std::chrono::seconds grace) {
  const KeyId successor = rotated.successor.id;
  for (Key& other : change.tables.successors_of({&key.id, 1})) {
    if (!other.unconfirmed || other.id == successor || other.has_ended(change.now)) {
      continue;
    }
    if (!other.damage.empty()) {
      // Writing it would make the damage permanent; its requests are answered with 503.
      revoke_one(change, other, core::kRotatedReason);
    } else {
      write_change(change, core::AuditAction::rotate, other,
                   core::supersede(other, successor, grace, change.now));
    }
  }
  write_change(change, core::AuditAction::rotate, key, rotated.previous);
}

/// Confirms the successor that a rotation has staged.
Result<std::optional<core::Rotated>> confirm(Change& change, const Key& key, const Key& staged,
                                             const core::Rotation& rotation) {
  if (!staged.damage.empty()) {
    return tl::unexpected(core::damaged_key(staged));
  }
  if (staged.has_ended(change.now)) {
    return core::fail(core::ErrorCode::conflict, staged.id.to_string() + ", the successor of " +
                                                     key.id.to_string() + ", has ended");
  }
  // A key that has ended since stays as it is: its successor was handed over.
  auto rotated = key.has_ended(change.now) && !key.superseded_by && key.damage.empty()
                     ? Result<core::Rotated>(core::Rotated{.successor = staged, .previous = key})
                     : core::rotate(key, rotation, change.now);
  if (!rotated) {
    return tl::unexpected(std::move(rotated.error()));
  }
  rotated->previous.superseded_by = staged.id;
  rotated->successor = staged;
  rotated->successor.unconfirmed = false;
  write_change(change, core::AuditAction::rotate, staged, rotated->successor);
  supersede(change, key, *rotated, rotation.grace);
  return *std::move(rotated);
}

}  // namespace

Result<Key> create(Change& change, const Key& key, CreateMode mode) {
  // Only the store knows when a key was last used, so that is not a part of the new key.
  Key added = key;
  added.last_use = {};
  // A line that a client could choose would let it use up the quotas of another one.
  added.line.reset();
  if (added.rotated_from) {
    added.line = first_of_line(change.tables, *added.rotated_from);
  }
  if (const auto same = find_one(change.tables, key.id)) {
    added.last_use = same->last_use;
    return *same == added ? Result<Key>(added) : tl::unexpected(id_taken(key.id));
  }
  if (mode == CreateMode::unless_named) {
    if (auto namesake = find_namesake(
            change, key, [&](const Key& found) { return found.is_active(change.now); })) {
      return *std::move(namesake);
    }
  }
  if (mode == CreateMode::unique) {
    if (const auto namesake = find_namesake(
            change, key, [&](const Key& found) { return !found.has_ended(change.now); })) {
      return tl::unexpected(name_taken(*namesake));
    }
  }
  if (has_hash(change, key.hash)) {
    return tl::unexpected(key_hash_taken());
  }
  if (const auto tombstone = find_tombstone(change.tables, key)) {
    return tl::unexpected(was_purged(*tombstone));
  }
  for (const auto& relative : {key.rotated_from, key.superseded_by}) {
    if (relative && !find_one(change.tables, *relative)) {
      return tl::unexpected(not_found(*relative));
    }
  }
  if (auto allowed =
          core::check_creation(change.tables.find_policy(added.workspace), added, change.now);
      !allowed) {
    return tl::unexpected(std::move(allowed.error()));
  }
  change.tables.insert({&added, 1});
  change.log(core::record_creation(added));
  return added;
}

Result<std::optional<Key>> update(Change& change, KeyId id, const core::KeyChange& key_change) {
  const auto key = find_one(change.tables, id);
  if (!key) {
    return std::nullopt;
  }
  auto changed = core::apply(*key, key_change, change.now);
  if (!changed) {
    return tl::unexpected(std::move(changed.error()));
  }
  if (auto allowed = core::check_change(change.tables.find_policy(key->workspace), *changed,
                                        key_change, change.now);
      !allowed) {
    return tl::unexpected(std::move(allowed.error()));
  }
  write_change(change, core::AuditAction::edit, *key, *changed);
  return *std::move(changed);
}

Result<std::optional<core::Rotated>> rotate(Change& change, KeyId id,
                                            const core::Rotation& rotation) {
  const std::array ids{id, rotation.successor};
  const auto found = change.tables.find_by_either(ids, {&rotation.hash, 1});
  const auto both = arrange(std::span<const KeyId>(ids), found, &Key::id);
  const auto& key = both[0];
  const auto& twin = both[1];
  if (!key) {
    return std::nullopt;
  }
  if (rotation.step == core::RotationStep::cancel) {
    return cancel(change, *key, twin, rotation);
  }
  const bool is_staged = twin && core::is_staged(rotation, *key, *twin);
  if (twin && (core::is_done(rotation, *key, *twin) || (is_staged && rotation.step))) {
    return core::Rotated{.successor = *twin, .previous = *key};
  }
  if (is_staged) {
    return confirm(change, *key, *twin, rotation);
  }
  auto rotated = core::rotate(*key, rotation, change.now);
  if (!rotated) {
    return tl::unexpected(std::move(rotated.error()));
  }
  if (twin) {
    return tl::unexpected(id_taken(twin->id));
  }
  if (std::ranges::find(found, rotation.hash, &Key::hash) != found.end()) {
    return tl::unexpected(key_hash_taken());
  }
  if (const auto tombstone = find_tombstone(change.tables, rotated->successor)) {
    return tl::unexpected(was_purged(*tombstone));
  }
  if (auto allowed = core::check_successor(change.tables.find_policy(key->workspace),
                                           rotated->successor, change.now);
      !allowed) {
    return tl::unexpected(std::move(allowed.error()));
  }
  change.tables.insert({&rotated->successor, 1});
  change.log(core::record_creation(rotated->successor));
  if (!rotation.step) {
    supersede(change, *key, *rotated, rotation.grace);
  }
  return *std::move(rotated);
}

Result<std::vector<Key>> revoke(Change& change, std::span<const KeyId> ids,
                                const std::string& reason, const std::function<bool()>& is_over) {
  const auto mark = [&](Key& key) { return mark_revoked(key, reason, change.now); };
  std::vector<Key> keys;
  while (keys.size() < ids.size() && (keys.empty() || !is_over())) {
    const auto group = ids.subspan(keys.size(), std::min(kRevokedAtOnce, ids.size() - keys.size()));
    auto revoked = revoke_rows(change, group, change.tables.find_keys(group), mark);
    if (!revoked) {
      return revoked;
    }
    std::ranges::move(*revoked, std::back_inserter(keys));
  }
  return keys;
}

}  // namespace nexakey::store::rules
