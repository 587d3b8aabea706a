#include "store/sqlite/live_state.h"

#include "store/sqlite/usage_journal_v1.h"

namespace nexakey::store::sqlite {

StorePaths::StorePaths(const std::filesystem::path& path)
    : database(path),
      lock(path.string() + "-lock"),
      journal(path.string() + "-usage"),
      windows(path.string() + "-windows"),
      reserve(path.string() + "-reserve"),
      owner(owner_for_root(path)) {}

LiveState LiveState::open(const StorePaths& paths, const LockFile& lock, const StoreIdentity& store,
                          const UsageJournal::FlushedGeneration& flushed) {
  const Boot boot = read_boot();
  const LockGuard guard(lock, Lock::live);
  lock.use_clock(boot);
  if (UsageJournalV1::is_at(paths.journal)) {
    // The migration of the tables has flushed it.
    UsageJournalV1(paths.journal).retire();
    std::filesystem::remove(paths.journal);
  }
  return {.windows = WindowFile(paths.windows, store, boot),
          .journal = UsageJournal(paths.journal, store, boot, flushed)};
}

}  // namespace nexakey::store::sqlite
