#include "store/sqlite/database.h"

#include <bit>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/sqlite/connection.h"
#include "store/sqlite/guarded.h"
#include "store/sqlite/reserve.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {
namespace {

using core::ErrorCode;
using core::Result;

/// The size of the write-ahead log from which on changes do checkpoints: the first process to open
/// the store reads the whole log. At the second size, and each time that the log has doubled since,
/// the checkpoint waits for readers. Lazy changes come one after the other, and write the same
/// pages again and again: a larger log saves most of these writes.
constexpr std::uintmax_t kLargeLog = std::uintmax_t{512} << 10U;
constexpr std::uintmax_t kLargeLogOfLazy = std::uintmax_t{4} << 20U;
constexpr std::uintmax_t kOverdueLog = std::uintmax_t{8} << 20U;
constexpr int kOverdueWaitMs = 200;

/// Creates the missing folders above a store with mode 0700 and syncs them: if a power cut lost a
/// folder, the store would be lost too.
void make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) {
    return;
  }
  make_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw std::system_error(errno, std::system_category(), folder.string());
  }
  sync_directory(std::filesystem::canonical(folder.parent_path()));
}

/// Creates a store under another name and renames it, so that no process sees an incomplete one.
void create_store(const StorePaths& paths, const LockFile& lock) {
  // Files that a deleted store left behind would be taken for parts of the new one.
  for (const char* const suffix :
       {"-wal", "-shm", "-usage", "-windows", "-new", "-new-wal", "-new-shm"}) {
    std::filesystem::remove(paths.database.string() + suffix);
  }
  const std::filesystem::path fresh = paths.database.string() + "-new";
  File::create(fresh, 0);
  StoreIdentity identity;
  {
    SQLite::Database database(fresh.string(), kOpenFlags);
    database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.exec("PRAGMA journal_mode = WAL");
    SQLite::Transaction transaction(database);
    migrate(database, 0);
    transaction.commit();
    identity = identity_of(database);
    empty_log(database);
  }
  File(fresh, O_RDWR).sync();
  File::create(paths.reserve, kReserveSize);
  LiveState::open(paths, lock, identity, [](const UsageJournal::Id&) { return 0; });
  std::filesystem::rename(fresh, paths.database);
  sync_directory(paths.database.parent_path());
}

/// A transaction may be in the log, though SQLite could not commit it.
struct CommitFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool is_out_of_space(const SQLite::Exception& exception) {
  return code_of(exception) == SQLITE_FULL ||
         exception.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE;
}

/// After a commit, for which this error does not count. False: the reserve is not whole.
bool try_to_restore_reserve(const StorePaths& paths) {
  try {
    return restore_reserve(paths.reserve);
  } catch (const std::system_error&) {
    return false;
  }
}

/// Whether a transaction reads the store right now. The locks of readers are documented in
/// https://sqlite.org/walformat.html#wal_locks.
bool has_readers(SQLite::Database& connection) {
  constexpr int kFirstReaderLock = 3;
  constexpr int kReaderLocks = 5;
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  const auto lock = [&](int action) {
    return file->pMethods->xShmLock(file, kFirstReaderLock, kReaderLocks,
                                    action | SQLITE_SHM_EXCLUSIVE);
  };
  if (lock(SQLITE_SHM_LOCK) != SQLITE_OK) {
    return true;
  }
  lock(SQLITE_SHM_UNLOCK);
  return false;
}

/// An absolute path without links in its folders, because SQLite is told to follow none.
StorePaths resolve(const StorePaths& paths) {
  const auto absolute = std::filesystem::absolute(paths.database);
  StorePaths resolved(std::filesystem::canonical(absolute.parent_path()) / absolute.filename());
  if (paths.owner) {
    resolved.owner = paths.owner;  // the owner of a link on the path decides where it leads
  }
  return resolved;
}

}  // namespace

Database::ReadTransaction::ReadTransaction(Database& database) : database_(database) {
  database_.prepare(database_.commit_, "COMMIT");  // so that the destructor cannot fail
  database_.prepare(database_.begin_, "BEGIN").exec();
  try {
    database_.check_current();
  } catch (...) {
    database_.commit_->tryExecuteStep();
    throw;
  }
}

Database::ReadTransaction::~ReadTransaction() {
  // Nothing was written, so an error loses nothing.
  database_.commit_->tryExecuteStep();
  database_.commit_->tryReset();
}

Result<StorePaths> Database::locate(const StorePaths& named, OpenMode mode) {
  const auto absolute = std::filesystem::absolute(named.database);
  if (absolute.filename().empty() || std::filesystem::is_directory(absolute)) {
    throw StoreProblem(named.database.string() + " is a folder", "name the file of a store");
  }
  if (mode == OpenMode::create_if_missing) {
    make_folders(absolute.parent_path());
  } else if (!is_there(absolute)) {
    return core::fail(ErrorCode::not_found, "no store at " + named.database.string(),
                      "create its first key with nexakey create");
  }
  return resolve(named);
}

Result<Database> Database::open(const StorePaths& named, OpenMode mode) {
  // By default, SQLite allocates 20 pages before it needs any; a command rarely needs five.
  static const int configured = sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
  static_cast<void>(configured);
  const auto located = locate(named, mode);
  if (!located) {
    return tl::unexpected(located.error());
  }
  const StorePaths& paths = *located;
  if (!is_there(paths.database)) {
    const LockFile lock(paths.lock);
    const LockGuard guard(lock, Lock::writer);
    if (!is_there(paths.database)) {
      create_store(paths, lock);
    }
  }
  for (;;) {
    try {
      return Database(paths);
    } catch (const SQLite::Exception& exception) {
      if (!is_out_of_space(exception) || !sqlite::shrink_reserve(paths.reserve, 0)) {
        throw;
      }
    }
  }
}

Database::Database(StorePaths paths)
    : paths_(std::move(paths)),
      connection_(connect(paths_.database)),
      lock_(paths_.lock),
      identity_(FileIdentity::of(paths_.database)) {
  if (schema_of(connection_) < newest_schema()) {
    upgrade_schema();
  }
}

void Database::check_current() {
  if (FileIdentity::of(paths_.database) != identity_) {
    throw StoreProblem(paths_.database.string() + " was deleted or replaced while it was in use",
                       "restart the processes that use the store");
  }
  auto& schema = prepare(schema_, "PRAGMA user_version");
  schema.executeStep();
  check_schema(schema.getColumn(0).getInt(), paths_.database);
  schema.reset();
}

void Database::map() { connection_.exec("PRAGMA mmap_size = 1073741824"); }

void Database::upgrade_schema() {
  std::optional<LockGuard> live;  // held until the journal that older processes use is gone
  write({.reserve = Reserve::kept}, [&] {
    const int from = schema_of(connection_);
    if (from == newest_schema()) {
      return false;  // another process has done it
    }
    migrate(connection_, from);
    live.emplace(lock_, Lock::live);
    if (UsageJournalV1::is_at(paths_.journal)) {
      flush_version_1(*this, UsageJournalV1(paths_.journal));
    }
    return true;
  });
  live.reset();
  open_live();  // sets the schema in the files, for the processes that have them mapped
}

LiveState Database::open_live() {
  return LiveState::open(paths_, lock_, identity_of(connection_), [&](const UsageJournal::Id& id) {
    return flushed_generations(connection_)[id];
  });
}

SQLite::Statement& Database::prepare(std::optional<SQLite::Statement>& slot, const char* sql) {
  if (slot) {
    slot->tryReset();  // its result is the error of the last use, which has been reported
  } else {
    slot.emplace(connection_, sql);
  }
  return *slot;
}

bool Database::shrink_reserve(Reserve reserve) const {
  return reserve != Reserve::kept &&
         sqlite::shrink_reserve(paths_.reserve, reserve == Reserve::used ? 0 : kReserveSize / 4);
}

void Database::write(const Write& how, const std::function<bool()>& work) {
  const LockGuard guard(lock_, Lock::writer);
  write_alone(how, work);
}

bool Database::try_write(const Write& how, const std::function<bool()>& work) {
  if (!lock_.try_lock(Lock::writer)) {
    return false;
  }
  const LockGuard guard(lock_, Lock::writer, std::adopt_lock);
  write_alone(how, work);
  return true;
}

void Database::write_alone(const Write& how, const std::function<bool()>& work) {
  if (how.reserve == Reserve::kept && !restore_reserve(paths_.reserve)) {
    throw StoreProblem("the disk of the store " + paths_.database.string() +
                           " is full: its last space is reserved for revocations",
                       "make room on it");
  }
  const std::uintmax_t log_before = log_size();
  if (attempt_on_full_disk(how, work)) {
    checkpoint_if_large(how.is_lazy ? kLargeLogOfLazy : kLargeLog, log_before,
                        try_to_restore_reserve(paths_));
  }
}

bool Database::attempt_on_full_disk(const Write& how, const std::function<bool()>& work) {
  for (bool may_reuse_log = true;; may_reuse_log = false) {
    try {
      return attempt_twice(how.is_lazy, work);
    } catch (const std::exception& exception) {
      const bool has_space =
          how.reserve != Reserve::kept && lacks_space(exception) &&
          ((may_reuse_log && reuse_log(how.reserve)) || shrink_reserve(how.reserve));
      if (!has_space) {
        throw;
      }
    }
  }
}

/// Lets the log begin again in the space that it has, by a checkpoint, which may itself need space.
/// False: the log must go on, for example because it is being read.
bool Database::reuse_log(Reserve reserve) {
  int status = SQLITE_FULL;
  do {
    status = checkpoint(SQLITE_CHECKPOINT_RESTART, 0);
  } while (status == SQLITE_FULL && shrink_reserve(reserve));
  return status == SQLITE_OK;
}

/// Whether a write may succeed if the disk has more space.
bool Database::lacks_space(const std::exception& exception) const {
  const auto* const failure = dynamic_cast<const SQLite::Exception*>(&exception);
  if (failure != nullptr && code_of(*failure) != SQLITE_IOERR) {
    return code_of(*failure) == SQLITE_FULL;
  }
  if (failure == nullptr && dynamic_cast<const OutcomeUnknown*>(&exception) == nullptr) {
    return false;
  }
  const int error = sqlite3_system_errno(connection_.getHandle());
  return error == ENOSPC || error == EDQUOT;
}

bool Database::attempt_twice(bool is_lazy, const std::function<bool()>& work) {
  try {
    return attempt(is_lazy, work);
  } catch (const CommitFailure&) {
    // Repeated below.
  }
  std::string why;
  try {
    return attempt(is_lazy, work);
  } catch (const CommitFailure& failure) {
    why = failure.what();
  } catch (const SQLite::Exception& exception) {
    why = exception.what();
  }
  throw OutcomeUnknown("the store " + paths_.database.string() + " failed: " + why +
                           "; it is not known whether the change was made",
                       "run the same command again");
}

bool Database::attempt(bool is_lazy, const std::function<bool()>& work) {
  connection_.exec(is_lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
  SQLite::Transaction transaction(connection_, SQLite::TransactionBehavior::IMMEDIATE);
  check_current();
  const bool committed = work();
  if (committed) {
    try {
      transaction.commit();
    } catch (const SQLite::Exception& exception) {
      if (code_of(exception) == SQLITE_FULL) {
        throw;  // the last frame of the transaction was not written
      }
      throw CommitFailure(exception.what());
    }
  }
  return committed;
}

std::uintmax_t Database::log_size() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(paths_.database.string() + "-wal", error);
  return error ? 0 : size;
}

// Errors are ignored: commits are safe in the log, and a later change tries again. A reader that
// keeps its snapshot holds all checkpoints up, and each that is tried goes through the whole log:
// as long as there are readers, only changes try after which the log has grown by an eighth.
void Database::checkpoint_if_large(std::uintmax_t large, std::uintmax_t size_before,
                                   bool may_shrink) {
  const std::uintmax_t size = log_size();
  if (size < large) {
    return;
  }
  const std::uintmax_t step = std::bit_floor(size) / 8;
  if (size_before / step == size / step && has_readers(connection_)) {
    return;
  }
  const bool waits = size >= kOverdueLog && std::bit_floor(size_before) < std::bit_floor(size);
  checkpoint(may_shrink ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART,
             waits ? kOverdueWaitMs : 0);
}

/// Returns the code of SQLite. `wait_ms`: for readers.
int Database::checkpoint(int mode, int wait_ms) {
  sqlite3* const handle = connection_.getHandle();
  sqlite3_busy_timeout(handle, wait_ms);
  const int status = sqlite3_wal_checkpoint_v2(handle, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  return status;
}

}  // namespace nexakey::store::sqlite
