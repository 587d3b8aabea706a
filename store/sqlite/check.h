#pragma once

#include <string>

#include "store/health.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// Looks at a store in an SQLite file, its files and its content, as store::check says.
core::Result<void> check_store(const std::string& path, core::Time now,
                               const FindingVisitor& visit);

/// Looks at the files of a store from outside: who can read and change them, whether they are what
/// processes have open, and what room the disk has.
void check_files(const StorePaths& paths, const FindingVisitor& visit);

/// Looks at all that is in the database. Each row that can't be read is named.
void check_content(SQLite::Database& database, const StorePaths& paths, core::Time now,
                   const FindingVisitor& visit);

}  // namespace nexakey::store::sqlite
