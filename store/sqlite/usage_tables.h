#pragma once

#include "core/usage.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_journal.h"

namespace nexakey::store::sqlite {

/// The tables of counts, by key, hour, endpoint and status. Errors are exceptions.

/// Moves the records of one sealed half of the journal into the tables, once: a generation that is
/// settled already is left alone. Records of keys that the store does not have are dropped. Must
/// run in a write transaction.
void settle(Database& database, const UsageJournal& journal, std::uint64_t generation);

}  // namespace nexakey::store::sqlite
