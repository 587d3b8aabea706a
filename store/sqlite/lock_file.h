#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>

#include "store/file.h"
#include "store/sqlite/boot.h"

namespace nexakey::store::sqlite {

/// The locks that the processes on a store share: open file description locks (fcntl(2)), which the
/// kernel releases when their holder dies. A process that takes both takes `writer` first.
enum class Lock : int {
  writer,   ///< SQLite's file: each write transaction and each checkpoint
  live,     ///< the windows and the journal
  in_use,   ///< the store: shared by all processes that have it open
  prepare,  ///< what is made for the windows and the journal beside them: a file, a segment
};

/// The file with the locks. It stays empty.
class LockFile {
 public:
  /// Opens or creates the file, and takes Lock::in_use, shared, for the life of this object. Waits
  /// for it like `lock`.
  explicit LockFile(const std::filesystem::path& path);

  /// Waits for the lock for up to ten seconds, then throws StoreProblem. Lock::writer is taken in
  /// the order of the calls.
  void lock(Lock lock) const;
  void unlock(Lock lock) const noexcept;
  /// Takes the lock if no other process has it. Lock::in_use: if no other process has the store
  /// open.
  [[nodiscard]] bool try_lock(Lock lock) const;

  /// Notes, for the life of this object, that this process uses the windows by the clock of `boot`.
  /// Throws StoreProblem if another process uses them by another one: then their times cannot be
  /// compared. Requires Lock::live.
  void use_clock(const Boot& boot) const;

 private:
  void wait_for(Lock lock, int type) const;
  void pause_until(std::chrono::steady_clock::time_point deadline,
                   std::chrono::microseconds pause) const;

  File file_;
};

/// The problem that `use_clock` throws. `path`: the file in which it was seen.
StoreProblem another_clock(const std::filesystem::path& path);

/// Holds a lock for as long as it lives.
class LockGuard {
 public:
  LockGuard(const LockFile& file, Lock lock) : file_(file), lock_(lock) { file_.lock(lock_); }
  /// For a lock that `try_lock` took.
  LockGuard(const LockFile& file, Lock lock, std::adopt_lock_t /*taken*/)
      : file_(file), lock_(lock) {}
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { file_.unlock(lock_); }

 private:
  const LockFile& file_;
  Lock lock_;
};

}  // namespace nexakey::store::sqlite
