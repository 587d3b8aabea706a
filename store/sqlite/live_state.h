#pragma once

#include <filesystem>
#include <optional>

#include "store/owner.h"
#include "store/sqlite/lock_file.h"
#include "store/sqlite/usage_journal.h"
#include "store/sqlite/window_file.h"

namespace nexakey::store::sqlite {

/// The paths of the files of a store: SQLite's file and those beside it.
struct StorePaths {
  explicit StorePaths(const std::filesystem::path& path);

  std::filesystem::path database;
  std::filesystem::path lock;     ///< `-lock`
  std::filesystem::path journal;  ///< `-usage`
  std::filesystem::path windows;  ///< `-windows`
  std::filesystem::path reserve;  ///< `-reserve`
  std::optional<Owner> owner;     ///< whose rights root uses for them
};

/// What changes with every request: the windows and the journal. Both require Lock::live.
struct LiveState {
  /// Opens or creates both files of a store, under Lock::live. `lock` keeps what `use_clock` notes.
  static LiveState open(const StorePaths& paths, const LockFile& lock, const StoreIdentity& store,
                        const UsageJournal::FlushedGeneration& flushed);

  WindowFile windows;
  UsageJournal journal;
};

}  // namespace nexakey::store::sqlite
