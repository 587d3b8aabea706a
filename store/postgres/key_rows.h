#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/key.h"
#include "core/key_filter.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// The rows of the table `keys`. Errors are exceptions.

/// What a decision needs, from eight columns, the first of which is `column`: id, workspace,
/// scopes, whitelist, rate_limit, expires_at, suspended_at, revoked_at.
core::KeyRules read_rules(const Rows& rows, int row, int column);

/// A whole key, with the columns in the order of `kSelectKeys`.
core::Key read_key(const Rows& rows, int row);
/// Up to the WHERE of a query.
extern const std::string kSelectKeys;

std::optional<core::Key> find_key(Connection& connection, core::KeyId id);
/// The keys that have an id or a hash of one of these, in any order.
std::vector<core::Key> find_alike(Connection& connection, std::span<const core::Key> keys);
/// The keys of this name, newest first.
std::vector<core::Key> find_namesakes(Connection& connection, const std::string& workspace,
                                      const std::string& name);

/// Whether the store has a key with this hash.
bool has_hash(Connection& connection, const core::KeyHash& hash);
/// Adds keys, in their order, but not when they were last used.
void insert_keys(Connection& connection, std::span<const core::Key> keys);
/// Writes all that can change of a key.
void update_key(Connection& connection, const core::Key& key);

/// Visits the keys that a filter may match, newest first, behind `after`, until it has enough.
void visit_keys(Connection& connection, const core::KeyFilter& filter,
                const std::optional<core::KeyId>& after,
                const std::function<bool(const core::Key&)>& visit);

}  // namespace nexakey::store::postgres
