#include "store/sqlite/window_file_v2.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

#include <fcntl.h>

#include "store/sqlite/window_file.h"

namespace nexakey::store::sqlite {
namespace {

using core::SlidingWindow;
using core::Tick;

constexpr std::array<char, 8> kWindowsMagicV2{'n', 'x', 'k', 'w', 'i', 'n', '0', '2'};
constexpr std::size_t kWindowsHeaderSizeV2 = 4096;

struct HeaderV2 {
  std::array<char, 8> magic;
  std::uint64_t slots;
  std::uint64_t slots_used;
  std::uint64_t arena_size;  // in times
  std::uint64_t arena_used;
  std::uint64_t retired;
  Tick clock_base;
  std::array<char, 36> boot_id;  // as text
};

struct SlotV2 {
  std::int64_t key;  // bits of the id, plus 1; 0: free
  WindowTable::Place place;
  std::uint64_t count;
};

class FileV2 {
 public:
  explicit FileV2(const std::filesystem::path& path) : mapping_(File(path, O_RDWR)) {
    const std::size_t size = mapping_.bytes().size();
    const std::uint64_t max = size / sizeof(Tick);
    if (size < kWindowsHeaderSizeV2 || header().magic != kWindowsMagicV2 ||
        !std::has_single_bit(header().slots) || header().slots > max || header().arena_size > max ||
        size != kWindowsHeaderSizeV2 + header().slots * sizeof(SlotV2) +
                    header().arena_size * sizeof(Tick)) {
      throw damaged_windows(path);
    }
    for (SlotV2& slot : std::span(mapping_.at<SlotV2>(kWindowsHeaderSizeV2), header().slots)) {
      if (slot.key == 0) {
        continue;
      }
      if (slot.place.size() > header().arena_size ||
          slot.place.offset() > header().arena_size - slot.place.size()) {
        throw damaged_windows(path);
      }
      slots_.push_back(&slot);
    }
  }

  [[nodiscard]] HeaderV2& header() const { return *mapping_.at<HeaderV2>(0); }
  /// Those of keys.
  [[nodiscard]] const std::vector<SlotV2*>& slots() const { return slots_; }
  [[nodiscard]] SlidingWindow window(SlotV2& slot) const { return {slot.count, ring(slot)}; }
  [[nodiscard]] Tick newest(const SlotV2& slot) const {
    const auto times = ring(slot);
    return slot.count == 0 ? Tick::min() : times[(slot.count - 1) % times.size()];
  }

 private:
  [[nodiscard]] std::span<Tick> ring(const SlotV2& slot) const {
    Tick* const arena = mapping_.at<Tick>(kWindowsHeaderSizeV2 + header().slots * sizeof(SlotV2));
    return {arena + slot.place.offset(), slot.place.size()};
  }

  Mapping mapping_;
  std::vector<SlotV2*> slots_;
};

/// What to add to the time since boot, so that the time of the windows continues.
Tick clock_base(const FileV2& file, const Boot& boot) {
  const auto& id = file.header().boot_id;
  if (parse_uuid(std::string(id.begin(), id.end())) == boot.id) {
    return file.header().clock_base - Tick(boot.offset);
  }
  Tick latest = read_clock(CLOCK_REALTIME);
  for (const SlotV2* const slot : file.slots()) {
    latest = std::max(latest, file.newest(*slot));
  }
  return latest - read_clock(CLOCK_BOOTTIME);
}

}  // namespace

bool is_version_2(const std::filesystem::path& path) { return magic_of(path) == kWindowsMagicV2; }

std::size_t count_version_2(const std::filesystem::path& path) {
  return FileV2(path).slots().size();
}

void convert_version_2(const std::filesystem::path& path, const StoreIdentity& store,
                       const Boot& boot) {
  const FileV2 old(path);
  WindowTable::Header header{};
  header.head = {.magic = {}, .store = store, .boot = boot};
  header.clock_base = clock_base(old, boot);
  header.serial = 1;
  const auto fresh = WindowFile::next_path(path);
  WindowTable table = WindowTable::create(
      fresh, header,
      {.slots = std::max(WindowTable::kMinSlots, std::bit_ceil(2 * old.slots().size())),
       .times = WindowTable::kMinTimes});
  const Tick now = header.clock_base + read_clock(CLOCK_BOOTTIME);
  for (SlotV2* const slot : old.slots()) {
    const Tick last = old.newest(*slot);
    if (last != Tick::min() && now - last < core::kWindowLength) {
      table.adopt({.key = slot->key, .place = slot->place, .count = slot->count}, old.window(*slot),
                  now);
    }
  }
  table.sync();
  // From here on, a process of an older version opens the new file, which it does not know.
  old.header().retired = 1;
  std::filesystem::rename(fresh, path);
}

}  // namespace nexakey::store::sqlite
