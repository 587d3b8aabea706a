#include <algorithm>
#include <array>
#include <string>

#include <sqlite3.h>
#include <sys/timex.h>

#include "store/check_tables.h"
#include "store/import.h"
#include "store/sqlite/check.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

using core::KeyId;
using core::Time;

constexpr const char* kRestore =
    "restore a backup with nexakey restore, or read what is left with sqlite3's .recover";

template <typename Id>
std::optional<Id> id_of(std::int64_t bits) {
  return bits >= 0 && bits <= Id::kMaxBits ? std::optional(Id(bits)) : std::nullopt;
}

std::string name_of_key(std::int64_t bits) {
  const auto id = id_of<KeyId>(bits);
  return id ? id->to_string() : "a key with the id " + std::to_string(bits);
}

void check_integrity(SQLite::Database& database, Findings& findings) {
  SQLite::Statement rows(database,
                         "PRAGMA integrity_check(" + std::to_string(Findings::kMaxNamed) + ")");
  while (rows.executeStep()) {
    if (const std::string found(StatementRow(rows).text(0)); found != "ok") {
      findings.add(Health::problem, found, kRestore);
    }
  }
  SQLite::Statement orphans(database, "PRAGMA foreign_key_check");
  while (orphans.executeStep()) {
    findings.add(Health::problem,
                 "a row of " + std::string(StatementRow(orphans).text(0)) +
                     " belongs to a row of " + std::string(StatementRow(orphans).text(2)) +
                     " that is missing",
                 kRestore);
  }
  findings.finish("whole");
}

/// Without WAL, a power cut may undo acknowledged changes. The header of the file has the mode
/// (https://sqlite.org/fileformat.html#file_format_version_numbers).
void check_form(SQLite::Database& database, const StorePaths& paths, Findings& findings) {
  constexpr std::size_t kVersionsAt = 18;
  std::array<char, 2> versions{};
  const int version = schema_of(database);
  if (version < newest_schema()) {
    findings.add(Health::warning,
                 "schema " + std::to_string(version) + " of " + std::to_string(newest_schema()),
                 kOldSchemaAdvice);
  }
  // Through SQLite, because closing another descriptor of the file would release SQLite's locks.
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  file->pMethods->xRead(file, versions.data(), versions.size(), kVersionsAt);
  if (versions != std::array<char, 2>{2, 2}) {
    findings.add(Health::problem,
                 "SQLite does not use a write-ahead log: a power cut may undo "
                 "acknowledged changes",
                 "sqlite3 " + paths.database.string() + " 'PRAGMA journal_mode = WAL'");
  }
  findings.finish("schema " + std::to_string(version) + ", write-ahead log");
}

/// Checks that the two keys of a rotation refer to each other.
void check_rotations(SQLite::Database& database, Findings& findings) {
  SQLite::Statement rows(
      database,
      "SELECT a.id FROM api_keys AS a WHERE superseded_by IS NOT NULL AND NOT EXISTS"
      " (SELECT 1 FROM api_keys AS b WHERE b.id = a.superseded_by AND b.rotated_from = a.id)"
      " UNION ALL SELECT a.id FROM api_keys AS a WHERE rotated_from IS NOT NULL AND NOT EXISTS"
      " (SELECT 1 FROM api_keys AS b WHERE b.id = a.rotated_from AND b.superseded_by = a.id)");
  while (rows.executeStep()) {
    const std::string name = name_of_key(rows.getColumn(0).getInt64());
    findings.add(Health::warning,
                 name + ": the key that it was rotated from or to does not refer to it",
                 "see nexakey show " + name + ", then revoke the one of the two that is not used");
  }
  SQLite::Statement all(database, "SELECT count(*) FROM api_keys WHERE rotated_from IS NOT NULL");
  all.executeStep();
  findings.finish(count_of(static_cast<std::size_t>(all.getColumn(0).getInt64()), "rotation"));
}

void check_usage(SQLite::Database& database, Findings& findings) {
  constexpr std::int64_t kEndOfTime = 70'389'528;  // the year 10000, in hours since 1970
  SQLite::Statement rows(
      database,
      "SELECT count(*), coalesce(sum(requests < 1 OR requests > ?1 OR hour < 0 OR hour >= ?2), 0),"
      " total(requests) FROM (SELECT hour, requests FROM usage_hours"
      " UNION ALL SELECT 24 * day, requests FROM usage_days)");
  rows.bind(1, static_cast<std::int64_t>(core::kMaxCount));
  rows.bind(2, kEndOfTime);
  rows.executeStep();
  SQLite::Statement totals(database, "SELECT total(requests) FROM usage_totals");
  totals.executeStep();
  if (const auto damaged = rows.getColumn(1).getInt64(); damaged != 0) {
    findings.add(Health::problem, std::to_string(damaged) + " counts are invalid", kRestore);
  } else if (rows.getColumn(2).getDouble() != totals.getColumn(0).getDouble()) {
    findings.add(Health::problem, "the sums of days differ from the counts", kRestore);
  }
  findings.finish(count_of(static_cast<std::size_t>(rows.getColumn(0).getInt64()), "row"));
}

/// Whether the kernel considers the clock synchronized (adjtimex(2)).
bool is_synchronized() {
  timex state{};
  return ::adjtimex(&state) != TIME_ERROR;
}

/// Checks the clock, by which keys expire.
void check_clock(SQLite::Database& database, Time now, Findings& findings) {
  constexpr auto kTolerance = std::chrono::minutes(1);
  SQLite::Statement rows(database,
                         "SELECT max(at) FROM (SELECT max(created_at) AS at FROM api_keys"
                         " UNION ALL SELECT max(revoked_at) FROM api_keys"
                         " UNION ALL SELECT max(suspended_at) FROM api_keys"
                         " UNION ALL SELECT max(last_at) FROM last_uses)");
  rows.executeStep();
  const Time newest(std::chrono::milliseconds(StatementRow(rows).number(0).value_or(0)));
  if (newest < core::kEndOfTimes && newest > now + kTolerance) {
    findings.add(Health::problem,
                 "it says " + core::format_time(now) + ", which is before " +
                     core::format_time(newest) + ", when the store was last used",
                 "set the clock, or find out when it was wrong: keys expire by it");
  }
  findings.finish(core::format_time(now) +
                  (is_synchronized() ? "" : ", and it does not seem to be synchronized"));
}

}  // namespace

void check_content(SQLite::Database& database, const StorePaths& paths, Time now,
                   const FindingVisitor& visit) {
  // A part that cannot be read does not prevent the checks of the others.
  const auto look = [&](const char* check, const auto& work) {
    Findings findings(check, visit);
    const auto looked = guarded(paths, [&]() -> core::Result<void> {
      work(findings);
      return {};
    });
    if (!looked) {
      findings.add(Health::problem, looked.error().message,
                   looked.error().hint.empty() ? kRestore : looked.error().hint);
    }
  };
  look("form", [&](Findings& findings) { check_form(database, paths, findings); });
  look("integrity", [&](Findings& findings) { check_integrity(database, findings); });
  if (schema_of(database) < newest_schema()) {
    return;
  }
  SqliteTables tables(database);
  look("keys", [&](Findings& findings) { check_keys(tables, findings); });
  look("rotations", [&](Findings& findings) {
    has_unfinished_import(tables) ? findings.finish(kWaits) : check_rotations(database, findings);
  });
  look("tokens", [&](Findings& findings) { check_tokens(tables, findings); });
  look("usage", [&](Findings& findings) { check_usage(database, findings); });
  look("imports", [&](Findings& findings) { check_imports(tables, findings); });
  look("audit", [&](Findings& findings) { check_audit(tables, findings); });
  look("clock", [&](Findings& findings) { check_clock(database, now, findings); });
}

}  // namespace nexakey::store::sqlite
