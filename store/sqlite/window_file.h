#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "core/decision.h"
#include "core/id.h"
#include "core/sliding_window.h"
#include "store/sqlite/lock_file.h"
#include "store/sqlite/window_table.h"

namespace nexakey::store::sqlite {

/// The requests that quotas count.
struct QuotaSums {
  std::uint64_t day = 0;
  std::uint64_t month = 0;
};

/// The sliding windows of all keys that were used within their lengths, and the counters of quotas,
/// in a file that all processes on the store have mapped.
///
/// When the file is filling, a process prepares another one of suitable size, without Lock::live.
/// From then on, each turn of the lock moves some of the windows that are not empty. A window is
/// looked up in the new file, then in the old one, from where it moves when it is used. When all
/// have moved, the new file replaces the old one. So the size of the file depends on the requests
/// of the last minutes, not on the limits, and no decision waits until all windows have moved. A
/// process may die at any point of this; the next one continues.
///
/// Every function, including the constructor, requires Lock::live unless it says otherwise. Errors
/// are exceptions.
class WindowFile {
 public:
  /// Opens the windows of a store, or creates them. Converts a file of version 2.
  WindowFile(std::filesystem::path path, const StoreIdentity& store, const Boot& boot);

  /// Reads the whole file without changing it. Returns how many windows it has. Throws StoreProblem
  /// if it is damaged, or belongs to another store.
  static std::size_t check(const std::filesystem::path& path, const StoreIdentity& store);
  /// Where the windows move to while they move.
  static std::filesystem::path next_path(const std::filesystem::path& path);
  /// Whether the windows of the file move to another one.
  static bool is_moving(const std::filesystem::path& path);

  /// Begins a turn of the lock: follows what other processes did, and moves some windows if they
  /// are moving. False: there is no room for the windows of `keys` more keys until `prepare`.
  bool make_room(std::size_t keys);

  /// The time of the windows: the time since boot (CLOCK_BOOTTIME), which changes to the wall clock
  /// do not move, plus the wall clock's time at the first use after boot, so that it continues
  /// after a reboot. Throws StoreProblem if a process with another clock has taken over the file.
  [[nodiscard]] core::Tick now() const;

  /// The windows of a key, with room for one more request if its limits have any. `at` and `now`:
  /// the same moment on the wall clock, and the result of now() in the same turn. The quotas of its
  /// line, if it has some, must be counted; if they are, it counts for them in any case. Valid
  /// until the next call or the release of the lock.
  core::KeyWindows windows_of(const core::KeyRules& key, core::Time at, core::Tick now);

  /// Whether the quotas of a line of rotations are counted.
  [[nodiscard]] bool has_counts(core::KeyId line, core::Time at) const;
  /// Sets the counts of a line. From then on, it counts each admitted request of its keys.
  void set_counts(core::KeyId line, core::Time at, const QuotaSums& sums, core::Tick now);

  /// Prepares another file if this one is filling, and lets it replace this one when all windows
  /// have moved. Does nothing else, so that it may be called often. Requires no lock; takes
  /// Lock::prepare, and Lock::live for moments.
  void prepare(const LockFile& lock);
  /// Whether the windows were moving at the last turn. Requires no lock.
  [[nodiscard]] bool is_moving() const { return next_.has_value(); }
  /// Unmaps the files that were replaced. That takes some 20 ms for 100 MiB, in which nobody should
  /// wait for the lock. Requires no lock.
  void drop_replaced() { replaced_.clear(); }
  /// Whether `prepare` should not wait for the next maintenance.
  /// Requires no lock.
  [[nodiscard]] bool is_urgent() const;

 private:
  struct Estimate;

  [[nodiscard]] const WindowTable& newest() const { return next_ ? *next_ : table_; }
  [[nodiscard]] WindowTable& newest() { return next_ ? *next_ : table_; }
  [[nodiscard]] bool is_filling() const;
  [[nodiscard]] core::Tick read_time() const;
  void follow();
  void replace_by(WindowTable table);
  WindowTable::Slot& slot_of(core::KeyId id, core::Tick now);
  [[nodiscard]] std::uint32_t counted_day(core::KeyId line) const;
  void set_clock();
  void move_some();
  void finish(const LockFile& lock);
  [[nodiscard]] Estimate estimate() const;
  [[nodiscard]] std::uint64_t keys_while_moving(std::uint64_t times) const;
  bool begin_move(WindowTable& next, const Estimate& estimate);

  std::filesystem::path path_;
  Boot boot_;
  WindowTable table_;                  ///< the file, from which the windows may be moving
  std::optional<WindowTable> next_;    ///< where they are moving to
  std::vector<WindowTable> replaced_;  ///< files that are not used any more, still mapped
};

}  // namespace nexakey::store::sqlite
