#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/error.h"
#include "store/access.h"
#include "store/file.h"
#include "store/sqlite/live_state.h"
#include "store/sqlite/lock_file.h"

namespace nexakey::store::sqlite {

/// One connection to a store's SQLite file, and the rules by which processes share it:
///
/// The database is in WAL mode with synchronous=FULL, so that a committed transaction survives a
/// power cut, unless it is a lazy one. Every write transaction and every checkpoint holds
/// Lock::writer: SQLite 3.40 can corrupt a file when two connections do these at once, and its own
/// waiting polls with long pauses. When the disk is full, keys are revoked with the space of the
/// log, which is not given back then, and of the reserve, of which each change takes as little as
/// it needs.
///
/// Errors are exceptions: SQLite::Exception, std::system_error, StoreProblem. A commit that failed
/// may still come into effect: its frames can be in the log, where the next process to open the
/// store finds them. So it is repeated, which overwrites these frames, and if that fails too, the
/// error is OutcomeUnknown.
class Database {
 public:
  /// How much of the reserve a write may use on a full disk. Decisions leave a quarter to
  /// revocations. A write that may use none is refused until the reserve is whole.
  enum class Reserve { kept, partly_used, used };

  /// The files of a store, by an absolute path without links in its folders. If nothing is there,
  /// returns `not_found` or creates the folders, depending on `mode`.
  static core::Result<StorePaths> locate(const StorePaths& named, OpenMode mode);

  /// Opens the store. If it does not exist, returns `not_found` or creates it, depending on `mode`.
  static core::Result<Database> open(const StorePaths& paths, OpenMode mode);

  SQLite::Database& connection() { return connection_; }
  [[nodiscard]] const StorePaths& paths() const { return paths_; }
  [[nodiscard]] const LockFile& lock_file() const { return lock_; }

  /// Opens or creates the windows and the journal.
  LiveState open_live();

  /// Throws StoreProblem if the file was deleted or replaced, or if a newer program has migrated
  /// the store, since it was opened. Called in each transaction.
  void check_current();

  /// Frees a piece of the reserve. False: there is nothing left that `reserve` may use.
  [[nodiscard]] bool shrink_reserve(Reserve reserve) const;

  /// Maps the database, which halves the time of a look-up. Not for a process that reads everything
  /// once: mapped pages count as its memory.
  void map();

  /// The statement in `slot`, which is prepared at the first call and reset by later ones.
  SQLite::Statement& prepare(std::optional<SQLite::Statement>& slot, const char* sql);

  /// How a transaction is written.
  struct Write {
    Reserve reserve = Reserve::kept;
    /// Does not wait for the disk: a power cut may undo the transactions since the last one that
    /// did, of any process.
    bool is_lazy = false;
  };

  /// Runs `work` in a write transaction. Commits if it returns true, else rolls back. Calls `work`
  /// again if the commit fails, and on a full disk for as long as more space is found.
  void write(const Write& how, const std::function<bool()>& work);
  /// `write`, unless another process is changing the store. False: nothing was done.
  [[nodiscard]] bool try_write(const Write& how, const std::function<bool()>& work);

  /// Runs `work` with one snapshot of the database.
  template <typename Work>
  auto read(const Work& work) -> decltype(work()) {
    const ReadTransaction transaction(*this);
    return work();
  }

 private:
  class ReadTransaction {
   public:
    explicit ReadTransaction(Database& database);
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    ~ReadTransaction();

   private:
    Database& database_;
  };

  explicit Database(StorePaths paths);

  void write_alone(const Write& how, const std::function<bool()>& work);
  bool attempt(bool is_lazy, const std::function<bool()>& work);
  bool attempt_twice(bool is_lazy, const std::function<bool()>& work);
  bool attempt_on_full_disk(const Write& how, const std::function<bool()>& work);
  bool reuse_log(Reserve reserve);
  [[nodiscard]] bool lacks_space(const std::exception& exception) const;
  void upgrade_schema();
  [[nodiscard]] std::uintmax_t log_size() const;
  /// Moves the log to the database after a change if its size is `large`. `size_before`: of the log
  /// before the change. `may_shrink`: whether the log may give its space back.
  void checkpoint_if_large(std::uintmax_t large, std::uintmax_t size_before, bool may_shrink);
  int checkpoint(int mode, int wait_ms);

  StorePaths paths_;
  SQLite::Database connection_;
  LockFile lock_;
  FileIdentity identity_;
  std::optional<SQLite::Statement> begin_;
  std::optional<SQLite::Statement> commit_;
  std::optional<SQLite::Statement> schema_;
};

}  // namespace nexakey::store::sqlite
