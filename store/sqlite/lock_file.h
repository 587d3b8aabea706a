#pragma once

#include <filesystem>

#include "store/sqlite/file.h"

namespace nexakey::store::sqlite {

/// The locks that the processes on one store take in turn. The kernel gives them back when their
/// holder dies, in whatever state (open file description locks, fcntl(2)). Who holds both took
/// `writer` first.
enum class Lock : int {
  writer,  ///< SQLite's file: each write transaction and each checkpoint
  live,    ///< the windows and the journal
};

/// The file that the locks are on. Nothing is ever written to it.
class LockFile {
 public:
  /// Creates it if it is not there.
  explicit LockFile(const std::filesystem::path& path);

  /// Waits up to ten seconds; then throws StoreProblem: somebody holds the lock and does not move.
  void lock(Lock lock) const;
  void unlock(Lock lock) const noexcept;

 private:
  [[nodiscard]] bool try_lock(Lock lock) const;

  File file_;
};

/// Holds a lock for as long as it lives.
class LockGuard {
 public:
  LockGuard(const LockFile& file, Lock lock) : file_(file), lock_(lock) { file_.lock(lock_); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { file_.unlock(lock_); }

 private:
  const LockFile& file_;
  Lock lock_;
};

}  // namespace nexakey::store::sqlite
