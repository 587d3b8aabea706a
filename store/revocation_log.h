#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "store/audit_point.h"
#include "store/ending.h"
#include "store/file.h"

namespace nexakey::store {

/// The file to which the revocations of a store are appended (docs/file-formats.md), so that a
/// backup of the store can be brought up to date. What a crash left behind its last whole block is
/// ignored, and removed before the next block is appended.
///
/// Errors are exceptions: std::system_error, and StoreProblem if the file is damaged, not a
/// revocation log, a link or not a regular file.
class RevocationLog {
 public:
  /// Opens the log to read it; nothing if there is none yet.
  static std::optional<RevocationLog> open(const std::filesystem::path& path);
  /// Opens or creates the log, and locks it against other processes that append. Waits for the lock
  /// for up to ten seconds.
  static RevocationLog open_to_append(const std::filesystem::path& path);

  /// The store whose log it is; nothing if the file is empty.
  [[nodiscard]] const std::optional<StoreId>& store() const { return store_; }
  /// The end of the last block.
  [[nodiscard]] std::uint64_t end() const { return end_; }
  /// The last entry of the audit log whose endings are in the log; number 0 without blocks.
  [[nodiscard]] const core::AuditHead& through() const { return through_; }

  /// A block and where it begins.
  struct Placed {
    EndingBlock block;
    std::uint64_t begin = 0;
  };
  /// The block that ends at `end`; nothing if that is the end of the header.
  [[nodiscard]] std::optional<Placed> block_before(std::uint64_t end) const;

  /// Writes the header of an empty file, durably.
  void begin(const StoreId& store);
  /// Appends a block durably. If that fails, tries to remove what was written.
  void append(const EndingBlock& block);

 private:
  explicit RevocationLog(File file);

  void read_header();
  void find_end();
  [[nodiscard]] std::string read(std::uint64_t from, std::uint64_t until) const;
  void write(const std::string& text);
  [[noreturn]] void fail_damaged() const;

  File file_;
  std::optional<StoreId> store_;
  std::uint64_t end_ = 0;
  core::AuditHead through_;
};

}  // namespace nexakey::store
