#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/database.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/token_rows.h"
#include "tests/support/keys.h"

namespace nexakey::test {

/// Adds keys of the tests to a store with one transaction for all of them.
inline void add_keys(
    const std::filesystem::path& store, std::uint64_t first, std::uint64_t count,
    const std::function<void(core::Key&)>& edit = [](core::Key&) {}) {
  auto database = value_of(store::sqlite::Database::open(store::sqlite::StorePaths(store),
                                                         store::OpenMode::create_if_missing));
  const auto added =
      database.write(store::sqlite::Database::Reserve::kept, [&]() -> core::Result<std::uint64_t> {
        for (std::uint64_t n = first; n < first + count; ++n) {
          core::Key key = make_key(n);
          edit(key);
          store::sqlite::insert_key(database, key);
        }
        return count;
      });
  value_of(added);
}

/// Adds a token, to a store that is made if need be, without an entry in the log.
inline void add_token_unnoticed(const std::filesystem::path& store, const core::Token& token) {
  auto database = value_of(store::sqlite::Database::open(store::sqlite::StorePaths(store),
                                                         store::OpenMode::create_if_missing));
  value_of(database.write(store::sqlite::Database::Reserve::kept, [&]() -> core::Result<bool> {
    store::sqlite::insert_token(database, token);
    return true;
  }));
}

/// Runs SQL behind the store's back.
inline void execute(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000).exec(sql);
}

/// The only value of a query, behind the store's back.
inline std::string select(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
  return database.execAndGet(sql).getString();
}

}  // namespace nexakey::test
