#include "store/sqlite/window_file.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <system_error>

#include <fcntl.h>

#include "store/sqlite/window_file_v2.h"

namespace nexakey::store::sqlite {
namespace {

using core::KeyId;
using core::Tick;

/// What one turn moves at most: slots that it looks at, and times that it copies.
constexpr std::uint64_t kSlotsPerTurn = 512;
constexpr std::uint64_t kTimesPerTurn = std::uint64_t{1} << 15U;
/// The maximum number of slots that a turn uses: those of 64 keys and of the first keys of their
/// lines.
constexpr std::uint64_t kKeysPerTurn = 128;
constexpr const char* kWindowsLoss = "every key starts with an empty minute";

/// Whether counts are those of a day until now. If the clock was set back, they are of another day.
bool is_counted_until(std::uint32_t day, core::Time now) {
  return day != 0 && day <= core::QuotaCounters::day_of(now);
}

WindowTable open_or_create(const std::filesystem::path& path, const StoreIdentity& store,
                           const Boot& boot) {
  if (!std::filesystem::exists(path)) {
    const auto fresh = WindowFile::next_path(path);
    WindowTable::Header header{};
    header.head.store = store;
    header.serial = 1;
    WindowTable::create(fresh, header,
                        {.slots = WindowTable::kMinSlots, .times = WindowTable::kMinTimes})
        .sync();
    std::filesystem::rename(fresh, path);
  } else if (auto table = WindowTable::try_open(path)) {
    return *std::move(table);
  } else if (is_version_2(path)) {
    convert_version_2(path, store, boot);
  }
  return WindowTable::open(path);
}

}  // namespace

/// How much the windows need in another file, counted while other processes use them.
struct WindowFile::Estimate {
  std::uint64_t slots = 0;  ///< of windows that are not empty
  std::uint64_t times = 0;  ///< of their rings
  std::uint64_t uses = 0;   ///< WindowTable::Header::uses before
};

WindowFile::WindowFile(std::filesystem::path path, const StoreIdentity& store, const Boot& boot)
    : path_(std::move(path)), boot_(boot), table_(open_or_create(path_, store, boot)) {
  if (is_before_restore(table_.header().head, store)) {
    table_.header().head.store = store;  // a restore keeps the windows
  }
  check_store_of(table_.header().head, store, path_, kWindowsLoss);
  check_format(table_.header().head, store);
  if (table_.header().head.boot != boot_ && table_.header().is_moving()) {
    // A power cut may have lost the other file. This one still has what had moved.
    const auto next = WindowTable::try_open(next_path(path_));
    if (!next || next->header().serial != table_.header().next) {
      table_.header().next = 0;
      table_.header().moved = 0;
    }
  }
  follow();
  set_clock();
  newest().header().head.store.format = store.format;
}

std::filesystem::path WindowFile::next_path(const std::filesystem::path& path) {
  return path.string() + "-new";
}

bool WindowFile::is_moving(const std::filesystem::path& path) {
  const auto table = WindowTable::try_open(path);
  return table && table->header().is_moving();
}

std::size_t WindowFile::check(const std::filesystem::path& path, const StoreIdentity& store) {
  if (is_version_2(path)) {
    return count_version_2(path);
  }
  std::size_t windows = 0;
  const auto count = [&](const WindowTable& table, const WindowTable* newer) {
    for (const WindowTable::Slot& slot : table.slots()) {
      // The ring throws if the slot is damaged.
      if (slot.key != 0 && !table.ring(slot).empty() &&
          (newer == nullptr || newer->find(KeyId(slot.key - 1)) == nullptr)) {
        ++windows;
      }
    }
  };
  const WindowTable table = WindowTable::open(path);
  if (!is_before_restore(table.header().head, store)) {
    check_store_of(table.header().head, store, path, kWindowsLoss);
  }
  std::optional<WindowTable> next;
  if (table.header().is_moving()) {
    next = WindowTable::open(next_path(path));
    count(*next, nullptr);
  }
  count(table, next ? &*next : nullptr);
  return windows;
}

// Maps the files that other processes have begun to use.
void WindowFile::follow() {
  table_.follow();
  while (table_.header().is_moving()) {
    if (!next_) {
      WindowTable named = WindowTable::open(path_);
      if (named.header().serial != table_.header().serial) {
        replace_by(std::move(named));  // others have replaced the file that this process knows
        continue;
      }
      next_ = WindowTable::open(next_path(path_));
      if (next_->header().serial != table_.header().next) {
        throw damaged_windows(path_);
      }
      next_->expect_first_uses();
    }
    next_->follow();
    if (!table_.header().has_moved()) {
      return;
    }
    replace_by(*std::exchange(next_, std::nullopt));
  }
  if (next_) {
    replaced_.push_back(*std::exchange(next_, std::nullopt));
  }
}

void WindowFile::replace_by(WindowTable table) {
  replaced_.push_back(std::move(table_));
  table_ = std::move(table);
}

// Continues the time of the windows after a boot.
void WindowFile::set_clock() {
  if (newest().header().head.boot == boot_) {
    return;
  }
  Tick latest = std::max(read_clock(CLOCK_REALTIME), table_.recount());
  if (next_) {
    latest = std::max(latest, next_->recount());
  }
  for (WindowTable* const table : {&table_, next_ ? &*next_ : nullptr}) {
    if (table != nullptr) {
      table->header().clock_base = latest - read_clock(CLOCK_BOOTTIME);
      std::atomic_signal_fence(std::memory_order_release);
      table->header().head.boot = boot_;
    }
  }
}

Tick WindowFile::read_time() const {
  return newest().header().clock_base + read_clock(CLOCK_BOOTTIME);
}

Tick WindowFile::now() const {
  if (newest().header().head.boot != boot_) {
    throw another_clock(path_);
  }
  return read_time();
}

void WindowFile::move_some() {
  auto& header = table_.header();
  const Tick now = read_time();
  const std::uint64_t end = std::min(header.slots, header.moved + kSlotsPerTurn);
  for (std::uint64_t times = 0; header.moved < end && times < kTimesPerTurn;) {
    WindowTable::Slot& slot = table_.slots()[header.moved];
    // A window that was used has moved already.
    if (table_.is_live(slot, now) && next_->find(KeyId(slot.key - 1)) == nullptr) {
      times += next_->adopt(slot, table_.view(slot), now).place.size();
    }
    std::atomic_signal_fence(std::memory_order_release);
    ++header.moved;
  }
}

bool WindowFile::make_room(std::size_t keys) {
  follow();
  if (next_) {
    try {
      move_some();
    } catch (const std::system_error& error) {
      // On a full disk, the windows stay where they are until there is room.
      if (!is_disk_full(error)) {
        throw;
      }
    }
    follow();
  }
  return newest().has_room(keys);
}

/// The slot of a key, which is made if there is none.
WindowTable::Slot& WindowFile::slot_of(KeyId id, Tick now) {
  WindowTable& table = newest();
  table.header().uses += 1;
  if (WindowTable::Slot* const slot = table.find(id)) {
    return *slot;
  }
  WindowTable::Slot* const old = next_ ? table_.find(id) : nullptr;
  return old != nullptr && table_.is_live(*old, now) ? table.adopt(*old, table_.view(*old), now)
                                                     : table.insert(id);
}

/// The day of the last request that the quotas of a line counted; 0: they are not counted.
std::uint32_t WindowFile::counted_day(KeyId line) const {
  const WindowTable::Slot* slot = newest().find(line);
  if (slot == nullptr && next_) {
    slot = table_.find(line);
  }
  return slot == nullptr ? 0 : slot->day;
}

core::KeyWindows WindowFile::windows_of(const core::KeyRules& key, core::Time at, Tick now) {
  const KeyId line = key.first_of_line();
  const bool has_quota = key.limits.has_quota();
  const bool needs_line = line != key.id && (has_quota || counted_day(line) != 0);
  if (needs_line) {
    slot_of(line, now);  // first, because it may move the other one in memory
  }
  WindowTable::Slot* slot = &slot_of(key.id, now);
  WindowTable& table = newest();
  const core::Windows windows = key.windows();
  slot->window = core::longest_of(windows);
  if (core::is_short(table.view(*slot), windows, now)) {
    table.grow(key.id, now);
    slot = table.find(key.id);
  }
  WindowTable::Slot& counters = needs_line ? *table.find(line) : *slot;
  // A key without quotas counts for those of its line, if they are counted.
  if (!is_counted_until(counters.day, at)) {
    return {.log = table.view(*slot), .quotas = std::nullopt};
  }
  return {.log = table.view(*slot),
          .quotas = core::QuotaCounters(counters.day, counters.day_count, counters.month_count)};
}

bool WindowFile::has_counts(KeyId line, core::Time at) const {
  return is_counted_until(counted_day(line), at);
}

void WindowFile::set_counts(KeyId line, core::Time at, const QuotaSums& sums, Tick now) {
  WindowTable::Slot& counters = slot_of(line, now);
  counters.day = 0;
  std::atomic_signal_fence(std::memory_order_release);
  counters.day_count = sums.day;
  counters.month_count = sums.month;
  std::atomic_signal_fence(std::memory_order_release);
  counters.day = core::QuotaCounters::day_of(at);
}

// At five eighths, or when the arena is larger than it was planned to be.
bool WindowFile::is_filling() const {
  const auto& header = newest().header();
  return header.slots_used > header.slots / 8 * 5 || header.arena_used > header.arena_planned;
}

bool WindowFile::is_urgent() const {
  const auto& header = newest().header();
  return !next_ && (header.slots_used > header.slots / 4 * 3 ||
                    header.arena_used > header.arena_planned / 2 * 3);
}

/// Reads what other processes write at the same time: `begin_move` adds what they can have added.
WindowFile::Estimate WindowFile::estimate() const {
  Estimate estimate{.uses = table_.header().uses};
  const Tick now = read_time();
  for (WindowTable::Slot& slot : table_.slots()) {
    if (slot.key != 0 && !table_.has(slot.place)) {  // the arena has grown
      estimate.slots += 1;
      estimate.times += slot.place.size();
    } else if (table_.is_live(slot, now)) {
      estimate.slots += 1;
      estimate.times += WindowTable::ring_size(slot, table_.view(slot), now);
    }
  }
  return estimate;
}

/// How many keys can get a window while the windows move, which have so many times.
std::uint64_t WindowFile::keys_while_moving(std::uint64_t times) const {
  const std::uint64_t turns = table_.header().slots / kSlotsPerTurn + times / kTimesPerTurn + 2;
  return turns * kKeysPerTurn;
}

/// Lets the windows move to `next` from now on. False: it may be too small for them, and is kept.
bool WindowFile::begin_move(WindowTable& next, const Estimate& estimate) {
  const auto& header = table_.header();
  const std::uint64_t uses = header.uses - estimate.uses;
  if (!next.has_room(estimate.slots + uses + keys_while_moving(estimate.times + uses))) {
    return false;
  }
  next.header().clock_base = header.clock_base;
  next.header().head = header.head;
  table_.header().moved = 0;
  next_ = std::move(next);
  next_->expect_first_uses();
  std::atomic_signal_fence(std::memory_order_release);
  table_.header().next = next_->header().serial;
  return true;
}

// Gives the file that the windows have moved to the name of the store's windows.
void WindowFile::finish(const LockFile& lock) {
  const auto is_named = [&] {
    follow();
    if (!next_ && WindowTable::open(path_).header().serial != table_.header().serial) {
      return false;
    }
    if (!next_) {
      table_.set_path(path_);
    }
    return true;
  };
  {
    const LockGuard live(lock, Lock::live);
    if (is_named()) {
      return;
    }
  }
  // After a power cut, the name must not refer to a file whose content is not on disk.
  table_.sync();
  // Closed after the lock is released, because the kernel then frees the space of the file.
  std::optional<File> replaced;
  const LockGuard live(lock, Lock::live);
  if (!is_named()) {
    replaced.emplace(path_, O_RDONLY);
    std::filesystem::rename(next_path(path_), path_);
    table_.set_path(path_);
  }
}

void WindowFile::prepare(const LockFile& lock) {
  drop_replaced();
  if (table_.path() == path_ && !is_filling()) {
    return;
  }
  const LockGuard guard(lock, Lock::prepare);
  finish(lock);
  for (unsigned attempt = 0;; ++attempt) {
    {
      const LockGuard live(lock, Lock::live);
      follow();
      if (next_ || !is_filling()) {
        return;
      }
    }
    const Estimate estimate = this->estimate();
    const std::uint64_t expected = estimate.slots + keys_while_moving(estimate.times);
    WindowTable::Header header{};
    header.serial = table_.header().serial + 1;
    // Every ring can double once in the new file, so that under a steady load this is the last one.
    WindowTable next = WindowTable::create(
        next_path(path_), header,
        {.slots = std::max(WindowTable::kMinSlots, std::bit_ceil(2 * expected)) << attempt,
         .times = std::max(WindowTable::kMinTimes, 3 * estimate.times)});
    const LockGuard live(lock, Lock::live);
    if (begin_move(next, estimate)) {
      return;
    }
  }
}

}  // namespace nexakey::store::sqlite
