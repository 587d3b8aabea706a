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
    if (!live().windows.make_room(endpoints.size()) && !is_full) {
      guard.reset();
      is_full = !prepare_windows(Reserve::partly_used);
    } else if (live().journal.make_room(size)) {
      return guard;
    } else {
      guard.reset();
      flush_segment(Reserve::partly_used);
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

void Counter::flush_segment(Reserve reserve) {
  auto& journal = live().journal;
  std::optional<std::uint64_t> generation;
  database_.write(reserve, [&] {
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
  });
  if (generation) {
    const LockGuard guard(database_.lock_file(), Lock::live);
    journal.release(*generation);
  }
}

void Counter::flush() {
  const auto is_empty = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_empty();
  };
  live();
  // At most the sealed segment and the active one, because others may keep counting.
  for (int segments = 0; segments < 2 && !is_empty(); ++segments) {
    flush_segment(Reserve::kept);
  }
}

void Counter::flush_if_due() {
  live();
  const bool is_filling = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_filling();
  }();
  if (is_filling) {
    flush_segment(Reserve::kept);
  }
}

}  // namespace nexakey::store::sqlite
