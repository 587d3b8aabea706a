#pragma once

#include "core/audit.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The rows of the table `audit`. Errors are exceptions. Damage is none: rows are read as they are,
/// for a check of the log to tell which one it is.

core::AuditHead find_audit_head(Database& database);

/// Adds entries as they are.
class AuditInserter {
 public:
  explicit AuditInserter(Database& database);
  void insert(const core::AuditEntry& entry);

 private:
  SQLite::Statement insert_;
};

/// Adds an entry to the end of the log. Must run in a write transaction.
void append_audit(Database& database, const core::Actor& actor, core::Time at,
                  core::AuditRecord record);

/// A query for the entries that a filter may match, oldest first, whose rows `read_audit_entry`
/// reads.
SQLite::Statement select_audit(SQLite::Database& connection, const core::AuditFilter& filter);
inline SQLite::Statement select_audit(Database& database, const core::AuditFilter& filter) {
  return select_audit(database.connection(), filter);
}
core::AuditEntry read_audit_entry(SQLite::Statement& row);

}  // namespace nexakey::store::sqlite
