#pragma once

#include <map>

#include "core/usage.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_journal.h"
#include "store/sqlite/usage_journal_v1.h"

namespace nexakey::store::sqlite {

/// The last generation of each journal whose counts are in the tables.
std::map<UsageJournal::Id, std::uint64_t> flushed_generations(const SQLite::Database& database);

/// Adds the counts of a sealed segment of the journal to the tables, once: does nothing if the
/// generation has been flushed. Drops the records of keys that the store does not have. Must run in
/// a write transaction. Errors are exceptions.
void flush_generation(Database& database, const UsageJournal& journal, std::uint64_t generation);

/// Adds the counts of a journal of format 1 that are not in the tables yet. The transaction has to
/// be the one that migrates the store.
void flush_version_1(Database& database, const UsageJournalV1& journal);

}  // namespace nexakey::store::sqlite
