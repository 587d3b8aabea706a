#include "store/sqlite/window_table.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <limits>
#include <system_error>

#include <fcntl.h>

#include "core/limits.h"

namespace nexakey::store::sqlite {
namespace {

using core::KeyId;
using core::SlidingWindow;
using core::Tick;

constexpr std::array<char, 8> kWindowsMagic{'n', 'x', 'k', 'w', 'i', 'n', '0', '3'};
constexpr std::size_t kWindowsPage = 4096;
constexpr std::size_t kWindowsHeaderSize = kWindowsPage;
constexpr std::uint64_t kTimesPerPage = kWindowsPage / sizeof(Tick);
/// How much the arena grows at once: by a quarter within these bounds.
constexpr std::uint64_t kMinGrowth = std::uint64_t{1} << 16U;
constexpr std::uint64_t kMaxGrowth = std::uint64_t{1} << 20U;

std::size_t file_size(WindowTable::Size size) {
  return kWindowsHeaderSize + size.slots * sizeof(WindowTable::Slot) + size.times * sizeof(Tick);
}

std::uint64_t whole_pages(std::uint64_t times) {
  return (times + kTimesPerPage - 1) / kTimesPerPage * kTimesPerPage;
}

bool is_whole(const WindowTable::Header& header, std::size_t size) {
  const std::uint64_t max = size / sizeof(Tick);
  return header.head.magic == kWindowsMagic && header.shards == 1 && header.serial != 0 &&
         std::has_single_bit(header.slots) && header.slots >= WindowTable::kMinSlots &&
         header.slots <= max && header.arena_size <= max && header.arena_used <= max &&
         size % kWindowsPage == 0 &&
         size >= file_size({.slots = header.slots, .times = header.arena_size});
}

}  // namespace

StoreProblem damaged_windows(const std::filesystem::path& path) {
  return StoreProblem(
      path.string() + " is damaged",
      "stop all processes that use the store, then delete the file; every key starts with"
      " an empty minute");
}

WindowTable::Place::Place(std::uint64_t offset, std::uint64_t size)
    : word_(offset << kSizeBits | static_cast<unsigned>(std::countr_zero(size))) {}

WindowTable WindowTable::create(const std::filesystem::path& path, const Header& header,
                                Size size) {
  static_assert(sizeof(Slot) == 64);
  size.times = whole_pages(size.times);
  Mapping mapping(File::create(path, file_size(size)));
  auto& made = *mapping.at<Header>(0);
  made = header;
  made.head.magic = kWindowsMagic;
  made.shards = 1;
  made.next = 0;
  made.moved = 0;
  made.slots = size.slots;
  made.slots_used = 0;
  made.arena_size = size.times;
  made.arena_used = 0;
  made.arena_planned = size.times;
  made.uses = 0;
  return {std::move(mapping), path};
}

std::optional<WindowTable> WindowTable::try_open(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    return std::nullopt;
  }
  File file(path, O_RDWR);
  const std::size_t size = file.size();
  if (size < kWindowsHeaderSize) {
    return std::nullopt;
  }
  Mapping mapping(std::move(file));
  if (!is_whole(*mapping.at<Header>(0), size)) {
    return std::nullopt;
  }
  return WindowTable(std::move(mapping), path);
}

WindowTable WindowTable::open(const std::filesystem::path& path) {
  auto table = try_open(path);
  if (!table) {
    throw damaged_windows(path);
  }
  return std::move(*table);
}

std::span<WindowTable::Slot> WindowTable::slots() const {
  return {mapping_.at<Slot>(kWindowsHeaderSize), header().slots};
}

Tick* WindowTable::arena() const {
  return mapping_.at<Tick>(kWindowsHeaderSize + header().slots * sizeof(Slot));
}

void WindowTable::follow() {
  const Header& head = header();
  const std::size_t size = file_size({.slots = head.slots, .times = head.arena_size});
  if (size <= mapping_.bytes().size()) {
    return;
  }
  mapping_.resize();
  if (size > mapping_.bytes().size()) {
    throw damaged_windows(path_);
  }
}

WindowTable::Slot* WindowTable::find(KeyId id) const {
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

std::span<Tick> WindowTable::ring(const Slot& slot) const {
  const Place place = slot.place;
  if (!has(place)) {
    throw damaged_windows(path_);
  }
  return {arena() + place.offset(), place.size()};
}

bool WindowTable::has(const Place& place) const {
  const std::uint64_t times = mapped_times();
  return place.size() <= times && place.offset() <= times - place.size();
}

std::uint64_t WindowTable::mapped_times() const {
  return (mapping_.bytes().size() - file_size({.slots = header().slots})) / sizeof(Tick);
}

Tick WindowTable::newest(const Slot& slot) const {
  if (slot.key == 0 || slot.count == 0) {
    return Tick::min();
  }
  const auto times = ring(slot);
  return times[(slot.count - 1) % times.size()];
}

bool WindowTable::is_live(const Slot& slot, Tick now) const {
  constexpr std::uint32_t kMaxDaysOfMonth = 31;
  const Tick last = newest(slot);
  if (last != Tick::min() && now - last < std::chrono::seconds(slot.window)) {
    return true;
  }
  return slot.key != 0 && slot.day != 0 &&
         slot.day + kMaxDaysOfMonth > core::QuotaCounters::day_of(core::system_time());
}

std::uint64_t WindowTable::ring_size(const Slot& slot, const SlidingWindow& window, Tick now) {
  constexpr auto kAny = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t times = window.occupied(kAny, now, std::chrono::seconds(slot.window));
  return std::max(kMinRing, std::bit_ceil(times + 1));
}

// Up to seven eighths: a search then looks at about 32 slots.
bool WindowTable::has_room(std::uint64_t slots) const {
  return header().slots_used + slots <= header().slots / 8 * 7;
}

/// The position of the free slot for a key.
std::size_t WindowTable::free_position(KeyId id) const {
  const auto table = slots();
  const std::size_t mask = table.size() - 1;
  std::size_t at = static_cast<std::size_t>(id.bits() + 1) & mask;
  for (std::size_t probes = 0; table[at].key != 0; at = (at + 1) & mask) {
    if (++probes > mask) {
      throw damaged_windows(path_);
    }
  }
  return at;
}

/// Takes a ring from the arena, which grows if it must.
WindowTable::Place WindowTable::allocate(std::uint64_t size) {
  const std::uint64_t offset = header().arena_used;
  if (offset > header().arena_size || size > header().arena_size - offset) {
    const std::uint64_t growth =
        std::clamp(header().arena_size / 4, kMinGrowth, kMaxGrowth) + whole_pages(size);
    const Size larger{.slots = header().slots, .times = whole_pages(header().arena_size + growth)};
    mapping_.file().allocate(file_size(larger));
    header().arena_size = larger.times;
    follow();
  }
  header().arena_used = offset + size;
  return {offset, size};
}

/// Stores a slot at the place for its key. Its key comes last: from then on, it is valid.
WindowTable::Slot& WindowTable::publish(Slot slot) {
  if (!has_room(1)) {
    throw std::system_error(std::make_error_code(std::errc::no_space_on_device), path_.string());
  }
  const std::int64_t key = std::exchange(slot.key, 0);
  Slot& place = slots()[free_position(KeyId(key - 1))];
  place = slot;
  header().slots_used += 1;
  std::atomic_signal_fence(std::memory_order_release);
  place.key = key;
  return place;
}

WindowTable::Slot& WindowTable::insert(KeyId id) {
  return publish({.key = id.bits() + 1, .place = allocate(kMinRing)});
}

WindowTable::Slot& WindowTable::adopt(const Slot& slot, const SlidingWindow& window, Tick now) {
  Slot moved = slot;
  moved.place = allocate(ring_size(slot, window, now));
  window.copy_to(ring(moved), now, std::chrono::seconds(slot.window));
  return publish(moved);
}

void WindowTable::grow(KeyId id, Tick now) {
  const Place place = allocate(2 * find(id)->place.size());
  Slot& slot = *find(id);  // again, because the file may be mapped elsewhere now
  view(slot).copy_to({arena() + place.offset(), place.size()}, now,
                     std::chrono::seconds(slot.window));
  std::atomic_signal_fence(std::memory_order_release);
  slot.place = place;
}

Tick WindowTable::recount() {
  header().slots_used = 0;
  header().arena_size = mapped_times();
  for (Slot& slot : slots()) {
    if (slot.key != 0) {
      slot.day = 0;
      header().slots_used += 1;
      if (has(slot.place)) {
        header().arena_used = std::max(header().arena_used, slot.place.end());
      }
    }
  }
  Tick latest = Tick::min();
  for (std::size_t number = 0; number < header().slots; ++number) {
    if (slots()[number].key != 0 && !has(slots()[number].place)) {  // the power cut lost its ring
      const Place place = allocate(kMinRing);
      slots()[number].count = 0;
      slots()[number].place = place;
    }
    latest = std::max(latest, newest(slots()[number]));
  }
  return latest;
}

}  // namespace nexakey::store::sqlite
