#pragma once

#include <filesystem>

#include "store/sqlite/file.h"

namespace nexakey::store::sqlite {

/// The locks that the processes on a store share: open file description locks (fcntl(2)), which the
/// kernel releases when their holder dies. A process that takes both takes `writer` first.
enum class Lock : int {
  writer,  ///< SQLite's file: each write transaction and each checkpoint
  live,    ///< the windows and the journal
};

/// The file with the locks. It stays empty.
class LockFile {
 public:
  /// Opens or creates the file.
  explicit LockFile(const std::filesystem::path& path);

  /// Waits for the lock for up to ten seconds, then throws StoreProblem.
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
