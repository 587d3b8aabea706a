#include "store/sqlite/database.h"

#include <bit>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/newer_schema.h"
#include "store/sqlite/reserve.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {
namespace {

using core::ErrorCode;
using core::Result;

constexpr int kBusyTimeoutMs = 5000;

/// The size of the write-ahead log from which on changes do checkpoints: the first process to open
/// the store reads the whole log. At the second size, and each time that the log has doubled since,
/// the checkpoint waits for readers. Lazy changes come one after the other, and write the same
/// pages again and again: a larger log saves most of these writes.
constexpr std::uintmax_t kLargeLog = std::uintmax_t{512} << 10U;
constexpr std::uintmax_t kLargeLogOfLazy = std::uintmax_t{4} << 20U;
constexpr std::uintmax_t kOverdueLog = std::uintmax_t{8} << 20U;
constexpr int kOverdueWaitMs = 200;

constexpr int kOpenFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

bool is_there(const std::filesystem::path& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

/// Checks what SQLite does not check, or reports unclearly. Does not open the file: closing it
/// would release the locks that other connections of this process hold.
void check_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    throw std::system_error(errno, std::system_category(), path.string());
  }
  if (S_ISLNK(status.st_mode)) {
    throw StoreProblem(path.string() + " is a symbolic link", "name the file itself");
  }
  if (!S_ISREG(status.st_mode)) {
    throw StoreProblem(path.string() + " is not a regular file", "name the file of a store");
  }
  if (status.st_size == 0) {
    throw StoreProblem(path.string() + " is an empty file and not a nexakey store");
  }
  // By its other name, the store would be read without its log: revoked keys would be allowed.
  if (status.st_nlink > 1) {
    throw StoreProblem(path.string() + " has a second name (a hard link)",
                       "delete the other name, which find / -xdev -inum " +
                           std::to_string(status.st_ino) + " shows");
  }
}

/// Checks the files that SQLite opens beside a database: it would wait for a FIFO, and write to a
/// file of somebody else that is a link to it.
void check_log(const std::filesystem::path& database) {
  for (const char* const suffix : {"-wal", "-shm", "-journal"}) {
    const std::string path = database.string() + suffix;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1)) {
      throw StoreProblem(path + (S_ISREG(status.st_mode) ? " has a second name (a hard link)"
                                                         : " is not a regular file"),
                         "find out who put it there");
    }
  }
}

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

/// The primary code of an error.
int code_of(const SQLite::Exception& exception) { return exception.getErrorCode() & 0xFF; }

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

/// Refuses a schema that this program does not know.
void check_schema(int schema, const std::filesystem::path& path) {
  if (schema > newest_schema()) {
    const core::Error newer = newer_schema(path.string(), std::to_string(schema), newest_schema());
    throw StoreProblem(newer.message, newer.hint);
  }
}

/// Refuses a file that is not a store, or has a schema that this program does not know.
void check_is_store(SQLite::Database& connection, const std::filesystem::path& path) {
  if (connection.execAndGet("PRAGMA application_id").getInt() != kApplicationId) {
    throw StoreProblem(path.string() + " is not a nexakey store");
  }
  check_schema(schema_of(connection), path);
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

/// `path` as SQLite takes it in a URI (https://sqlite.org/uri.html).
std::string to_uri(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
  }
  return uri;
}

}  // namespace

SQLite::Database connect(const std::filesystem::path& path) {
  check_file(path);
  check_log(path);
  SQLite::Database connection(path.string(), kOpenFlags, kBusyTimeoutMs);
  sqlite3* const handle = connection.getHandle();
  const auto keep_log = [handle](bool keep) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
  };
  // If this is not a store, closing the connection deletes the log that opening it created.
  keep_log(is_there(path.string() + "-wal"));
  sqlite3_wal_autocheckpoint(handle, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_extended_result_codes(handle, 1);
  check_is_store(connection, path);
  // `checkpoint` does all checkpoints. The log and its index stay when the last process closes the
  // store, because on a full disk they could not be created again.
  keep_log(true);
  connection.exec("PRAGMA temp_store = MEMORY");
  return connection;
}

SQLite::Database connect_to_look(const StorePaths& paths) {
  check_file(paths.database);
  check_log(paths.database);
  // Without a log, no process uses the store, and a check must not create one.
  const bool has_log = is_there(paths.database.string() + "-wal");
  SQLite::Database connection(
      to_uri(paths.database) + (has_log ? "" : "?immutable=1"),
      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_URI,
      kBusyTimeoutMs);
  sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  check_is_store(connection, paths.database);
  return connection;
}

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
  write(Reserve::kept, [&] {
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

void Database::write(Reserve reserve, const std::function<bool()>& work) {
  const LockGuard guard(lock_, Lock::writer);
  write_alone(reserve, work);
}

void Database::write_lazily(Reserve reserve, const std::function<bool()>& work) {
  is_lazy_ = true;
  try {
    write(reserve, work);
  } catch (...) {
    is_lazy_ = false;
    throw;
  }
  is_lazy_ = false;
}

bool Database::try_write(Reserve reserve, const std::function<bool()>& work) {
  if (!lock_.try_lock(Lock::writer)) {
    return false;
  }
  const LockGuard guard(lock_, Lock::writer, std::adopt_lock);
  write_alone(reserve, work);
  return true;
}

void Database::write_alone(Reserve reserve, const std::function<bool()>& work) {
  if (reserve == Reserve::kept && !restore_reserve(paths_.reserve)) {
    throw StoreProblem("the disk of the store " + paths_.database.string() +
                           " is full: its last space is reserved for revocations",
                       "make room on it");
  }
  const std::uintmax_t log_before = log_size();
  if (attempt_on_full_disk(reserve, work)) {
    checkpoint_if_large(log_before, try_to_restore_reserve(paths_));
  }
}

bool Database::attempt_on_full_disk(Reserve reserve, const std::function<bool()>& work) {
  for (bool may_reuse_log = true;; may_reuse_log = false) {
    try {
      return attempt_twice(work);
    } catch (const std::exception& exception) {
      const bool has_space = reserve != Reserve::kept && lacks_space(exception) &&
                             ((may_reuse_log && reuse_log(reserve)) || shrink_reserve(reserve));
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

bool Database::attempt_twice(const std::function<bool()>& work) {
  try {
    return attempt(work);
  } catch (const CommitFailure&) {
    // Repeated below.
  }
  std::string why;
  try {
    return attempt(work);
  } catch (const CommitFailure& failure) {
    why = failure.what();
  } catch (const SQLite::Exception& exception) {
    why = exception.what();
  }
  throw OutcomeUnknown("the store " + paths_.database.string() + " failed: " + why +
                           "; it is not known whether the change was made",
                       "run the same command again");
}

bool Database::attempt(const std::function<bool()>& work) {
  connection_.exec(is_lazy_ ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
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
void Database::checkpoint_if_large(std::uintmax_t size_before, bool may_shrink) {
  const std::uintmax_t size = log_size();
  if (size < (is_lazy_ ? kLargeLogOfLazy : kLargeLog)) {
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

core::Error describe(const StorePaths& paths, const SQLite::Exception& exception) {
  const std::string path = paths.database.string();
  const auto unavailable = [](std::string message, std::string hint = {}) {
    return core::Error{ErrorCode::store_unavailable, std::move(message), std::move(hint)};
  };
  switch (code_of(exception)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable("the store " + path + " is busy", "try again");
    case SQLITE_FULL:
      return unavailable("the disk of the store " + path + " is full", "make room on it");
    case SQLITE_READONLY:
      return unavailable("cannot write to " + path, advice_for_denied(paths.database));
    case SQLITE_NOTADB:
      return unavailable(path + " is not a nexakey store");
    case SQLITE_CORRUPT:
      return unavailable("the store " + path + " is damaged",
                         "restore a backup of it with nexakey restore");
    case SQLITE_CANTOPEN:
      return unavailable("cannot open " + path, advice_for_denied(paths.database));
    default:
      return unavailable("the store " + path + " failed: " + exception.what());
  }
}

core::Error describe(const StorePaths& paths, const std::exception& exception) {
  const auto* const failure = dynamic_cast<const std::system_error*>(&exception);
  if (failure != nullptr && failure->code() == std::errc::permission_denied) {
    return {ErrorCode::store_unavailable,
            "cannot open " + paths.database.string() + ": permission denied",
            advice_for_denied(paths.database)};
  }
  return {ErrorCode::store_unavailable,
          "the store " + paths.database.string() + " cannot be used: " + exception.what(), ""};
}

}  // namespace nexakey::store::sqlite
