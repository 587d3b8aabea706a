#pragma once

#include <map>

#include "core/usage.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_journal.h"

namespace nexakey::store::sqlite {

/// The last generation of each journal whose counts are in the tables.
std::map<UsageJournal::Id, std::uint64_t> flushed_generations(const SQLite::Database& database);

/// Adds the counts of a sealed segment of the journal to the tables, once: does nothing if the
/// generation has been flushed. Drops the records of keys that the store does not have. Must run in
/// a write transaction. Errors are exceptions.
void flush_generation(Database& database, const UsageJournal& journal, std::uint64_t generation);

}  // namespace nexakey::store::sqlite
