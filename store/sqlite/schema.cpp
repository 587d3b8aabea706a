#include "store/sqlite/schema.h"

#include <string>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/migrations.h"

namespace nexakey::store::sqlite {
int newest_schema() { return static_cast<int>(kMigrations.size()); }

void migrate(SQLite::Database& database, int from) {
  for (auto version = static_cast<std::size_t>(from); version < kMigrations.size(); ++version) {
    database.exec(kMigrations[version]);
  }
  database.exec("PRAGMA user_version = " + std::to_string(kMigrations.size()));
}

}  // namespace nexakey::store::sqlite
