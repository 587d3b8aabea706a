#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "core/id.h"
#include "core/ip_range.h"
#include "core/time.h"
#include "store/file.h"
#include "store/sqlite/live_file.h"

namespace nexakey::store::sqlite {

/// How full a sliding window of a key was.
struct WindowFill {
  std::uint32_t length = 0;    ///< of the window, in seconds
  std::uint32_t requests = 0;  ///< in the window, after the decision
};

/// A counted decision, or an upstream response.
struct UsageRecord {
  core::KeyId key;
  core::Time at;
  int status = 0;                          ///< as in core::UsageRow
  std::string_view endpoint;               ///< at most 256 bytes
  std::optional<core::IpAddress> address;  ///< of the client; none: unknown
  std::span<const WindowFill> fills;       ///< at most UsageJournal::kMaxFills
};

/// The counts that are not in SQLite's tables yet, in a file that all processes on the store have
/// mapped. A record in mapped memory survives its process and costs a hundredth of a transaction.
///
/// The file has segments. The active one takes records. When it is full, it is sealed, an empty one
/// becomes active, and the sealed one is flushed: its records are added to the tables. Each segment
/// that becomes active gets the next number (generation). The transaction that adds the counts of a
/// segment also stores its generation, so that each record is counted once, whenever a process
/// dies.
///
/// When all are full, segments can be added to the file, which shrinks again once they are flushed.
///
/// A power cut can leave a header that is ahead of the records. Each record has a check, and the
/// first process after a boot ends each segment behind its last readable record.
///
/// Every function, including the constructor, requires Lock::live unless it says otherwise. Errors
/// are exceptions.
class UsageJournal {
 public:
  using Id = std::array<std::uint8_t, 16>;
  /// Returns the last generation of a journal that was flushed; 0: none was.
  using FlushedGeneration = std::function<std::uint64_t(const Id&)>;

  static constexpr std::size_t kMaxFills = 8;
  /// As many as fit into the first 512 bytes of the file, which a disk writes as a whole.
  static constexpr std::size_t kMaxSegments = 24;

  /// Opens the journal of a store, or creates it with a random id. If all its generations were
  /// flushed, the file is an older copy, whose records are in the tables: it is replaced by an
  /// empty journal.
  UsageJournal(const std::filesystem::path& path, const StoreIdentity& store, const Boot& boot,
               const FlushedGeneration& flushed);

  /// What a check of the file finds.
  struct Condition {
    std::size_t records = 0;
    std::uint64_t torn_bytes = 0;               ///< behind the last readable record of a segment
    bool is_older_copy = false;                 ///< as the constructor says
    std::optional<core::Time> older_copy_at{};  ///< when an older copy was last replaced
  };
  /// Reads the whole file without changing it. Throws StoreProblem if it is damaged, or belongs to
  /// another store.
  static Condition check(const std::filesystem::path& path, const StoreIdentity& store,
                         const FlushedGeneration& flushed);

  /// Identifies the file, to which the generations belong. Requires no lock.
  [[nodiscard]] const Id& id() const;

  /// The maximum size of a record in the file, in bytes.
  static std::size_t max_size(std::string_view endpoint);
  /// Makes room for `size` bytes, in another segment if necessary. False: a segment must be flushed
  /// or added first. Throws StoreProblem if a newer version has migrated the store.
  bool make_room(std::size_t size);
  /// Adds a record for which there is room.
  void append(const UsageRecord& record);

  [[nodiscard]] bool is_empty() const;
  /// Whether it is time to flush: a segment is sealed, or the active one is half full.
  [[nodiscard]] bool is_filling() const;
  /// The generation to flush next: the lowest of the sealed segments, or else that of the active
  /// one, which it seals. Empty if there are no records.
  std::optional<std::uint64_t> seal();
  /// Calls `visit` with each record of a sealed segment. Requires Lock::writer, as
  /// `sync_generation` does: only its holder seals and flushes.
  void read(std::uint64_t generation, const std::function<void(const UsageRecord&)>& visit) const;
  /// Calls `visit` with each record of the generations after one.
  void read_after(std::uint64_t generation,
                  const std::function<void(const UsageRecord&)>& visit) const;
  /// Writes the generation of the active segment to disk. A power cut must not make a generation
  /// active again that the tables know as flushed: its new records would never be counted.
  void sync_generation() const;
  /// Empties a segment that has been flushed.
  void release(std::uint64_t generation);

  /// Whether there is a segment to be used after the active one.
  [[nodiscard]] bool has_free_segment();
  /// Makes the space for another segment, on disk. False: the journal has kMaxSegments, or the disk
  /// has no space. Requires Lock::prepare, and not Lock::live, so that decisions go on.
  [[nodiscard]] bool prepare_segment() const;
  /// Adds the segment that was prepared. Requires Lock::prepare, too.
  void add_segment();
  /// If all segments but the active one are empty, gives the space of those behind the first two
  /// and the active one back. Requires Lock::prepare, too.
  void shrink();

  /// Starts to write the records to disk: at once if `now`, else unless a process did so within the
  /// last second. Requires no lock and does not wait.
  void start_write_back(bool now) const;

 private:
  struct Header;
  struct Segment;
  struct RecordHeader;

  UsageJournal(Mapping mapping, const StoreIdentity& store)
      : store_(store), mapping_(std::move(mapping)) {}

  static Mapping open(const std::filesystem::path& path);
  /// Creates an empty journal with a random id.
  static void create(const std::filesystem::path& path, const StoreIdentity& store,
                     const Boot& boot);
  static void create(const std::filesystem::path& path, const StoreIdentity& store,
                     const Boot& boot, const Id& id, std::uint64_t first_generation,
                     std::int64_t older_copy_at);
  [[nodiscard]] Header& header() const;
  [[nodiscard]] std::span<Segment> segments() const;
  static std::size_t end_of(std::uint64_t segments);
  [[nodiscard]] Segment& active() const;
  [[nodiscard]] Segment* find(std::uint64_t generation) const;
  [[nodiscard]] std::size_t start_of(const Segment& segment) const;
  [[nodiscard]] std::optional<UsageRecord> record_at(const Segment& segment, std::size_t at) const;
  std::size_t visit(const Segment& segment,
                    const std::function<void(const UsageRecord&)>& visit) const;
  void recover(const Boot& boot);
  bool activate_next();
  /// Maps the segments that other processes have added.
  void map_all();
  [[nodiscard]] Segment* next_segment();

  StoreIdentity store_;
  Mapping mapping_;
};

}  // namespace nexakey::store::sqlite
