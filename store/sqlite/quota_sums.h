#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "core/key.h"
#include "core/time.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_journal.h"
#include "store/sqlite/window_file.h"

namespace nexakey::store::sqlite {

/// What the tables say about the admitted requests of a line of rotations.
struct CountedLine {
  std::set<core::KeyId> keys;  ///< those of the line
  core::Time at{};             ///< the sums are of the day and month of this time, UTC
  QuotaSums sums;
  std::uint64_t flushed = 0;  ///< the last generation of the journal that they contain
};

/// Reads the tables. Requires no lock. Errors are exceptions.
CountedLine count_line(Database& database, const UsageJournal::Id& journal, core::KeyId line,
                       core::Time at);

/// Adds the requests that the journal has. Nothing, if a part of it was flushed after `counted` was
/// read, or its day is over: it has to be read again. Requires Lock::live.
std::optional<QuotaSums> with_journal(Database& database, const UsageJournal& journal,
                                      const CountedLine& counted, core::Time now);

}  // namespace nexakey::store::sqlite
