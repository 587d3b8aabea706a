#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "core/id.h"
#include "core/sliding_window.h"
#include "store/sqlite/file.h"

namespace nexakey::store::sqlite {

/// The sliding windows of all keys that were used within the last minute, in a file that all
/// processes on the store have mapped.
///
/// Layout: a header, an open-addressing table of slots by key id, and an arena of rings of times
/// (docs/file-formats.md). A ring that is full of times within the window is replaced by one of
/// twice its size. When the table or the arena is full, the windows that are not empty move to a
/// new file of suitable size, which replaces the old one. So the size of the file depends on the
/// requests of the last minutes, not on the limits.
///
/// Every function, including the constructor, requires Lock::live. Errors are exceptions.
class WindowFile {
 public:
  /// Opens or creates the file.
  explicit WindowFile(std::filesystem::path path);

  /// Reads the whole file without changing it. Returns how many windows it has. Throws StoreProblem
  /// if it is damaged.
  static std::size_t check(const std::filesystem::path& path);

  /// The time of the windows: the time since boot (CLOCK_BOOTTIME), which changes to the wall clock
  /// do not move, plus the wall clock's time at the first use after boot, so that it continues
  /// after a reboot.
  core::Tick now();

  /// The window of a key, with room for one more request if `limit` has any. `now`: the result of
  /// now() under the same lock. Valid until the next call or the release of the lock.
  core::SlidingWindow window(core::KeyId id, std::uint32_t limit, core::Tick now);

 private:
  struct Header;
  class Place;
  struct Slot;

  WindowFile(Mapping mapping, std::filesystem::path path)
      : path_(std::move(path)), mapping_(std::move(mapping)) {}

  [[nodiscard]] Header& header() const;
  [[nodiscard]] std::span<Slot> slots() const;
  [[nodiscard]] core::Tick* arena() const;
  [[nodiscard]] Slot* find(core::KeyId id) const;
  [[nodiscard]] std::span<core::Tick> ring(const Slot& slot) const;
  [[nodiscard]] core::SlidingWindow view(Slot& slot) const;
  /// The time of a slot's last request; Tick::min() if it had none.
  [[nodiscard]] core::Tick newest(const Slot& slot) const;
  [[nodiscard]] bool has_room(std::uint64_t slots, std::uint64_t times) const;
  Slot& insert(core::KeyId id, std::uint64_t ring_size);
  /// Gives a slot a ring of twice the size.
  void grow(Slot& slot, core::Tick now);
  /// How many of a slot's times are within the window; 0 if it is free.
  [[nodiscard]] std::uint64_t times_inside(Slot& slot, core::Tick now) const;
  /// Moves the windows that are not empty at `now` to a new file with room for more.
  void rebuild(core::Tick now);
  /// Maps the new file if this one was replaced.
  void refresh();
  void set_clock();
  [[nodiscard]] core::Tick read_time() const;
  static Mapping create(const std::filesystem::path& path, std::uint64_t slots,
                        std::uint64_t arena_size);
  static Mapping open_or_create(const std::filesystem::path& path);
  static Mapping open(const std::filesystem::path& path);

  std::filesystem::path path_;
  Mapping mapping_;
};

}  // namespace nexakey::store::sqlite
