#pragma once

#include <filesystem>
#include <string>

#include "store/health.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// Implements store::check for a store in an SQLite file: checks its files and its content.
core::Result<void> check_store(const std::string& path, core::Time now,
                               const std::filesystem::path& revocation_log,
                               const FindingVisitor& visit);

/// Checks the files of a store from outside: who can read and change them, whether processes have
/// deleted ones open, and how much space the disk has.
void check_files(const StorePaths& paths, const FindingVisitor& visit);

/// Checks the content of the database. The findings name each row that cannot be read.
void check_content(SQLite::Database& database, const StorePaths& paths, core::Time now,
                   const FindingVisitor& visit);

}  // namespace nexakey::store::sqlite
