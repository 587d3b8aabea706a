#pragma once

#include <span>

namespace nexakey::store::sqlite {

/// The files of store/sqlite/migrations. The n-th makes schema n of schema n - 1. A file that was
/// released is never changed.
///
/// In the tables, times are milliseconds since 1970. `seq` grows with each row, so that the rows of
/// keys that were made together are stored together; whatever belongs to a key refers to its `seq`.
extern const std::span<const char* const> kMigrations;

}  // namespace nexakey::store::sqlite
