#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit.h"
#include "core/error.h"
#include "core/id.h"

namespace nexakey::core {

/// An import moves an export (core/record.h) into a store, in parts of complete lines.

/// The maximum size of a part, in bytes, and the maximum number of parts.
inline constexpr std::size_t kMaxImportPartSize = std::size_t{512} << 10U;
inline constexpr std::uint32_t kMaxImportParts = 65536;

/// Error: `usage`, if a part is empty, too large, or ends within a line.
Result<void> check_import_part(std::uint32_t number, std::string_view lines);

struct ImportOptions {
  bool dry_run = false;  ///< changes nothing; the summary says what an import would do
  bool keep_known =
      false;  ///< keys that the store has, even with another id or name, stay unchanged
};

/// The outcome for the records of one kind.
struct ImportCounts {
  std::uint64_t added = 0;
  std::uint64_t changed = 0;  ///< a larger count or a later last use
  std::uint64_t unchanged = 0;

  friend bool operator==(const ImportCounts&, const ImportCounts&) = default;
};

/// The outcome for the audit log of an import.
struct ImportedAudit {
  std::uint64_t added = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t left_out = 0;  ///< the store continues its own log

  friend bool operator==(const ImportedAudit&, const ImportedAudit&) = default;
};

/// A record that contradicts the store.
struct ImportConflict {
  std::string id;       ///< of the key or token in the import
  std::string problem;  ///< why

  friend bool operator==(const ImportConflict&, const ImportConflict&) = default;
};

/// The maximum number of conflicts that a summary lists.
inline constexpr std::size_t kMaxConflicts = 100;

/// What an import did, or would have done.
struct ImportSummary {
  ImportCounts tokens;
  ImportCounts keys;
  ImportCounts usage;
  ImportedAudit audit;
  /// If there are conflicts, nothing was done, unless the store was changed after the import had
  /// been checked: then only the records with conflicts were left out.
  std::uint64_t conflict_count = 0;
  std::vector<ImportConflict> conflicts{};

  void add_conflict(std::string id, std::string problem);
  /// Whether tokens, keys or usage were added or changed.
  [[nodiscard]] bool has_changes() const;
  friend bool operator==(const ImportSummary&, const ImportSummary&) = default;
};

/// The audit record of an import: the numbers of its records, and the head of its log if that was
/// left out. `workspace`: the only one that it contained; none: all.
AuditRecord record_import(const ImportSummary& summary, const AuditHead& head,
                          const std::optional<std::string>& workspace);

}  // namespace nexakey::core
