#include "store/sqlite/counter.h"

#include "store/sqlite/usage_tables.h"

namespace nexakey::store::sqlite {

using Reserve = Database::Reserve;

Counter::~Counter() {
  if (has_counted_) {
    live_->journal.start_write_back(true);
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
  for (;;) {
    auto guard = std::make_unique<LockGuard>(database_.lock_file(), Lock::live);
    if (live().journal.make_room(size)) {
      return guard;
    }
    guard.reset();
    flush_half(Reserve::used);
  }
}

void Counter::append(const UsageRecord& record) {
  live_->journal.append(record);
  has_counted_ = true;
}

void Counter::flush_half(Reserve reserve) {
  auto& journal = live().journal;
  std::optional<std::uint64_t> generation;
  database_.write(reserve, [&] {
    {
      // Only a process that holds Lock::writer seals, so that one process flushes a half.
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
  // At most the sealed half and the active one, because others may keep counting.
  for (int halves = 0; halves < 2 && !is_empty(); ++halves) {
    flush_half(Reserve::kept);
  }
}

void Counter::flush_if_due() {
  live();
  const bool is_filling = [&] {
    const LockGuard guard(database_.lock_file(), Lock::live);
    return live_->journal.is_filling();
  }();
  if (is_filling) {
    flush_half(Reserve::kept);
  }
}

}  // namespace nexakey::store::sqlite
