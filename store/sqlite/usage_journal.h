#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "core/id.h"
#include "core/time.h"
#include "store/sqlite/file.h"

namespace nexakey::store::sqlite {

/// A counted decision, or an upstream response.
struct UsageRecord {
  core::KeyId key;
  core::Time at;
  int status = 0;             ///< as core::Counts::add takes it
  std::string_view endpoint;  ///< at most 256 bytes
};

/// The counts that are not in SQLite's tables yet, in a file that all processes on the store have
/// mapped. A record in mapped memory survives its process and costs a hundredth of a transaction.
///
/// The file has two halves. The active one takes records. When it is full, it is sealed, the other
/// one becomes active, and the sealed one is flushed: its records are added to the tables. Each
/// time that a half becomes active, it gets the next number (generation). The transaction that adds
/// the counts of a half also stores its generation, so that each record is counted once, whenever a
/// process dies.
///
/// Every function, including the constructor, requires Lock::live unless it says otherwise. Errors
/// are exceptions.
class UsageJournal {
 public:
  using Id = std::array<std::uint8_t, 16>;

  /// Opens the file, or creates it with a random id.
  explicit UsageJournal(const std::filesystem::path& path);

  /// Reads the whole file without changing it. Returns how many records it has. Throws StoreProblem
  /// if it is damaged.
  static std::size_t check(const std::filesystem::path& path);

  /// Identifies the file, to which the generations belong. Requires no lock.
  [[nodiscard]] const Id& id() const;

  /// The size of a record in the file, in bytes.
  static std::size_t size_of(const UsageRecord& record);
  /// Makes room for `size` bytes, in the other half if necessary. False: a half must be flushed
  /// first.
  bool make_room(std::size_t size);
  /// Adds a record for which there is room.
  void append(const UsageRecord& record);

  [[nodiscard]] bool is_empty() const;
  /// Whether it is time to flush: a half is sealed, or the active one is half full.
  [[nodiscard]] bool is_filling() const;
  /// The generation to flush next: that of the sealed half, or else of the active half, which it
  /// seals. Empty if there are no records.
  std::optional<std::uint64_t> seal();
  /// Calls `visit` with each record of a sealed half. Requires Lock::writer, as `sync_generation`
  /// does: only its holder seals and flushes.
  void read(std::uint64_t generation, const std::function<void(const UsageRecord&)>& visit) const;
  /// Writes the generation of the active half to disk. A power cut must not make a generation
  /// active again that the tables know as flushed: its new records would never be counted.
  void sync_generation() const;
  /// Empties a half that has been flushed, if it still has this generation.
  void release(std::uint64_t generation);

  /// Starts to write the records to disk: at once if `now`, else unless a process did so within the
  /// last second. Requires no lock and does not wait.
  void start_write_back(bool now) const;

 private:
  struct Header;
  struct RecordHeader;

  explicit UsageJournal(Mapping mapping) : mapping_(std::move(mapping)) {}

  static Mapping open(const std::filesystem::path& path);
  static Mapping open_or_create(const std::filesystem::path& path);
  static void create(const std::filesystem::path& path);
  [[nodiscard]] Header& header() const;
  [[nodiscard]] std::size_t room() const;
  void activate_next();

  Mapping mapping_;
};

}  // namespace nexakey::store::sqlite
