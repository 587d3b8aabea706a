#pragma once

#include <functional>
#include <optional>
#include <span>

#include "core/audit.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// The rows of the table `audit`. Errors are exceptions. Damage is none: rows are read as they are,
/// for a check of the log to tell which one it is.

core::AuditHead find_audit_head(Connection& connection);

/// The head for a change: nobody else changes anything until the end of the transaction, since the
/// log is a chain. So each change takes this one lock, first of all, and none can wait in a circle.
core::AuditHead lock_audit_head(Connection& connection);

/// The hash of an entry, if there is such an entry.
std::optional<core::Sha256> find_audit_hash(Connection& connection, std::int64_t number);

/// Adds entries; the last of them is the new head.
void insert_audit(Connection& connection, std::span<const core::AuditEntry> entries);

/// Visits the entries that a filter may match, oldest first, until it has enough.
void visit_audit(Connection& connection, const core::AuditFilter& filter,
                 const std::function<bool(const core::AuditEntry&)>& visit);

}  // namespace nexakey::store::postgres
