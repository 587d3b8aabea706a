#pragma once

#include <SQLiteCpp/Database.h>

#include "store/sqlite/live_file.h"

namespace nexakey::store::sqlite {

/// "nxky": SQLite's application id of a nexakey store.
inline constexpr int kApplicationId = 0x6E786B79;

/// The version of the schema that this program writes (PRAGMA user_version).
int newest_schema();

/// The version of the schema of a database; 0: it has none.
int schema_of(const SQLite::Database& database);

/// Upgrades a database from a schema, 0 for none, to the newest one. Must run in a write
/// transaction.
void migrate(SQLite::Database& database, int from);

/// What identifies the store to the files beside it.
StoreIdentity identity_of(const SQLite::Database& database);
/// Sets the id and the generation.
void set_identity(SQLite::Database& database, const StoreIdentity& identity);

/// Moves all changes in the log of a database to its file, so that the log can be deleted. Throws
/// if it cannot: SQLite itself ignores that when it closes the database.
void empty_log(SQLite::Database& database);

}  // namespace nexakey::store::sqlite
