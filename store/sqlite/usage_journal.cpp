#include "store/sqlite/usage_journal.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>

#include "core/endpoint.h"
#include "system/random.h"

namespace nexakey::store::sqlite {
namespace {

constexpr std::array<char, 8> kJournalMagic{'n', 'x', 'k', 'u', 's', 'e', '0', '2'};
constexpr std::size_t kJournalHeaderSize = 4096;
constexpr std::size_t kSegmentSize = std::size_t{4} << 20U;
constexpr std::uint64_t kSegments = 2;
constexpr std::size_t kFileSize = kJournalHeaderSize + kSegments * kSegmentSize;
constexpr std::size_t kAlignment = sizeof(std::uint64_t);
constexpr std::int64_t kWriteBackSeconds = 1;
constexpr const char* kLoss = "the counts since the last flush are lost";

std::size_t padded(std::size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

/// The check of a record, by words of 8 bytes: like FNV-1a (http://www.isthe.com/chongo/tech/comp/
/// fnv/), and each step adds the upper half of the sum to the lower one.
class Checksum {
 public:
  explicit Checksum(std::uint64_t generation) : sum_(kOffsetBasis ^ generation) {}

  void add(std::span<const std::byte> words) {
    for (; !words.empty(); words = words.subspan(kAlignment)) {
      std::uint64_t word = 0;
      std::memcpy(&word, words.data(), sizeof word);
      sum_ = (sum_ ^ word) * kPrime;
      sum_ ^= sum_ >> 32U;
    }
  }
  [[nodiscard]] std::uint32_t value() const { return static_cast<std::uint32_t>(sum_); }

 private:
  static constexpr std::uint64_t kOffsetBasis = 0xcbf29ce484222325;
  static constexpr std::uint64_t kPrime = 0x100000001b3;

  std::uint64_t sum_;
};

}  // namespace

struct UsageJournal::Segment {
  std::uint64_t generation;
  std::uint64_t used;  // bytes
};

struct UsageJournal::Header {
  LiveFileHead head;
  Id id;
  std::uint64_t active;  // the generation that takes records
  std::uint64_t segments;
  std::int64_t written_back_at;  // seconds since boot
  std::int64_t older_copy_at;    // milliseconds
  std::array<std::uint64_t, 2> unused;
  std::array<Segment, kMaxSegments> table;

  /// Whether this can be the state after a crash at any point. A segment with a wrong generation
  /// would never be released.
  [[nodiscard]] bool is_sound() const {
    if (segments < 2 || segments > kMaxSegments) {
      return false;
    }
    const auto used = std::span(table).first(segments);
    const auto is_possible = [&](const Segment& segment) {
      const bool is_next = segment.generation == active + 1 && segment.used == 0;
      return (segment.generation <= active || is_next) && segment.used <= kSegmentSize &&
             segment.used % kAlignment == 0 &&
             (segment.generation == 0 ||
              std::ranges::count(used, segment.generation, &Segment::generation) == 1);
    };
    return active != 0 && std::ranges::count(used, active, &Segment::generation) == 1 &&
           std::ranges::all_of(used, is_possible);
  }
};

struct UsageJournal::RecordHeader {
  std::int64_t key;
  std::int64_t at;  // milliseconds
  std::array<std::uint8_t, 16> address;
  std::uint32_t check;
  std::uint16_t status;
  std::uint16_t endpoint_size;
  std::uint64_t fills;

  [[nodiscard]] std::size_t size() const {
    return padded(sizeof(RecordHeader) + fills * sizeof(WindowFill) + endpoint_size);
  }
  /// The check of the record whose rest is `rest`.
  [[nodiscard]] std::uint32_t sum(std::uint64_t generation, std::span<const std::byte> rest) const {
    RecordHeader unchecked = *this;
    unchecked.check = 0;
    Checksum sum(generation);
    sum.add(std::as_bytes(std::span(&unchecked, 1)));
    sum.add(rest);
    return sum.value();
  }
};

UsageJournal::UsageJournal(const std::filesystem::path& path, const StoreIdentity& store,
                           const Boot& boot, const FlushedGeneration& flushed)
    : store_(store), mapping_([&] {
        if (!std::filesystem::exists(path)) {
          create(path, store, boot);
        }
        return open(path);
      }()) {
  static_assert(sizeof(Header) == 512);
  if (is_before_restore(header().head, store)) {
    create(path, store, boot);
    mapping_ = open(path);
  }
  check_store_of(header().head, store, path, kLoss);
  check_format(header().head, store);
  if (const std::uint64_t last = flushed(id()); header().active <= last) {
    create(path, store, boot, id(), last + 1, core::system_time().time_since_epoch().count());
    mapping_ = open(path);
  }
  header().head.store.format = store.format;
  if (header().head.boot != boot) {
    recover(boot);
  }
}

Mapping UsageJournal::open(const std::filesystem::path& path) {
  File file(path, O_RDWR);
  if (const std::size_t size = file.size(); size >= kFileSize && size % kJournalHeaderSize == 0) {
    Mapping mapping(std::move(file));
    const auto& header = *mapping.at<Header>(0);
    if (header.head.magic == kJournalMagic && header.is_sound() &&
        size >= end_of(header.segments)) {
      return mapping;
    }
  }
  throw StoreProblem(
      path.string() + " is damaged",
      std::string("stop all processes that use the store, then move the file away; ") + kLoss);
}

UsageJournal::Condition UsageJournal::check(const std::filesystem::path& path,
                                            const StoreIdentity& store,
                                            const FlushedGeneration& flushed) {
  const UsageJournal journal(open(path), store);
  const Header& header = journal.header();
  if (is_before_restore(header.head, store)) {
    return {};
  }
  check_store_of(header.head, store, path, kLoss);
  Condition condition;
  for (const Segment& segment : journal.segments()) {
    condition.torn_bytes +=
        segment.used - journal.visit(segment, [&](const UsageRecord&) { ++condition.records; });
  }
  condition.is_older_copy = header.active <= flushed(header.id);
  condition.older_copy_at =
      header.older_copy_at == 0 ? std::nullopt : core::time_from_milliseconds(header.older_copy_at);
  return condition;
}

void UsageJournal::create(const std::filesystem::path& path, const StoreIdentity& store,
                          const Boot& boot) {
  Id id{};
  if (!system::random_bytes(id)) {
    throw core::RandomnessError();
  }
  create(path, store, boot, id, 1, 0);
}

// The file is written with zeros, not only allocated: the blocks of an allocated file become
// readable with a change to the file system, which `start_write_back` does not make durable.
void UsageJournal::create(const std::filesystem::path& path, const StoreIdentity& store,
                          const Boot& boot, const Id& id, std::uint64_t first_generation,
                          std::int64_t older_copy_at) {
  const std::filesystem::path fresh = path.string() + "-new";
  File file = File::create(fresh, kFileSize);
  file.write_zeros(0, kFileSize);
  const Mapping mapping(std::move(file));
  auto& header = *mapping.at<Header>(0);
  header.head = {.magic = kJournalMagic, .store = store, .boot = boot};
  header.id = id;
  header.segments = kSegments;
  header.active = first_generation;
  header.table.front().generation = first_generation;
  header.older_copy_at = older_copy_at;
  mapping.file().sync();
  std::filesystem::rename(fresh, path);
  sync_directory(path.parent_path());
}

UsageJournal::Header& UsageJournal::header() const { return *mapping_.at<Header>(0); }

const UsageJournal::Id& UsageJournal::id() const { return header().id; }

std::span<UsageJournal::Segment> UsageJournal::segments() const {
  return std::span(header().table).first(header().segments);
}

UsageJournal::Segment* UsageJournal::find(std::uint64_t generation) const {
  const auto all = segments();
  const auto found = std::ranges::find(all, generation, &Segment::generation);
  return found == all.end() ? nullptr : &*found;
}

UsageJournal::Segment& UsageJournal::active() const { return *find(header().active); }

std::size_t UsageJournal::start_of(const Segment& segment) const {
  return end_of(static_cast<std::uint64_t>(&segment - header().table.data()));
}

/// The size of a file with so many segments.
std::size_t UsageJournal::end_of(std::uint64_t segments) {
  return kJournalHeaderSize + segments * kSegmentSize;
}

std::size_t UsageJournal::max_size(std::string_view endpoint) {
  return padded(sizeof(RecordHeader) + kMaxFills * sizeof(WindowFill) + endpoint.size());
}

void UsageJournal::map_all() {
  if (mapping_.bytes().size() < end_of(header().segments)) {
    mapping_.resize();
  }
}

/// The segment that becomes active next; none if all have records.
UsageJournal::Segment* UsageJournal::next_segment() {
  if (Segment* const begun = find(header().active + 1)) {
    return begun;  // a process died in `activate_next`
  }
  const auto all = segments();
  const auto free = std::ranges::find_if(all, [&](const Segment& segment) {
    return segment.used == 0 && segment.generation != header().active;
  });
  return free == all.end() ? nullptr : &*free;
}

bool UsageJournal::activate_next() {
  Segment* const segment = next_segment();
  if (segment == nullptr) {
    return false;
  }
  segment->generation = header().active + 1;
  std::atomic_signal_fence(std::memory_order_release);
  header().active = segment->generation;
  return true;
}

bool UsageJournal::has_free_segment() {
  map_all();
  return next_segment() != nullptr;
}

bool UsageJournal::prepare_segment() const {
  const std::uint64_t count = header().segments;  // only a holder of Lock::prepare changes it
  if (count == kMaxSegments) {
    return false;
  }
  try {
    // Allocated first: a file whose size is not a multiple of the header's looks damaged.
    mapping_.file().allocate(end_of(count + 1));
    mapping_.file().write_zeros(end_of(count), kSegmentSize);
    mapping_.file().sync();
    return true;
  } catch (const std::system_error&) {
    mapping_.file().truncate(end_of(count));
    return false;
  }
}

void UsageJournal::add_segment() {
  header().table.at(header().segments) = {};
  std::atomic_signal_fence(std::memory_order_release);
  ++header().segments;
  map_all();
}

// A power cut must not leave a header that has more segments than the file.
void UsageJournal::shrink() {
  const auto is_free = [&](const Segment& segment) {
    return segment.used == 0 && segment.generation < header().active;
  };
  const auto all = segments();
  const std::uint64_t before = all.size();
  if (before == kSegments ||
      std::ranges::count_if(all, is_free) + 1 < static_cast<std::ptrdiff_t>(all.size())) {
    return;
  }
  while (header().segments > kSegments && is_free(segments().back())) {
    --header().segments;
  }
  if (header().segments < before) {
    sync_generation();
    mapping_.file().truncate(end_of(header().segments));
  }
}

bool UsageJournal::make_room(std::size_t size) {
  check_format(header().head, store_);
  map_all();
  return size <= kSegmentSize - active().used || (size <= kSegmentSize && activate_next());
}

void UsageJournal::append(const UsageRecord& record) {
  Segment& segment = active();
  const std::size_t at = start_of(segment) + segment.used;
  const std::size_t size =
      padded(sizeof(RecordHeader) + record.fills.size_bytes() + record.endpoint.size());
  const auto rest =
      mapping_.bytes().subspan(at + sizeof(RecordHeader), size - sizeof(RecordHeader));
  if (!rest.empty()) {
    std::memset(&rest.back() - (kAlignment - 1), 0, kAlignment);  // the padding
  }
  const auto endpoint = std::ranges::copy(std::as_bytes(record.fills), rest.begin()).out;
  std::ranges::copy(std::as_bytes(std::span(record.endpoint)), endpoint);
  RecordHeader head{.key = record.key.bits(),
                    .at = record.at.time_since_epoch().count(),
                    .address = record.address.value_or(core::IpAddress()).bytes(),
                    .check = 0,
                    .status = static_cast<std::uint16_t>(record.status),
                    .endpoint_size = static_cast<std::uint16_t>(record.endpoint.size()),
                    .fills = record.fills.size()};
  head.check = head.sum(segment.generation, rest);
  *mapping_.at<RecordHeader>(at) = head;
  std::atomic_signal_fence(std::memory_order_release);
  segment.used += size;
}

bool UsageJournal::is_empty() const {
  return std::ranges::all_of(segments(), [](const Segment& segment) { return segment.used == 0; });
}

bool UsageJournal::is_filling() const {
  return std::ranges::any_of(segments(), [&](const Segment& segment) {
    return segment.used > (segment.generation == header().active ? kSegmentSize / 2 : 0);
  });
}

std::optional<std::uint64_t> UsageJournal::seal() {
  map_all();
  const std::uint64_t active = header().active;
  std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
  for (const Segment& segment : segments()) {
    if (segment.used != 0) {
      lowest = std::min(lowest, segment.generation);
    }
  }
  if (lowest > active) {
    return std::nullopt;
  }
  if (lowest == active) {
    activate_next();  // all others are empty
  }
  return lowest;
}

/// The record at an offset of a segment; nothing if there is none whose check is right.
std::optional<UsageRecord> UsageJournal::record_at(const Segment& segment, std::size_t at) const {
  const std::size_t left = segment.used - at;
  const std::size_t start = start_of(segment) + at;
  if (left < sizeof(RecordHeader)) {
    return std::nullopt;
  }
  const auto& head = *mapping_.at<const RecordHeader>(start);
  if (head.endpoint_size > core::kMaxEndpointLength || head.fills > kMaxFills ||
      head.size() > left) {
    return std::nullopt;
  }
  const auto rest =
      mapping_.bytes().subspan(start + sizeof(RecordHeader), head.size() - sizeof(RecordHeader));
  const auto at_time = core::time_from_milliseconds(head.at);
  if (head.sum(segment.generation, rest) != head.check || head.key < 0 ||
      head.key > core::KeyId::kMaxBits || !at_time) {
    return std::nullopt;
  }
  const std::span fills(reinterpret_cast<const WindowFill*>(rest.data()), head.fills);
  const core::IpAddress address = core::IpAddress::from_bytes(head.address);
  return UsageRecord{
      .key = core::KeyId(head.key),
      .at = *at_time,
      .status = head.status,
      .endpoint = {reinterpret_cast<const char*>(rest.data()) + fills.size_bytes(),
                   head.endpoint_size},
      .address = address == core::IpAddress() ? std::nullopt : std::optional(address),
      .fills = fills};
}

/// Calls `visit` with the records of a segment up to the first one that is torn. Returns where they
/// end.
std::size_t UsageJournal::visit(const Segment& segment,
                                const std::function<void(const UsageRecord&)>& visit) const {
  std::size_t at = 0;
  while (const auto record = record_at(segment, at)) {
    visit(*record);
    at += mapping_.at<const RecordHeader>(start_of(segment) + at)->size();
  }
  return at;
}

void UsageJournal::read(std::uint64_t generation,
                        const std::function<void(const UsageRecord&)>& visit) const {
  if (const Segment* const segment = find(generation)) {
    this->visit(*segment, visit);
  }
}

void UsageJournal::read_after(std::uint64_t generation,
                              const std::function<void(const UsageRecord&)>& visit) const {
  for (const Segment& segment : segments()) {
    if (segment.generation > generation) {
      this->visit(segment, visit);
    }
  }
}

void UsageJournal::recover(const Boot& boot) {
  for (Segment& segment : segments()) {
    segment.used = visit(segment, [](const UsageRecord&) {});
  }
  std::atomic_signal_fence(std::memory_order_release);
  header().head.boot = boot;
}

void UsageJournal::sync_generation() const {
  if (::msync(mapping_.bytes().data(), kJournalHeaderSize, MS_SYNC) != 0) {
    throw std::system_error(errno, std::system_category(), mapping_.file().path().string());
  }
}

void UsageJournal::release(std::uint64_t generation) {
  if (Segment* const segment = find(generation)) {
    segment->used = 0;
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
