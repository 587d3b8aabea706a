#include "store/sqlite/backup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <limits>
#include <system_error>
#include <vector>

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "core/ids_of.h"
#include "store/arrange.h"
#include "store/change.h"
#include "store/import.h"
#include "store/purge_rules.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counter.h"
#include "store/sqlite/guarded.h"
#include "store/sqlite/processes.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tables.h"
#include "system/descriptor.h"

namespace nexakey::store::sqlite {
namespace {

using core::Key;
using core::Result;
using core::Token;

/// How many keys of two stores are compared at once.
constexpr std::size_t kCompared = 500;
constexpr std::size_t kCopied = std::size_t{1} << 16U;

BackupSummary count_rows(SQLite::Database& database) {
  const auto count = [&](const char* sql) {
    return static_cast<std::uint64_t>(database.execAndGet(sql).getInt64());
  };
  return {.tokens = count("SELECT count(*) FROM api_tokens"),
          .keys = count("SELECT count(*) FROM api_keys")};
}

/// Copies a file, which is `name` in messages, to a new one.
void copy(const system::Descriptor& from, const std::filesystem::path& name, const File& to) {
  const auto fail = [](const std::filesystem::path& path) {
    throw std::system_error(errno, std::system_category(), path.string());
  };
  std::array<char, kCopied> bytes{};
  for (;;) {
    const ssize_t size = system::read_some(from.value(), bytes.data(), bytes.size());
    if (size < 0) {
      fail(name);
    }
    if (size == 0) {
      return;
    }
    if (!system::write_all(to.descriptor(), {bytes.data(), static_cast<std::size_t>(size)})) {
      fail(to.path());
    }
  }
}

/// Gives the revocations, earlier expiries and purges of keys in one store to another one.
class Revocations {
 public:
  Revocations(Tables& to, RestoreSummary& summary) : to_(to), summary_(summary) {}

  void keep(Tables& from) {
    from.scan_keys({}, std::nullopt, Order::oldest_first, [&](const Key& key) {
      if (key.revoked_at || key.expires_at) {
        ended_.push_back(key);
      }
      if (ended_.size() == kCompared) {
        keep_of_keys();
      }
      return true;
    });
    keep_of_keys();
    from.scan_tokens(std::nullopt, Order::oldest_first, [&](const Token& token) {
      if (token.revoked_at) {
        keep_of(token);
      }
      return true;
    });
    from.scan_tombstones([&](const core::Tombstone& tombstone) {
      keep(tombstone);
      return true;
    });
  }

 private:
  void keep_of_keys() {
    auto known = find(to_, std::span<const core::KeyId>(core::ids_of(ended_)));
    std::vector<Key> revoked;
    std::vector<Key> shortened;
    for (std::size_t i = 0; i < ended_.size(); ++i) {
      if (!known[i]) {
        continue;
      }
      const Key& key = ended_[i];
      Key& kept = *known[i];
      if (key.revoked_at && !kept.revoked_at) {
        kept.revoked_at = key.revoked_at;
        kept.revoke_reason = key.revoke_reason;
        revoked.push_back(kept);
      }
      if (kept.damage.empty() && key.expires_at &&
          (!kept.expires_at || *key.expires_at < *kept.expires_at)) {
        kept.expires_at = key.expires_at;
        shortened.push_back(kept);
      }
    }
    to_.revoke(revoked);
    to_.update(shortened);
    summary_.ended.revoked_keys += revoked.size();
    summary_.ended.expired_earlier += shortened.size();
    ended_.clear();
  }

  void keep_of(const Token& token) {
    auto known = to_.find_tokens(std::span(&token.id, 1));
    if (!known.empty() && !known.front().revoked_at) {
      known.front().revoked_at = token.revoked_at;
      to_.revoke(known);
      ++summary_.ended.revoked_tokens;
    }
  }

  void keep(const core::Tombstone& tombstone) {
    Key wanted;
    wanted.id = tombstone.id;
    wanted.hash = tombstone.hash;
    if (rules::find_tombstone(to_, wanted)) {
      return;
    }
    const std::vector<Key> known = to_.find_keys(std::span(&tombstone.id, 1));
    if (known.empty()) {
      to_.insert(std::span(&tombstone, 1));
      return;
    }
    to_.delete_usage(std::span(&tombstone.id, 1), kAllRows);
    rules::bury(to_, known, tombstone.purged_at);
    ++summary_.purged_keys;
  }

  static constexpr std::size_t kAllRows = std::numeric_limits<std::int64_t>::max();

  Tables& to_;
  RestoreSummary& summary_;
  std::vector<Key> ended_;
};

/// A transaction on a connection that no other process uses.
template <typename Work>
void in_transaction(SQLite::Database& database, bool is_kept, const Work& work) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  if (schema_of(database) < newest_schema()) {
    migrate(database, schema_of(database));
  }
  work();
  if (is_kept) {
    transaction.commit();
  }
}

void remove_log(const std::filesystem::path& database) {
  std::filesystem::remove(database.string() + "-wal");
  std::filesystem::remove(database.string() + "-shm");
}

/// Opens the copy of a backup. `name`: of the backup, for messages.
SQLite::Database open_copy(const std::filesystem::path& copy, const std::filesystem::path& name) {
  const auto damaged = [&] {
    return StoreProblem("the backup " + name.string() + " is damaged, or not a backup",
                        "restore a file that nexakey backup wrote");
  };
  try {
    SQLite::Database database = connect(copy);
    database.exec("PRAGMA journal_mode = WAL");
    SQLite::Statement check(database, "PRAGMA quick_check(1)");
    if (!check.executeStep() || check.getColumn(0).getString() != "ok") {
      throw damaged();
    }
    return database;
  } catch (const SQLite::Exception& exception) {
    if (const int code = exception.getErrorCode() & 0xFF;
        code != SQLITE_NOTADB && code != SQLITE_CORRUPT) {
      throw;
    }
    throw damaged();
  }
}

/// The replacement of a store by a backup. The caller has the store for itself.
class Restore {
 public:
  Restore(StorePaths paths, const std::filesystem::path& file)
      : paths_(std::move(paths)), file_(file), fresh_(paths_.database.string() + "-new") {}

  RestoreSummary run(const system::Descriptor& backup, const core::Actor& actor, core::Time now) {
    remove_log(fresh_);
    copy(backup, file_, File::create(fresh_, 0));
    try {
      prepare(actor, now);
    } catch (...) {
      std::filesystem::remove(fresh_);
      remove_log(fresh_);
      throw;
    }
    remove_log(fresh_);
    File(fresh_, O_RDWR).sync();
    if (summary_.unread || !std::filesystem::exists(paths_.database)) {
      // The log that is left would be taken for that of the new file.
      remove_log(paths_.database);
    }
    if (summary_.unread) {
      std::filesystem::remove(paths_.windows);
    }
    std::filesystem::rename(fresh_, paths_.database);
    finish();
    return summary_;
  }

 private:
  /// What follows the replacement: an error of it does not mean that the store is the old one.
  void finish() {
    try {
      std::filesystem::remove(paths_.journal);  // its counts are of the replaced store
      sync_directory(paths_.database.parent_path());
    } catch (const std::system_error& error) {
      throw OutcomeUnknown("the store " + paths_.database.string() +
                               " is restored, but it is not known whether that is on disk: " +
                               error.code().message(),
                           "run the same command again");
    }
  }

  /// Makes the new database: the backup, with the revocations of the store that it replaces.
  void prepare(const core::Actor& actor, core::Time now) {
    SQLite::Database next = open_copy(fresh_, file_);
    in_transaction(next, true, [&] {
      next.exec("PRAGMA defer_foreign_keys = ON");
      SqliteTables tables(next);
      finish_imports(tables);  // keys that they add may have been revoked since
      StoreIdentity identity = identity_of(next);
      if (std::filesystem::exists(paths_.database)) {
        take_over(tables, identity);
      }
      set_identity(next, {.id = identity.id, .generation = identity.generation + 1});
      summary_.restored = count_rows(next);
      Change change(tables, actor, now);
      change.log(core::record_restore(summary_.ended.revoked_keys, summary_.ended.revoked_tokens,
                                      summary_.ended.expired_earlier, summary_.purged_keys));
      change.write_log();
    });
    empty_log(next);
  }

  /// Takes over the revocations and the identity of the store that is replaced. That it is damaged
  /// is noted. Any other error ends the restore, because its revocations may be readable later.
  void take_over(Tables& tables, StoreIdentity& identity) {
    summary_.unread = try_to_take_over(tables, identity);
    if (summary_.unread) {
      // SQLite also says that a file is damaged if the disk could not read it.
      check_readable(paths_.database);
      check_readable(paths_.database.string() + "-wal");
      summary_.unread = try_to_take_over(tables, identity);
    }
  }

  /// Returns what is wrong with a damaged store.
  std::optional<std::string> try_to_take_over(Tables& tables, StoreIdentity& identity) {
    try {
      SQLite::Database old = connect(paths_.database);
      in_transaction(old, false, [&] {
        SqliteTables old_tables(old);
        Revocations(tables, summary_).keep(old_tables);
        const StoreIdentity replaced = identity_of(old);
        identity.id = replaced.id;
        identity.generation = std::max(identity.generation, replaced.generation);
      });
      empty_log(old);
      return {};
    } catch (const SQLite::Exception& exception) {
      const core::Error error = describe(paths_, exception);
      const int code = exception.getErrorCode() & 0xFF;
      if (code != SQLITE_CORRUPT && code != SQLITE_NOTADB) {
        throw unreadable(error.message);
      }
      return error.message;
    } catch (const StoreProblem& problem) {
      return problem.what();
    }
  }

  /// Throws StoreProblem if the disk cannot read a file, if there is one.
  static void check_readable(const std::filesystem::path& path) {
    try {
      if (std::filesystem::is_regular_file(path)) {
        File(path, O_RDONLY).read_all();
      }
    } catch (const std::system_error& error) {
      throw unreadable(error.what());
    }
  }

  static StoreProblem unreadable(const std::string& message) {
    return StoreProblem(message,
                        "try again; if the store cannot be read, move it away: keys that were"
                        " revoked since the backup are then valid again");
  }

  StorePaths paths_;
  const std::filesystem::path& file_;
  std::filesystem::path fresh_;
  RestoreSummary summary_;
};

Result<system::Descriptor> open_backup(const std::filesystem::path& file) {
  system::Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!opened.is_open() || ::fstat(opened.value(), &status) != 0) {
    return core::fail(
        errno == ENOENT ? core::ErrorCode::not_found : core::ErrorCode::failed,
        "cannot open the backup " + file.string() + ": " + std::system_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return core::fail(core::ErrorCode::usage, "the backup " + file.string() + " is not a file",
                      "name a file that nexakey backup wrote");
  }
  return opened;
}

}  // namespace

Result<BackupSummary> backup_store(const std::string& path, const std::filesystem::path& file) {
  const StorePaths named{std::filesystem::path(path)};
  std::optional<Database> database;
  BackupSummary summary;
  const auto opened = guarded(named, [&]() -> Result<void> {
    auto store = Database::open(named, OpenMode::existing);
    if (!store) {
      return tl::unexpected(std::move(store.error()));
    }
    database.emplace(*std::move(store));
    Counter(*database).flush();
    // Also opens the files that SQLite has not opened yet.
    summary = database->read([&] { return count_rows(database->connection()); });
    return {};
  });
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  // With the rights of the caller: the owner of the store need not be permitted to write the file.
  const StorePaths target(file);
  return guarded(target, [&]() -> Result<BackupSummary> {
    SQLite::Database copy(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW);
    copy.exec("PRAGMA journal_mode = OFF");  // nobody has the file if this process dies
    if (SQLite::Backup(copy, database->connection()).executeStep() != SQLITE_DONE) {
      return core::fail(core::ErrorCode::store_unavailable,
                        "the store " + database->paths().database.string() + " is busy",
                        "try again");
    }
    return summary;
  });
}

Result<RestoreSummary> restore_store(const std::string& path, const std::filesystem::path& file,
                                     const core::Actor& actor, core::Time now) {
  const auto backup = open_backup(file);
  if (!backup) {
    return tl::unexpected(backup.error());
  }
  const StorePaths named{std::filesystem::path(path)};
  return guarded(named, [&]() -> Result<RestoreSummary> {
    auto paths = Database::locate(named, OpenMode::create_if_missing);
    if (!paths) {
      return tl::unexpected(std::move(paths.error()));
    }
    const LockFile lock(paths->lock);
    if (!lock.try_lock(Lock::in_use)) {
      const std::string users = describe_processes(paths->lock.string());
      return core::fail(core::ErrorCode::store_unavailable,
                        "the store " + paths->database.string() + " is in use by " +
                            (users.empty() ? "another process" : users),
                        "stop the processes that use it, then restore it");
    }
    // Older versions do not take Lock::in_use.
    const LockGuard writer(lock, Lock::writer);
    const LockGuard live(lock, Lock::live);
    return Restore(*std::move(paths), file).run(*backup, actor, now);
  });
}

}  // namespace nexakey::store::sqlite
