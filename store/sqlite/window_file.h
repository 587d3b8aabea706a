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
/// Layout: a header, an open-addressing table of slots by key id, and an arena of rings of times.
/// When table or arena is full, the windows that still count move to a new file of fitting size,
/// which takes the place of the old one; so the file is as large as the last minutes were busy.
///
/// Every call, the constructor's too, needs Lock::live. Errors are exceptions.
class WindowFile {
 public:
  /// Creates the file if it is not there.
  explicit WindowFile(std::filesystem::path path);

  /// Reads the whole file as it is and changes nothing; damage is a StoreProblem. Returns how many
  /// windows are in it.
  static std::size_t check(const std::filesystem::path& path);

  /// The window of a key, with room for `limit` requests. It is valid until the lock is given
  /// back or the next call.
  core::SlidingWindow window(core::KeyId id, std::uint32_t limit);

  /// The time for the windows: the machine's time since boot (CLOCK_BOOTTIME), which no change of
  /// the wall clock moves, on top of the wall clock's time at the first use after boot, so that it
  /// goes on where it was after a reboot.
  core::Tick now();

 private:
  struct Header;
  struct Slot;

  WindowFile(Mapping mapping, std::filesystem::path path)
      : path_(std::move(path)), mapping_(std::move(mapping)) {}

  [[nodiscard]] Header& header() const;
  [[nodiscard]] std::span<Slot> slots() const;
  [[nodiscard]] core::Tick* arena() const;
  Slot* find(core::KeyId id);
  [[nodiscard]] std::span<core::Tick> ring(const Slot& slot) const;
  /// The time of a slot's last request; the earliest time there is if it had none.
  [[nodiscard]] core::Tick newest(const Slot& slot) const;
  /// Sees to it that the mapped file is the one that everybody uses.
  void refresh();
  /// Moves what still counts to a new file that has room for `limit` times of `id` too.
  void rebuild(core::KeyId id, std::uint32_t limit);
  void set_clock();
  Slot& insert(core::KeyId id, std::uint64_t capacity);
  static Mapping create(const std::filesystem::path& path, std::uint64_t slots,
                        std::uint64_t arena_size);
  static Mapping open_or_create(const std::filesystem::path& path);
  static Mapping open(const std::filesystem::path& path);

  std::filesystem::path path_;
  Mapping mapping_;
};

}  // namespace nexakey::store::sqlite
