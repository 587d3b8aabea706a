#include "store/sqlite/counter.h"

#include <chrono>
#include <exception>
#include <system_error>
#include <thread>

#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {

using Reserve = Database::Reserve;

Counter::~Counter() {
  if (!has_counted_) {
    return;
  }
  live_->journal.start_write_back(true);
  try {
    prepare_windows(Reserve::kept);
  } catch (const std::exception&) {
    return;  // the next process does it
  }
}

LiveState& Counter::live() {
  if (!live_) {
    live_.emplace(database_.open_live());
  }
  return *live_;
}

std::unique_ptr<LockGuard> Counter::lock_with_room(std::span<const std::string> endpoints) {
  std::size_t size = 0;
  for (const std::string& endpoint : endpoints) {
    if (!endpoint.empty()) {
      size += UsageJournal::max_size(endpoint);
    }
  }
  // On a full disk, the keys that have windows are decided nevertheless.
  for (bool is_full = false;;) {
    auto guard = std::make_unique<LockGuard>(database_.lock_file(), Lock::live);
    if (!live().windows.make_room(2 * endpoints.size()) && !is_full) {
      guard.reset();
      is_full = !prepare_windows(Reserve::partly_used);
    } else if (live().journal.make_room(size)) {
      return guard;
    } else {
      guard.reset();
      free_segment();
    }
  }
}

bool Counter::prepare_windows(Reserve reserve) {
  const auto is_prepared = [&] {
    try {
      live().windows.prepare(database_.lock_file());
      return true;
    } catch (const std::system_error& error) {
      if (!is_disk_full(error)) {
        throw;
      }
      return false;
    }
  };
  while (!is_prepared()) {
    if (!database_.shrink_reserve(reserve)) {
      return false;
    }
  }
  return true;
}

void Counter::prepare_windows_if_urgent() {
  live().windows.drop_replaced();
  // Decisions do not wait for a process that prepares it already.
  const LockFile& lock = database_.lock_file();
  if (live().windows.is_urgent() && lock.try_lock(Lock::prepare)) {
    lock.unlock(Lock::prepare);
    prepare_windows(Reserve::kept);
  }
}

void Counter::maintain_windows() {
  constexpr int kTurns = 32;
  constexpr auto kPause = std::chrono::milliseconds(1);  // in which others get the lock
  auto& windows = live().windows;
  for (int turn = 0; turn < kTurns && windows.is_moving(); ++turn) {
    {
      const LockGuard guard(database_.lock_file(), Lock::live);
      windows.make_room(0);
    }
    std::this_thread::sleep_for(kPause);
  }
  prepare_windows(Reserve::kept);
}

void Counter::append(const UsageRecord& record) {
  live_->journal.append(record);
  has_counted_ = true;
}

bool Counter::flush_segment(Reserve reserve, Wait wait) {
  auto& journal = live().journal;
  std::optional<std::uint64_t> generation;
  const auto flush = [&] {
    {
      // Only a process that holds Lock::writer seals, so that one process flushes a segment.
      const LockGuard guard(database_.lock_file(), Lock::live);
      generation = journal.seal();
    }
    if (generation) {
      journal.sync_generation();
      flush_generation(database_, journal, *generation);
    }
    return true;
  };
  if (wait == Wait::yes) {
    database_.write({.reserve = reserve}, flush);
  } else if (!database_.try_write({.reserve = reserve}, flush)) {
    return false;
  }
  if (generation) {
    const LockFile& lock = database_.lock_file();
    std::optional<LockGuard> prepare;
    if (lock.try_lock(Lock::prepare)) {
      prepare.emplace(lock, Lock::prepare, std::adopt_lock);
    }
    const LockGuard guard(lock, Lock::live);
    journal.release(*generation);
    if (prepare) {
      journal.shrink();
    }
  }
  return true;
}

bool Counter::add_segment() {
  const LockFile& lock = database_.lock_file();
  auto& journal = live().journal;
  const LockGuard prepare(lock, Lock::prepare);
  const auto has_free_segment = [&] {
    const LockGuard guard(lock, Lock::live);
    return journal.has_free_segment();
  };
  if (has_free_segment()) {
    return true;  // another process was faster
  }
  if (!journal.prepare_segment()) {
    return false;
  }
  const LockGuard guard(lock, Lock::live);
  journal.add_segment();
  return true;
}

void Counter::free_segment() {
  if (!flush_segment(Reserve::partly_used, Wait::no) && !add_segment()) {
    flush_segment(Reserve::partly_used, Wait::yes);
  }
}

void Counter::flush() {
  const auto is_empty = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_empty();
  };
  live();
  // At most once each of them, because others may keep counting.
  for (std::size_t n = 0; n < UsageJournal::kMaxSegments && !is_empty(); ++n) {
    flush_segment(Reserve::kept, Wait::yes);
  }
}

bool Counter::flush_if_due() {
  live();
  const bool is_filling = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_filling();
  }();
  if (!is_filling || flush_segment(Reserve::kept, Wait::no)) {
    return true;
  }
  add_segment();
  return false;
}

}  // namespace nexakey::store::sqlite
