#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/database.h"
#include "store/sqlite/tables.h"
#include "tests/support/keys.h"

namespace nexakey::test {

/// Writes rows to a store, which is created if necessary, without the rules and the log.
inline void write_rows(const std::filesystem::path& store,
                       const std::function<void(store::sqlite::SqliteTables&)>& write) {
  using store::sqlite::Database;
  auto database = value_of(
      Database::open(store::sqlite::StorePaths(store), store::OpenMode::create_if_missing));
  database.write({.reserve = Database::Reserve::kept}, [&] {
    store::sqlite::SqliteTables tables(database.connection());
    write(tables);
    return true;
  });
}

/// Adds keys of the tests to a store with one transaction for all of them.
inline void add_keys(
    const std::filesystem::path& store, std::uint64_t first, std::uint64_t count,
    const std::function<void(core::Key&)>& edit = [](core::Key&) {}) {
  write_rows(store, [&](store::sqlite::SqliteTables& tables) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      core::Key key = make_key(n);
      edit(key);
      tables.insert({&key, 1});
    }
  });
}

/// Adds a token to a store, which is created if necessary, without an entry in the log.
inline void add_token_unnoticed(const std::filesystem::path& store, const core::Token& token) {
  write_rows(store, [&](store::sqlite::SqliteTables& tables) { tables.insert({&token, 1}); });
}

/// Runs SQL directly, without the store.
inline void execute(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000).exec(sql);
}

/// The only value of a query, directly from the database.
inline std::string select(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
  return database.execAndGet(sql).getString();
}

}  // namespace nexakey::test
