#pragma once

#include <functional>
#include <optional>
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

std::optional<core::Key> find_key(Connection& connection, core::KeyId id);
/// The keys of this name, newest first.
std::vector<core::Key> find_namesakes(Connection& connection, const std::string& workspace,
                                      const std::string& name);

/// Whether the store has a key with this hash.
bool has_hash(Connection& connection, const core::KeyHash& hash);
void insert_key(Connection& connection, const core::Key& key);
/// Writes all that can change of a key.
void update_key(Connection& connection, const core::Key& key);

/// Visits the keys that a filter may match, newest first, behind `after`, until it has enough.
void visit_keys(Connection& connection, const core::KeyFilter& filter,
                const std::optional<core::KeyId>& after,
                const std::function<bool(const core::Key&)>& visit);

}  // namespace nexakey::store::postgres
