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
/// Layout: a header, an open-addressing table of slots by key id, and an arena of rings of times. A
/// ring that is full of times that still count gives way to one of twice its size. When table or
/// arena is full, the windows that still count move to a new file of fitting size, which takes the
/// place of the old one; so the file is as large as the last minutes were busy, whatever the
/// limits.
///
/// Every call, the constructor's too, needs Lock::live. Errors are exceptions.
class WindowFile {
 public:
  /// Creates the file if it is not there.
  explicit WindowFile(std::filesystem::path path);

  /// Reads the whole file as it is and changes nothing; damage is a StoreProblem. Returns how many
  /// windows are in it.
  static std::size_t check(const std::filesystem::path& path);

  /// The time for the windows: the machine's time since boot (CLOCK_BOOTTIME), which no change of
  /// the wall clock moves, on top of the wall clock's time at the first use after boot, so that it
  /// goes on where it was after a reboot.
  core::Tick now();

  /// The window of a key, with room for one more request if `limit` has any. `now` is what now()
  /// said under the same lock. It is valid until the lock is given back or the next call.
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
  /// The time of a slot's last request; the earliest time there is if it had none.
  [[nodiscard]] core::Tick newest(const Slot& slot) const;
  [[nodiscard]] bool has_room(std::uint64_t slots, std::uint64_t times) const;
  Slot& insert(core::KeyId id, std::uint64_t ring_size);
  /// Gives a slot a ring of twice the size.
  void grow(Slot& slot, core::Tick now);
  /// How many of a slot's times still count; none if it is free.
  [[nodiscard]] std::uint64_t times_inside(Slot& slot, core::Tick now) const;
  /// Moves what still counts at `now` to a new file with room for more.
  void rebuild(core::Tick now);
  /// Sees to it that the mapped file is the one that everybody uses.
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
