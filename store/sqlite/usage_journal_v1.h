#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "store/file.h"
#include "store/sqlite/usage_journal.h"

namespace nexakey::store::sqlite {

/// A usage journal of format 1 (`nxkuse01`), which the migration to schema 5 flushes and removes.
/// Every function requires Lock::writer and Lock::live. Errors are exceptions.
class UsageJournalV1 {
 public:
  /// Whether the file at `path` is a journal of format 1.
  static bool is_at(const std::filesystem::path& path);

  /// Throws StoreProblem if the file is not a sound journal of format 1.
  explicit UsageJournalV1(const std::filesystem::path& path);

  /// The key of its row in the table `journals`.
  [[nodiscard]] const UsageJournal::Id& id() const;

  /// Calls `visit` with each record of a generation above `flushed`, the last one that was flushed.
  /// Records of format 1 have no address and no fills.
  void read(std::uint64_t flushed, const std::function<void(const UsageRecord&)>& visit) const;

  /// Makes the file full for the processes of an older version that have it mapped: they can count
  /// nothing more in it, and fail to flush it to tables that they do not know. Before the file is
  /// removed.
  void retire();

 private:
  struct Header;
  struct RecordHeader;

  [[nodiscard]] Header& header() const { return *mapping_.at<Header>(0); }

  Mapping mapping_;
};

}  // namespace nexakey::store::sqlite
