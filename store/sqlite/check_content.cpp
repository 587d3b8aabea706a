#include <algorithm>
#include <array>
#include <string>

#include <sqlite3.h>
#include <sys/timex.h>

#include "store/check_tables.h"
#include "store/import.h"
#include "store/sqlite/check.h"
#include "store/sqlite/guarded.h"
#include "store/sqlite/hour_peaks.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

using core::Time;

constexpr const char* kRestore =
    "restore a backup with nexakey restore, or read what is left with sqlite3's .recover";

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
  SQLite::Statement rows(database, sql::find_broken_rotations(Statements::kDialect));
  while (rows.executeStep()) {
    report_broken_rotation(rows.getColumn(0).getInt64(), findings);
  }
  SQLite::Statement all(database, sql::count_rotations(Statements::kDialect));
  all.executeStep();
  findings.finish(count_of(static_cast<std::size_t>(all.getColumn(0).getInt64()), "rotation"));
}

void check_usage(SQLite::Database& database, Findings& findings) {
  SQLite::Statement rows(database, sql::check_counts(Statements::kDialect));
  rows.executeStep();
  SQLite::Statement sums(database,
                         "SELECT (SELECT total(requests) FROM usage_hours) +"
                         " (SELECT total(requests) FROM usage_days) !="
                         " (SELECT total(requests) FROM usage_totals)");
  sums.executeStep();
  const auto invalid = rows.getColumn(1).getInt64();
  if (invalid == 0 && sums.getColumn(0).getInt() != 0) {
    findings.add(Health::problem, "the sums of days differ from the counts", kRestore);
  }
  SQLite::Statement peaks(database,
                          "SELECT hour_peaks FROM last_uses WHERE hour_peaks IS NOT NULL");
  std::int64_t damaged = 0;
  while (peaks.executeStep()) {
    const std::string text = peaks.getColumn(0).getString();
    damaged += HourPeaks::from_text(0, text).to_text() == text ? 0 : 1;
  }
  report_damaged_peaks(damaged, findings);
  report_counts(rows.getColumn(0).getInt64(), invalid, findings);
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
  look("policies", [&](Findings& findings) { check_policies(tables, findings); });
  look("usage", [&](Findings& findings) { check_usage(database, findings); });
  look("imports", [&](Findings& findings) { check_imports(tables, findings); });
  look("audit", [&](Findings& findings) { check_audit(tables, findings); });
  look("clock", [&](Findings& findings) { check_clock(database, now, findings); });
}

}  // namespace nexakey::store::sqlite
