#include "store/sqlite/check.h"

#include <map>

#include "store/check_revocation_log.h"
#include "store/findings.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/guarded.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tables.h"
#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {
namespace {

/// Calls `look`, which adds findings and returns what it found if there are none. An error of it is
/// a finding too.
template <typename Look>
void look_at(const std::string& check, const StorePaths& paths, const FindingVisitor& visit,
             const Look& look) {
  Findings findings(check, visit);
  const auto looked = guarded(paths, [&]() -> core::Result<void> {
    findings.finish(look(findings));
    return {};
  });
  if (!looked) {
    findings.add(Health::problem, looked.error().message, looked.error().hint);
  }
}

/// What the database says about the files beside it.
struct Record {
  StoreIdentity store;
  std::map<UsageJournal::Id, std::uint64_t> flushed;  // the last generations of journals
};

/// Nothing if the database cannot be read: other checks report that.
std::optional<Record> read_record(const StorePaths& paths, const SQLite::Database& database) {
  Record record;
  const auto is_read = guarded(paths, [&]() -> core::Result<void> {
    record = {.store = identity_of(database), .flushed = flushed_generations(database)};
    return {};
  });
  return is_read ? std::optional(record) : std::nullopt;
}

std::string check_journal(const StorePaths& paths, const Record& record, Findings& findings) {
  const std::string path = paths.journal.string();
  if (record.store.format < static_cast<std::uint32_t>(newest_schema())) {
    return "of an older version, which the next command that opens the store updates";
  }
  const auto condition =
      UsageJournal::check(paths.journal, record.store, [&](const UsageJournal::Id& id) {
        const auto known = record.flushed.find(id);
        return known == record.flushed.end() ? 0 : known->second;
      });
  if (condition.torn_bytes != 0) {
    findings.add(Health::warning,
                 "the last " + std::to_string(condition.torn_bytes) + " bytes of the records of " +
                     path + " cannot be read: a power cut left them, or the file was changed",
                 "nothing has to be done: counting goes on behind the last readable record");
  }
  if (condition.is_older_copy) {
    findings.add(Health::warning,
                 path +
                     " is an older copy, whose counts are in keys.db already: those of the file"
                     " that it replaced are lost",
                 "nothing has to be done: the next decision starts an empty one; do not restore"
                 " single files of a store");
  }
  if (condition.older_copy_at) {
    findings.add(Health::warning,
                 path + " was an older copy at " + core::format_time(*condition.older_copy_at) +
                     ": the counts of the file that it replaced are lost",
                 "do not restore single files of a store");
  }
  return count_of(condition.records, "count") + " not flushed yet";
}

/// Checks the windows and the journal, which an old store may not have yet.
void check_live_state(const StorePaths& paths, const std::optional<Record>& record,
                      const FindingVisitor& visit) {
  if (!std::filesystem::exists(paths.lock)) {
    return;
  }
  std::optional<LockFile> lock;
  look_at("lock", paths, visit, [&](Findings&) {
    lock.emplace(paths.lock);
    const LockGuard writer(*lock, Lock::writer);
    const LockGuard live(*lock, Lock::live);
    return std::string("no process holds it for long");
  });
  if (!lock) {
    return;
  }
  if (record && std::filesystem::exists(paths.windows)) {
    look_at("windows", paths, visit, [&](Findings&) {
      const LockGuard guard(*lock, Lock::live);
      return count_of(WindowFile::check(paths.windows, record->store), "window");
    });
  }
  if (record && std::filesystem::exists(paths.journal)) {
    look_at("journal", paths, visit, [&](Findings& findings) {
      const LockGuard guard(*lock, Lock::live);
      return check_journal(paths, *record, findings);
    });
  }
}

}  // namespace

core::Result<void> check_store(const std::string& path, core::Time now,
                               const std::filesystem::path& revocation_log,
                               const FindingVisitor& visit) {
  const StorePaths named{std::filesystem::path(path)};
  return guarded(named, [&]() -> core::Result<void> {
    const auto paths = Database::locate(named, OpenMode::existing);
    if (!paths) {
      return tl::unexpected(paths.error());
    }
    check_files(*paths, visit);
    std::optional<SQLite::Database> database;
    auto connected = guarded(*paths, [&]() -> core::Result<void> {
      database.emplace(connect_to_look(*paths));
      return {};
    });
    check_live_state(*paths, database ? read_record(*paths, *database) : std::nullopt, visit);
    if (!connected) {
      return connected;
    }
    check_content(*database, *paths, now, visit);
    if (schema_of(*database) == newest_schema()) {
      SqliteTables tables(*database);
      check_revocation_log(tables, revocation_log, visit);
    }
    return {};
  });
}

}  // namespace nexakey::store::sqlite
