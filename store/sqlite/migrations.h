#pragma once

#include <span>

namespace nexakey::store::sqlite {

/// The files of store/sqlite/migrations. The n-th upgrades schema n - 1 to schema n. A released
/// file is never changed.
///
/// In the tables, times are milliseconds since 1970. `seq` grows with each row, so that the rows of
/// keys that were created together are stored together; rows that belong to a key refer to its
/// `seq`.
extern const std::span<const char* const> kMigrations;

}  // namespace nexakey::store::sqlite
