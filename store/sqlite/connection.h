#pragma once

#include <filesystem>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include "store/sqlite/live_state.h"

namespace nexakey::store::sqlite {

/// How long SQLite waits for a lock that another process holds.
constexpr int kBusyTimeoutMs = 5000;
/// How a store is opened: SQLite follows no symbolic link to it.
constexpr int kOpenFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

/// A connection to the file of a store whose schema this program knows. Leaves no files beside a
/// file that is not a store.
SQLite::Database connect(const std::filesystem::path& path);

/// A connection that changes nothing: it neither upgrades the schema nor creates SQLite's files.
SQLite::Database connect_to_look(const StorePaths& paths);

/// Throws StoreProblem if this program does not know a schema.
void check_schema(int schema, const std::filesystem::path& path);

/// Whether there is a file, or a link that leads nowhere.
bool is_there(const std::filesystem::path& path);

}  // namespace nexakey::store::sqlite
