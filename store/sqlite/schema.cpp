#include "store/sqlite/schema.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include "store/sqlite/migrations.h"

namespace nexakey::store::sqlite {

int newest_schema() { return static_cast<int>(kMigrations.size()); }

int schema_of(const SQLite::Database& database) {
  SQLite::Statement schema(database, "PRAGMA user_version");
  schema.executeStep();
  return schema.getColumn(0).getInt();
}

void migrate(SQLite::Database& database, int from) {
  for (auto version = static_cast<std::size_t>(from); version < kMigrations.size(); ++version) {
    database.exec(kMigrations[version]);
  }
  database.exec("PRAGMA user_version = " + std::to_string(kMigrations.size()));
}

StoreIdentity identity_of(const SQLite::Database& database) {
  constexpr std::uint32_t kFirstWithIdentity = 5;  // older ones are only looked at
  StoreIdentity identity;
  identity.format = static_cast<std::uint32_t>(schema_of(database));
  if (identity.format >= kFirstWithIdentity) {
    SQLite::Statement row(database, "SELECT id, generation FROM store");
    if (row.executeStep()) {
      const SQLite::Column id = row.getColumn(0);
      std::memcpy(identity.id.data(), id.getBlob(),
                  std::min(identity.id.size(), static_cast<std::size_t>(id.getBytes())));
      identity.generation = static_cast<std::uint64_t>(row.getColumn(1).getInt64());
    }
  }
  return identity;
}

void set_identity(SQLite::Database& database, const StoreIdentity& identity) {
  SQLite::Statement set(database, "UPDATE store SET id = ?, generation = ?");
  set.bind(1, identity.id.data(), static_cast<int>(identity.id.size()));
  set.bind(2, static_cast<int64_t>(identity.generation));
  set.exec();
}

void empty_log(SQLite::Database& database) {
  if (sqlite3_wal_checkpoint_v2(database.getHandle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                nullptr) != SQLITE_OK) {
    throw SQLite::Exception(database.getHandle());
  }
}

}  // namespace nexakey::store::sqlite
