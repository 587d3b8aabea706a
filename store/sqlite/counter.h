#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The windows and the journal of a store, and the way of counts from the journal to the tables:
/// the journal is flushed when one of its halves is full, or when a command needs the counts.
/// Errors are exceptions.
class Counter {
 public:
  explicit Counter(Database& database) : database_(database) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  /// Starts to write what this object has counted to the disk.
  ~Counter();

  /// The windows and the journal, which are opened at the first use. To use them takes Lock::live.
  LiveState& live();

  /// Takes Lock::live while the journal has room for one record of each endpoint that is not empty.
  std::unique_ptr<LockGuard> lock_with_room(std::span<const std::string> endpoints);
  /// Adds a record that there is room for. Needs Lock::live.
  void append(const UsageRecord& record);

  /// Moves all records of the journal to the tables.
  void flush();
  /// Does the same if a half is full, or the active one is half full.
  void flush_if_due();
  /// Starts to write what was counted to the disk, if no process has within the last second.
  void start_write_back() { live().journal.start_write_back(false); }

 private:
  /// Flushes the half whose turn it is.
  void flush_half(Database::Reserve reserve);

  Database& database_;
  std::optional<LiveState> live_;
  bool has_counted_ = false;
};

}  // namespace nexakey::store::sqlite
