#include "store/sqlite/window_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <ctime>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace nexakey::store::sqlite {
namespace {

using core::KeyId;
using core::SlidingWindow;
using core::Tick;

constexpr std::array<char, 8> kWindowsMagic{'n', 'x', 'k', 'w', 'i', 'n', '0', '2'};
constexpr std::uint64_t kMinSlots = 1024;
constexpr std::uint64_t kMinRing = 16;
constexpr std::uint64_t kMinArena = 4 * kMinRing * kMinSlots;
constexpr std::size_t kWindowsHeaderSize = 4096;

StoreProblem damaged(const std::filesystem::path& path) {
  return StoreProblem(
      path.string() + " is damaged",
      "stop all processes that use the store, then delete the file; every key starts with"
      " an empty minute");
}

using BootId = std::array<char, 36>;

BootId read_boot_id() {
  const File file("/proc/sys/kernel/random/boot_id", O_RDONLY);
  BootId id{};
  if (::read(file.descriptor(), id.data(), id.size()) != static_cast<ssize_t>(id.size())) {
    throw StoreProblem("the machine's boot id cannot be read");
  }
  return id;
}

Tick read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

/// The place of a ring in the arena, in one word, so that a single store replaces it. Its size is a
/// power of two.
class WindowFile::Place {
 public:
  Place(std::uint64_t offset, std::uint64_t size)
      : word_(offset << kSizeBits | static_cast<unsigned>(std::countr_zero(size))) {}

  [[nodiscard]] std::uint64_t offset() const { return word_ >> kSizeBits; }
  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << (word_ & kSizeMask); }
  [[nodiscard]] std::uint64_t end() const { return offset() + size(); }

 private:
  static constexpr unsigned kSizeBits = 6;
  static constexpr std::uint64_t kSizeMask = (1U << kSizeBits) - 1;

  std::uint64_t word_;
};

struct WindowFile::Header {
  std::array<char, 8> magic;
  std::uint64_t slots;       // a power of two
  std::uint64_t slots_used;  // may be too low after a crash
  std::uint64_t arena_size;  // in times
  std::uint64_t arena_used;
  std::uint64_t retired;  // not 0: the windows have moved to a new file, or must
  Tick clock_base;
  BootId boot_id;
};

struct WindowFile::Slot {
  std::int64_t key;  // bits of the id, plus 1; 0: free
  Place place;
  std::uint64_t count;
};

WindowFile::WindowFile(std::filesystem::path path)
    : path_(std::move(path)), mapping_(open_or_create(path_)) {
  refresh();
  set_clock();
}

WindowFile::Header& WindowFile::header() const { return *mapping_.at<Header>(0); }

std::span<WindowFile::Slot> WindowFile::slots() const {
  return {mapping_.at<Slot>(kWindowsHeaderSize), header().slots};
}

Tick* WindowFile::arena() const {
  return mapping_.at<Tick>(kWindowsHeaderSize + header().slots * sizeof(Slot));
}

Mapping WindowFile::create(const std::filesystem::path& path, std::uint64_t slots,
                           std::uint64_t arena_size) {
  Mapping mapping(
      File::create(path, kWindowsHeaderSize + slots * sizeof(Slot) + arena_size * sizeof(Tick)));
  auto& header = *mapping.at<Header>(0);
  header.slots = slots;
  header.arena_size = arena_size;
  header.magic = kWindowsMagic;
  return mapping;
}

Mapping WindowFile::open_or_create(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    const std::filesystem::path fresh = path.string() + "-new";
    create(fresh, kMinSlots, kMinArena).file().sync();
    std::filesystem::rename(fresh, path);
  }
  return open(path);
}

Mapping WindowFile::open(const std::filesystem::path& path) {
  File file(path, O_RDWR);
  const std::size_t size = file.size();
  if (size >= kWindowsHeaderSize) {
    Mapping mapping(std::move(file));
    const auto& header = *mapping.at<Header>(0);
    const std::uint64_t max = size / sizeof(Tick);
    if (header.magic == kWindowsMagic && std::has_single_bit(header.slots) && header.slots <= max &&
        header.arena_size <= max &&
        size ==
            kWindowsHeaderSize + header.slots * sizeof(Slot) + header.arena_size * sizeof(Tick)) {
      return mapping;
    }
  }
  throw damaged(path);
}

std::size_t WindowFile::check(const std::filesystem::path& path) {
  const WindowFile file(open(path), path);
  return static_cast<std::size_t>(std::ranges::count_if(
      file.slots(), [&](const Slot& slot) { return slot.key != 0 && !file.ring(slot).empty(); }));
}

void WindowFile::refresh() {
  if (header().retired == 0) {
    return;
  }
  mapping_ = open(path_);
  if (header().retired != 0) {
    rebuild(read_time());  // the process that retired it died before the new one was in place
  }
}

void WindowFile::set_clock() {
  const BootId boot_id = read_boot_id();
  if (header().boot_id == boot_id) {
    return;
  }
  // After a power cut, the file may have slots that the header does not count.
  Header& head = header();
  head.slots_used = 0;
  Tick latest = read_clock(CLOCK_REALTIME);
  for (const Slot& slot : slots()) {
    if (slot.key != 0) {
      head.slots_used += 1;
      head.arena_used = std::max(head.arena_used, slot.place.end());
      latest = std::max(latest, newest(slot));
    }
  }
  head.clock_base = latest - read_clock(CLOCK_BOOTTIME);
  head.boot_id = boot_id;
}

Tick WindowFile::read_time() const { return header().clock_base + read_clock(CLOCK_BOOTTIME); }

Tick WindowFile::now() {
  refresh();
  return read_time();
}

WindowFile::Slot* WindowFile::find(KeyId id) const {
  const auto table = slots();
  const std::int64_t key = id.bits() + 1;
  const std::size_t mask = table.size() - 1;
  for (std::size_t probes = 0, at = static_cast<std::size_t>(key) & mask; probes < table.size();
       ++probes, at = (at + 1) & mask) {
    if (table[at].key == key) {
      return &table[at];
    }
    if (table[at].key == 0) {
      break;
    }
  }
  return nullptr;
}

std::span<Tick> WindowFile::ring(const Slot& slot) const {
  const std::uint64_t arena_size = header().arena_size;
  const Place place = slot.place;
  if (place.size() > arena_size || place.offset() > arena_size - place.size()) {
    throw damaged(path_);
  }
  return {arena() + place.offset(), place.size()};
}

SlidingWindow WindowFile::view(Slot& slot) const { return {slot.count, ring(slot)}; }

Tick WindowFile::newest(const Slot& slot) const {
  if (slot.key == 0 || slot.count == 0) {
    return Tick::min();
  }
  const auto times = ring(slot);
  return times[(slot.count - 1) % times.size()];
}

SlidingWindow WindowFile::window(KeyId id, std::uint32_t limit, Tick now) {
  Slot* slot = find(id);
  if (slot == nullptr) {
    if (!has_room(1, kMinRing)) {
      rebuild(now);
    }
    slot = &insert(id, kMinRing);
  } else if (view(*slot).is_short(limit, now)) {
    if (has_room(0, 2 * slot->place.size())) {
      grow(*slot, now);
    } else {
      rebuild(now);
      slot = find(id);
    }
  }
  return view(*slot);
}

bool WindowFile::has_room(std::uint64_t slots, std::uint64_t times) const {
  const Header& head = header();
  return head.slots_used + slots <= head.slots / 4 * 3 && head.arena_used <= head.arena_size &&
         times <= head.arena_size - head.arena_used;
}

/// Each store here and in `grow` leaves a valid state, so that a crash between two of them wastes
/// at most some room.
WindowFile::Slot& WindowFile::insert(KeyId id, std::uint64_t ring_size) {
  Header& head = header();
  const auto table = slots();
  const std::size_t mask = table.size() - 1;
  std::size_t at = static_cast<std::size_t>(id.bits() + 1) & mask;
  for (std::size_t probes = 0; table[at].key != 0; at = (at + 1) & mask) {
    if (++probes > mask) {
      throw damaged(path_);
    }
  }
  Slot& slot = table[at];
  slot.place = Place(head.arena_used, ring_size);
  slot.count = 0;
  head.arena_used += ring_size;
  head.slots_used += 1;
  std::atomic_signal_fence(std::memory_order_release);
  slot.key = id.bits() + 1;
  return slot;
}

void WindowFile::grow(Slot& slot, Tick now) {
  const Place place(header().arena_used, 2 * slot.place.size());
  view(slot).copy_to({arena() + place.offset(), place.size()}, now);
  header().arena_used += place.size();
  std::atomic_signal_fence(std::memory_order_release);
  slot.place = place;
}

std::uint64_t WindowFile::times_inside(Slot& slot, Tick now) const {
  constexpr auto kAny = std::numeric_limits<std::uint32_t>::max();
  return slot.key == 0 ? 0 : view(slot).occupied(kAny, now);
}

void WindowFile::rebuild(Tick now) {
  const auto ring_size = [](std::uint64_t times) {
    return std::max(kMinRing, std::bit_ceil(times + 1));
  };
  std::uint64_t live = 1;
  std::uint64_t room = kMinRing;
  for (Slot& slot : slots()) {
    if (const std::uint64_t times = times_inside(slot, now); times > 0) {
      live += 1;
      room += ring_size(times);
    }
  }
  const std::filesystem::path fresh = path_.string() + "-new";
  // Every ring can double once in it, so that under a steady load this is the last move.
  WindowFile next(
      create(fresh, std::max(kMinSlots, std::bit_ceil(2 * live)), std::max(kMinArena, 3 * room)),
      path_);
  next.header().clock_base = header().clock_base;
  next.header().boot_id = header().boot_id;
  for (Slot& slot : slots()) {
    if (const std::uint64_t times = times_inside(slot, now); times > 0) {
      Slot& moved = next.insert(KeyId(slot.key - 1), ring_size(times));
      view(slot).copy_to(next.ring(moved), now);
      moved.count = slot.count;
    }
  }
  // After a power cut, the name must not refer to a file whose content is not on disk.
  next.mapping_.file().sync();
  // From here on, every process that has the old file mapped maps the new one, or repeats this.
  header().retired = 1;
  std::filesystem::rename(fresh, path_);
  mapping_ = std::move(next.mapping_);
}

}  // namespace nexakey::store::sqlite
