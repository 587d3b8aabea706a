#pragma once

#include <functional>

#include "store/engine.h"

/// Lists, read with a transaction for each few hundred rows. What is done with the rows may take
/// any time, as when nobody reads the output of `nexakey list`, and a transaction that lasts as
/// long would prevent checkpoints (SQLite) and vacuuming (PostgreSQL).
namespace nexakey::store {

/// Calls `visit` with each key that `filter` matches, newest first, from the one after `after` on,
/// until it returns false. `max`: how many the caller probably takes. Error: `not_found`, if the
/// keys after which the rest begins do not exist any more.
Result<void> list_keys(Engine& engine, const core::KeyFilter& filter,
                       const std::optional<core::KeyId>& after, std::size_t max, core::Time now,
                       const std::function<bool(const core::Key&)>& visit);

/// Calls `visit` with each entry of the audit log that `filter` selects, oldest first, until it
/// returns false.
Result<void> list_audit(Engine& engine, core::AuditFilter filter,
                        const std::function<bool(const core::AuditEntry&)>& visit);

}  // namespace nexakey::store
