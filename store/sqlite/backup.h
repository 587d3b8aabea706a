#pragma once

#include <filesystem>
#include <string>

#include "core/audit.h"
#include "core/error.h"
#include "store/backup.h"

namespace nexakey::store::sqlite {

/// Implements store::backup for a store in an SQLite file.
core::Result<BackupSummary> backup_store(const std::string& path,
                                         const std::filesystem::path& file);

/// Implements store::restore for a store in an SQLite file. The store is replaced by a rename, so
/// that it is complete whenever this process dies.
core::Result<RestoreSummary> restore_store(const std::string& path,
                                           const std::filesystem::path& file,
                                           const core::Actor& actor, core::Time now);

}  // namespace nexakey::store::sqlite
