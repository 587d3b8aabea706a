#include "store/sqlite/quota_sums.h"

#include <string>

#include "core/endpoint.h"
#include "core/usage.h"
#include "store/columns.h"
#include "store/sqlite/statement.h"

namespace nexakey::store::sqlite {
namespace {

constexpr int kAdmitted = 200;

/// The sums of a day and a month in hours and days. A sum that is out of range is the maximum.
const std::string kSums =
    "WITH keys AS (SELECT seq FROM api_keys WHERE id = ?1 OR line = ?1),"
    " counts AS ("
    "  SELECT hour / 24 AS day, requests FROM usage_hours"
    "  WHERE key IN keys AND hour >= ?3 * 24 AND hour < ?4 * 24 AND status = " +
    std::to_string(kAdmitted) +
    "  UNION ALL SELECT day, requests FROM usage_days"
    "  WHERE key IN keys AND day >= ?3 AND day < ?4 AND status = " +
    std::to_string(kAdmitted) + "), clamped AS (SELECT day, min(max(requests, 0), " +
    std::to_string(core::kMaxCount) +
    ") AS requests FROM counts)"
    " SELECT CAST(min(total(CASE WHEN day = ?2 THEN requests END), 1e15) AS INTEGER),"
    " CAST(min(total(requests), 1e15) AS INTEGER) FROM clamped";

std::uint64_t flushed_generation(Database& database, const UsageJournal::Id& journal) {
  SQLite::Statement row(database.connection(),
                        "SELECT generation FROM flushed_journals WHERE id = ?");
  row.bind(1, journal.data(), static_cast<int>(journal.size()));
  return row.executeStep() ? static_cast<std::uint64_t>(row.getColumn(0).getInt64()) : 0;
}

}  // namespace

CountedLine count_line(Database& database, const UsageJournal::Id& journal, core::KeyId line,
                       core::Time at) {
  return database.read([&] {
    CountedLine counted{
        .keys = {line}, .at = at, .sums = {}, .flushed = flushed_generation(database, journal)};
    SQLite::Statement keys(database.connection(), "SELECT id FROM api_keys WHERE line = ?");
    Binder(keys).add(line);
    while (keys.executeStep()) {
      counted.keys.insert(core::KeyId(keys.getColumn(0).getInt64()));
    }
    SQLite::Statement sums(database.connection(), kSums);
    Binder(sums)
        .add(line)
        .add(days_of(at))
        .add(days_of(core::start_of_month(at)))
        .add(days_of(core::end_of(core::Window::month, at)));
    sums.executeStep();
    counted.sums = {.day = static_cast<std::uint64_t>(sums.getColumn(0).getInt64()),
                    .month = static_cast<std::uint64_t>(sums.getColumn(1).getInt64())};
    return counted;
  });
}

std::optional<QuotaSums> with_journal(Database& database, const UsageJournal& journal,
                                      const CountedLine& counted, core::Time now) {
  // A flush frees a part of the journal after its transaction, and with Lock::live.
  const bool is_flushed =
      database.read([&] { return flushed_generation(database, journal.id()) != counted.flushed; });
  if (is_flushed || days_of(now) != days_of(counted.at)) {
    return std::nullopt;
  }
  QuotaSums sums = counted.sums;
  journal.read_after(counted.flushed, [&](const UsageRecord& record) {
    if (record.status == kAdmitted && counted.keys.contains(record.key)) {
      sums.day += days_of(record.at) == days_of(now) ? 1 : 0;
      sums.month += core::start_of_month(record.at) == core::start_of_month(now) ? 1 : 0;
    }
  });
  return sums;
}

}  // namespace nexakey::store::sqlite
