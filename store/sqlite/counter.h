#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The windows and the journal of a store. Flushes the journal to the tables when one of its
/// segments is full, or when a command needs the counts. While another process changes the store,
/// the journal grows instead, so that decisions do not wait for the change. Errors are exceptions.
class Counter {
 public:
  explicit Counter(Database& database) : database_(database) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  /// Starts to write the counts of this object to disk.
  ~Counter();

  /// The windows and the journal, which are opened at the first use. They require Lock::live.
  LiveState& live();

  /// Takes Lock::live, with room in the journal for one record of each endpoint that is not empty,
  /// and in the windows for as many keys and the first keys of their lines. Flushes the journal or
  /// lets it grow if it must.
  std::unique_ptr<LockGuard> lock_with_room(std::span<const std::string> endpoints);
  /// Adds a record for which there is room. Requires Lock::live.
  void append(const UsageRecord& record);

  /// Moves all records of the journal to the tables.
  void flush();
  /// Flushes one segment if one is full, or the active one is half full. While another process
  /// changes the store, makes sure that there is a segment for when the active one is full, and
  /// returns false.
  bool flush_if_due();
  /// Lets the windows move on, and prepares a file for them if it is due.
  void maintain_windows();
  /// Prepares a file for the windows if it cannot wait for `maintain_windows`.
  void prepare_windows_if_urgent();
  /// Starts to write the counts to disk, unless a process did so within the last second.
  void start_write_back() { live().journal.start_write_back(false); }

 private:
  /// False: the disk is full, and the reserve is used.
  bool prepare_windows(Database::Reserve reserve);
  enum class Wait { yes, no };
  /// Flushes the oldest sealed segment or else the active one. False: another process is changing
  /// the store, and `wait` says no.
  bool flush_segment(Database::Reserve reserve, Wait wait);
  /// Adds a segment to the journal. False: it has all that it may have, or the disk is full.
  bool add_segment();
  /// Makes room in the journal, which is full.
  void free_segment();

  Database& database_;
  std::optional<LiveState> live_;
  bool has_counted_ = false;
};

}  // namespace nexakey::store::sqlite
