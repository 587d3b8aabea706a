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

/// A decision that is counted, or an answer.
struct UsageRecord {
  core::KeyId key;
  core::Time at;
  int status = 0;             ///< as core::Counts::add takes it
  std::string_view endpoint;  ///< at most 256 bytes
};

/// The decisions that are not in SQLite's tables yet, in a file that all processes on the store
/// have mapped: a record in memory that outlives its process costs a hundredth of a transaction.
///
/// The file has two halves. One of them is active and takes records; when it is full the other
/// becomes active, and the full one, now sealed, is settled: its records go into the tables. The
/// halves that were ever active are numbered (generations); the tables know the last number that
/// was settled, in the same transaction as its counts, so that each record is counted once,
/// whatever dies when.
///
/// Every call, the constructor's too, needs Lock::live if it does not say otherwise. Errors are
/// exceptions.
class UsageJournal {
 public:
  using Id = std::array<std::uint8_t, 16>;

  /// Creates the file, with a random id, if it is not there.
  explicit UsageJournal(const std::filesystem::path& path);

  /// Reads the whole file and changes nothing; damage is a StoreProblem. Returns how many records
  /// are in it.
  static std::size_t check(const std::filesystem::path& path);

  /// Says which file this is: its generations mean nothing to another one. Needs no lock.
  [[nodiscard]] const Id& id() const;

  /// Room that a record takes.
  static std::size_t size_of(const UsageRecord& record);
  /// Whether `size` more bytes fit; if they don't, the journal has to be settled first.
  bool make_room(std::size_t size);
  /// Adds a record that there is room for.
  void append(const UsageRecord& record);

  [[nodiscard]] bool is_empty() const;
  /// Whether it is time to settle: a half is sealed, or the active one is half full.
  [[nodiscard]] bool is_filling() const;
  /// The generation to settle next: the sealed half, or the active one, which it seals; nothing if
  /// there are no records.
  std::optional<std::uint64_t> seal();
  /// Calls `visit` with each record of a sealed half. Needs Lock::writer, as `sync_generation`
  /// does: only who holds it seals and settles.
  void read(std::uint64_t generation, const std::function<void(const UsageRecord&)>& visit) const;
  /// Puts the number of the active half on the disk. The tables must not say that a generation is
  /// settled while a power cut could make it the active one again: what it takes then would never
  /// be counted.
  void sync_generation() const;
  /// Empties the half whose records are settled, if it still is of that generation.
  void release(std::uint64_t generation);

  /// Starts to write what was appended to the disk, if nobody has within the last second. It needs
  /// no lock and does not wait.
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
