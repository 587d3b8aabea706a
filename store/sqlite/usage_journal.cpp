#include "store/sqlite/usage_journal.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>

#include "system/random.h"

namespace nexakey::store::sqlite {
namespace {

constexpr std::array<char, 8> kJournalMagic{'n', 'x', 'k', 'u', 's', 'e', '0', '1'};
constexpr std::size_t kJournalHeaderSize = 4096;
constexpr std::size_t kHalfSize = std::size_t{4} << 20U;
constexpr std::size_t kFileSize = kJournalHeaderSize + 2 * kHalfSize;
constexpr std::size_t kAlignment = 8;
constexpr std::int64_t kWriteBackSeconds = 1;

std::size_t half_of(std::uint64_t generation) { return generation % 2; }

std::size_t start_of(std::uint64_t generation) {
  return kJournalHeaderSize + half_of(generation) * kHalfSize;
}

}  // namespace

struct UsageJournal::Header {
  struct Half {
    std::uint64_t generation;
    std::uint64_t used;  // bytes
  };
  std::array<char, 8> magic;
  Id id;
  std::uint64_t active;  // the generation that takes records
  std::array<Half, 2> halves;
  std::int64_t written_back_at;  // seconds since boot

  /// Whether this can be the state after a crash at any point. A half with a wrong generation would
  /// never be released.
  [[nodiscard]] bool is_sound() const {
    const Half& other = halves[half_of(active + 1)];
    const bool is_ahead = other.generation == active + 1 && other.used == 0;
    return halves[half_of(active)].generation == active &&
           (other.generation == active - 1 || is_ahead) &&
           std::ranges::all_of(halves, [](const Half& half) {
             return half.used <= kHalfSize && half.used % kAlignment == 0;
           });
  }
};

struct UsageJournal::RecordHeader {
  std::int64_t key;
  std::int64_t at;           // milliseconds
  std::uint32_t generation;  // its lowest bits: distinguish a record from what a power cut left
  std::uint16_t status;
  std::uint16_t endpoint_size;
};

UsageJournal::UsageJournal(const std::filesystem::path& path) : mapping_(open_or_create(path)) {}

Mapping UsageJournal::open_or_create(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    create(path);
  }
  return open(path);
}

Mapping UsageJournal::open(const std::filesystem::path& path) {
  File file(path, O_RDWR);
  if (file.size() == kFileSize) {
    Mapping mapping(std::move(file));
    const auto& head = *mapping.at<Header>(0);
    if (head.magic == kJournalMagic && head.is_sound()) {
      return mapping;
    }
  }
  throw StoreProblem(
      path.string() + " is damaged",
      "stop all processes that use the store, then move the file away; the counts since the"
      " last flush are lost");
}

std::size_t UsageJournal::check(const std::filesystem::path& path) {
  const UsageJournal journal(open(path));
  std::size_t records = 0;
  for (const Header::Half& half : journal.header().halves) {
    journal.read(half.generation, [&](const UsageRecord&) { ++records; });
  }
  return records;
}

void UsageJournal::create(const std::filesystem::path& path) {
  const std::filesystem::path fresh = path.string() + "-new";
  const Mapping mapping(File::create(fresh, kFileSize));
  auto& head = *mapping.at<Header>(0);
  if (!system::random_bytes(head.id)) {
    throw core::RandomnessError();
  }
  head.magic = kJournalMagic;
  head.active = 1;
  head.halves[half_of(1)].generation = 1;
  mapping.file().sync();
  std::filesystem::rename(fresh, path);
}

UsageJournal::Header& UsageJournal::header() const { return *mapping_.at<Header>(0); }

const UsageJournal::Id& UsageJournal::id() const { return header().id; }

std::size_t UsageJournal::size_of(const UsageRecord& record) {
  const std::size_t size = sizeof(RecordHeader) + record.endpoint.size();
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t UsageJournal::room() const {
  return kHalfSize - header().halves[half_of(header().active)].used;
}

void UsageJournal::activate_next() {
  Header& head = header();
  const std::uint64_t next = head.active + 1;
  head.halves[half_of(next)] = {.generation = next, .used = 0};
  std::atomic_signal_fence(std::memory_order_release);
  head.active = next;
}

bool UsageJournal::make_room(std::size_t size) {
  if (size <= room()) {
    return true;
  }
  if (header().halves[half_of(header().active + 1)].used != 0 || size > kHalfSize) {
    return false;
  }
  activate_next();
  return true;
}

void UsageJournal::append(const UsageRecord& record) {
  Header::Half& half = header().halves[half_of(header().active)];
  const std::size_t at = start_of(header().active) + half.used;
  *mapping_.at<RecordHeader>(at) = {
      .key = record.key.bits(),
      .at = record.at.time_since_epoch().count(),
      .generation = static_cast<std::uint32_t>(half.generation),
      .status = static_cast<std::uint16_t>(record.status),
      .endpoint_size = static_cast<std::uint16_t>(record.endpoint.size())};
  std::memcpy(mapping_.at<char>(at + sizeof(RecordHeader)), record.endpoint.data(),
              record.endpoint.size());
  std::atomic_signal_fence(std::memory_order_release);
  half.used += size_of(record);
}

bool UsageJournal::is_empty() const {
  return header().halves[0].used == 0 && header().halves[1].used == 0;
}

bool UsageJournal::is_filling() const {
  const Header& head = header();
  return head.halves[half_of(head.active + 1)].used != 0 ||
         head.halves[half_of(head.active)].used > kHalfSize / 2;
}

std::optional<std::uint64_t> UsageJournal::seal() {
  const Header& head = header();
  const Header::Half& other = head.halves[half_of(head.active + 1)];
  if (other.used != 0) {
    return other.generation;
  }
  const std::uint64_t active = head.active;
  if (head.halves[half_of(active)].used == 0) {
    return std::nullopt;
  }
  activate_next();
  return active;
}

void UsageJournal::read(std::uint64_t generation,
                        const std::function<void(const UsageRecord&)>& visit) const {
  const std::size_t used = header().halves[half_of(generation)].used;
  const std::size_t start = start_of(generation);
  for (std::size_t at = 0; at + sizeof(RecordHeader) <= used;) {
    const auto& head = *mapping_.at<RecordHeader>(start + at);
    const std::size_t end = at + sizeof(RecordHeader) + head.endpoint_size;
    if (head.generation != static_cast<std::uint32_t>(generation) || end > used) {
      return;
    }
    const UsageRecord record{
        .key = core::KeyId(head.key),
        .at = core::Time(std::chrono::milliseconds(head.at)),
        .status = head.status,
        .endpoint = {mapping_.at<char>(start + at + sizeof(RecordHeader)), head.endpoint_size}};
    visit(record);
    at += size_of(record);
  }
}

void UsageJournal::sync_generation() const {
  if (::msync(mapping_.bytes().data(), kJournalHeaderSize, MS_SYNC) != 0) {
    throw std::system_error(errno, std::system_category(), mapping_.file().path().string());
  }
}

void UsageJournal::release(std::uint64_t generation) {
  Header::Half& half = header().halves[half_of(generation)];
  if (half.generation == generation) {
    half.used = 0;
  }
}

void UsageJournal::start_write_back(bool now) const {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  const std::atomic_ref<std::int64_t> last(header().written_back_at);
  // The clock begins anew at a reboot, so the last time may be in the future.
  const std::int64_t age = time.tv_sec - last.load(std::memory_order_relaxed);
  if (now || age >= kWriteBackSeconds || age < 0) {
    last.store(time.tv_sec, std::memory_order_relaxed);
    ::sync_file_range(mapping_.file().descriptor(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
}

}  // namespace nexakey::store::sqlite
