#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/error.h"
#include "store/access.h"
#include "store/sqlite/file.h"
#include "store/sqlite/live_state.h"
#include "store/sqlite/lock_file.h"

namespace nexakey::store::sqlite {

/// One connection to a store's SQLite file, and the rules by which processes share it:
///
/// WAL with synchronous=FULL, so that what a transaction wrote survives a power cut. Every write
/// transaction and every checkpoint is behind Lock::writer: SQLite 3.40 can corrupt a file when
/// two connections do these at once, and its own way of waiting is polling with long pauses. A
/// reserve file is given up when the disk is full, so that keys can still be revoked then.
///
/// Errors are exceptions: SQLite::Exception, std::system_error, StoreProblem.
class Database {
 public:
  /// Whether a write may take the reserve. What others can do without leaves it to revocations.
  enum class Reserve { kept, used };

  /// The files of a store by an absolute path without links above them. A path where nothing is is
  /// `not_found`, or its folders are made.
  static core::Result<StorePaths> locate(const StorePaths& named, OpenMode mode);

  /// Opens the store, or makes it first. A path where no store was ever made is `not_found`.
  static core::Result<Database> open(const StorePaths& paths, OpenMode mode);

  SQLite::Database& connection() { return connection_; }
  [[nodiscard]] const StorePaths& paths() const { return paths_; }
  [[nodiscard]] const LockFile& lock_file() const { return lock_; }

  /// Gives the reserve to whoever needs space now; false: there is none.
  [[nodiscard]] bool give_up_reserve() const;

  /// Has pages read where the kernel has them, which halves the time of a look-up. Not for who
  /// reads everything once: what is mapped counts as the process's memory.
  void map();

  /// A statement, prepared at its first use and reset now.
  SQLite::Statement& prepare(std::optional<SQLite::Statement>& slot, const char* sql);

  /// Does `work` in a write transaction, which is committed, durably, if it returns true; else
  /// nothing of it was done. On a full disk `work` is called again if it may take the reserve.
  void write(Reserve reserve, const std::function<bool()>& work);

  /// Does `work` with one unchanging view of the database.
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

  bool attempt(const std::function<bool()>& work);
  void upgrade_schema();
  void checkpoint();

  StorePaths paths_;
  SQLite::Database connection_;
  LockFile lock_;
  std::optional<SQLite::Statement> begin_;
  std::optional<SQLite::Statement> commit_;
};

/// A connection that changes nothing, not even by upgrading the schema or making SQLite's files.
SQLite::Database connect_to_look(const StorePaths& paths);

/// The error that a caller of the store gets for an exception of SQLite or the system.
core::Error describe(const StorePaths& paths, const SQLite::Exception& exception);
core::Error describe(const StorePaths& paths, const std::exception& exception);

/// Calls `work`, which returns a Result, as the owner of the store if this process is root's; an
/// exception becomes a `store_unavailable` error.
template <typename Work>
auto guarded(const StorePaths& paths, const Work& work) -> decltype(work()) {
  try {
    const ActingAs owner(paths.owner);
    return work();
  } catch (const SQLite::Exception& exception) {
    return tl::unexpected(describe(paths, exception));
  } catch (const StoreProblem& problem) {
    return core::fail(core::ErrorCode::store_unavailable, problem.what(), problem.hint);
  } catch (const std::exception& exception) {
    return tl::unexpected(describe(paths, exception));
  }
}

}  // namespace nexakey::store::sqlite
