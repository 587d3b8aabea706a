#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

#include "core/id.h"
#include "core/sliding_window.h"
#include "store/file.h"
#include "store/sqlite/live_file.h"

namespace nexakey::store::sqlite {

/// One file of windows: a header, an open-addressing table of slots by key id, and an arena of
/// rings of times (docs/file-formats.md).
///
/// The number of slots is fixed. The arena grows at the end of the file. Each store to it leaves a
/// valid state, so that a crash between two of them wastes at most some room. Every function
/// requires Lock::live unless it says otherwise. Errors are exceptions.
class WindowTable {
 public:
  /// The place of a ring in the arena, in one word, so that a single store replaces it. Its size is
  /// a power of two.
  class Place {
   public:
    Place(std::uint64_t offset, std::uint64_t size);
    [[nodiscard]] std::uint64_t offset() const { return word_ >> kSizeBits; }
    [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << (word_ & kSizeMask); }
    [[nodiscard]] std::uint64_t end() const { return offset() + size(); }

   private:
    static constexpr unsigned kSizeBits = 6;
    static constexpr std::uint64_t kSizeMask = (1U << kSizeBits) - 1;

    std::uint64_t word_;
  };

  /// The windows of a key.
  struct Slot {
    std::int64_t key;  ///< bits of the id, plus 1; 0: free
    Place place;       ///< of the ring
    std::uint64_t count = 0;
    std::uint32_t window = core::kWindowSeconds;  ///< the longest sliding window, in seconds
    /// In the slot of the first key of a line: days since 1970 of the last request of the line; 0:
    /// what follows has to be counted anew.
    std::uint32_t day = 0;
    std::uint64_t day_count = 0;    ///< requests on that day
    std::uint64_t month_count = 0;  ///< requests in the month of that day
    std::array<std::uint64_t, 2> unused{};
  };

  struct Header {
    LiveFileHead head;
    core::Tick clock_base;  ///< added to the time since boot
    std::uint64_t shards;   ///< 1: later versions may spread the keys over files
    std::uint64_t serial;   ///< of this file: 1, 2, …
    std::uint64_t next;     ///< serial of the file that the windows move to; 0: none
    std::uint64_t moved;    ///< the slots before this one have moved to it
    std::uint64_t slots;    ///< a power of two
    std::uint64_t slots_used;
    std::uint64_t arena_size;     ///< in times
    std::uint64_t arena_used;     ///< in times
    std::uint64_t arena_planned;  ///< its size when the file was made
    std::uint64_t uses;           ///< of windows in this file

    [[nodiscard]] bool is_moving() const { return next != 0; }
    [[nodiscard]] bool has_moved() const { return next != 0 && moved >= slots; }
  };

  /// How large a file is.
  struct Size {
    std::uint64_t slots = 0;
    std::uint64_t times = 0;  ///< of the arena
  };

  static constexpr std::uint64_t kMinSlots = 1024;
  static constexpr std::uint64_t kMinRing = 4;
  static constexpr std::uint64_t kMinTimes = 65536;

  /// Makes a file of empty windows, whose space is allocated. Requires no lock.
  static WindowTable create(const std::filesystem::path& path, const Header& header, Size size);
  /// Throws StoreProblem if the file is damaged.
  static WindowTable open(const std::filesystem::path& path);
  /// Nothing if the file is missing or damaged.
  static std::optional<WindowTable> try_open(const std::filesystem::path& path);

  [[nodiscard]] Header& header() const { return *mapping_.at<Header>(0); }
  [[nodiscard]] std::span<Slot> slots() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Changes the name that messages show, after a rename.
  void set_path(std::filesystem::path path) { path_ = std::move(path); }

  /// Maps what another process has added to the arena.
  void follow();
  /// Tells the kernel that turns are the first to use most pages, because the file is new. The
  /// kernel then makes these pages only, not the 32 around each, which took a turn 10 ms.
  void expect_first_uses() const { mapping_.expect_random_accesses(); }

  /// The slot of a key; null: it has none.
  [[nodiscard]] Slot* find(core::KeyId id) const;
  /// Throws StoreProblem if its place is not in the file.
  [[nodiscard]] std::span<core::Tick> ring(const Slot& slot) const;
  /// Whether a place is in the part of the file that this process has mapped.
  [[nodiscard]] bool has(const Place& place) const;
  [[nodiscard]] core::SlidingWindow view(Slot& slot) const { return {slot.count, ring(slot)}; }
  /// The time of a slot's last request; Tick::min() if it had none.
  [[nodiscard]] core::Tick newest(const Slot& slot) const;
  /// Whether a slot has times that a window can still ask for, or counts of a quota.
  [[nodiscard]] bool is_live(const Slot& slot, core::Tick now) const;

  /// Whether it has room for as many more slots.
  [[nodiscard]] bool has_room(std::uint64_t slots) const;
  /// Makes an empty window for a key that has none. Throws no_space_on_device if there is no room.
  Slot& insert(core::KeyId id);
  /// Copies the slot and the window of a key that has none here from another file.
  Slot& adopt(const Slot& slot, const core::SlidingWindow& window, core::Tick now);
  /// Gives the window of a key a ring of twice the size.
  void grow(core::KeyId id, core::Tick now);

  /// Counts the slots after a power cut, which may have left a header that does not count them all.
  /// Quotas have to be counted anew, because the journal may be ahead of their counts. Returns the
  /// latest time in the file; Tick::min() if there is none.
  core::Tick recount();

  /// Writes the file to disk. Requires no lock.
  void sync() const { mapping_.file().sync(); }

  /// The size of the ring for the times of the windows of a slot.
  static std::uint64_t ring_size(const Slot& slot, const core::SlidingWindow& window,
                                 core::Tick now);

 private:
  WindowTable(Mapping mapping, std::filesystem::path path)
      : path_(std::move(path)), mapping_(std::move(mapping)) {}

  [[nodiscard]] core::Tick* arena() const;
  [[nodiscard]] std::uint64_t mapped_times() const;
  [[nodiscard]] std::size_t free_position(core::KeyId id) const;
  Place allocate(std::uint64_t size);
  Slot& publish(Slot slot);

  std::filesystem::path path_;
  Mapping mapping_;
};

/// The problem of a file of windows that cannot be used.
StoreProblem damaged_windows(const std::filesystem::path& path);

}  // namespace nexakey::store::sqlite
