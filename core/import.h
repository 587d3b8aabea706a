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

/// An import is an export (core/record.h) on its way into a store: in parts, each of whole lines.

/// The largest part, in bytes, and how many an import may have.
inline constexpr std::size_t kMaxImportPartSize = std::size_t{512} << 10U;
inline constexpr std::uint32_t kMaxImportParts = 65536;

/// The error of a part, if there is one: it is empty, too large, or ends within a line.
Result<void> check_import_part(std::uint32_t number, std::string_view lines);

struct ImportOptions {
  bool dry_run = false;     ///< nothing is done; the summary says what would be
  bool keep_known = false;  ///< a key that the store has under whatever id and name stays as it is
};

/// What became of the records of one kind.
struct ImportCounts {
  std::uint64_t added = 0;
  std::uint64_t changed = 0;  ///< more requests were counted, or the last of them was later
  std::uint64_t unchanged = 0;

  friend bool operator==(const ImportCounts&, const ImportCounts&) = default;
};

/// What became of the audit log of an import.
struct ImportedAudit {
  std::uint64_t added = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t left_out = 0;  ///< the store goes on with a log of its own

  friend bool operator==(const ImportedAudit&, const ImportedAudit&) = default;
};

/// A record that stands against what the store has.
struct ImportConflict {
  std::string id;       ///< of the key or token in the import
  std::string problem;  ///< what is in its way

  friend bool operator==(const ImportConflict&, const ImportConflict&) = default;
};

/// How many conflicts are told one by one.
inline constexpr std::size_t kMaxConflicts = 100;

/// What an import did, or would have done.
struct ImportSummary {
  ImportCounts tokens;
  ImportCounts keys;
  ImportCounts usage;
  ImportedAudit audit;
  std::uint64_t conflict_count = 0;  ///< if there is one, nothing was done
  std::vector<ImportConflict> conflicts{};

  void add_conflict(std::string id, std::string problem);
  /// Whether tokens, keys or usage are not as they were.
  [[nodiscard]] bool has_changes() const;
  friend bool operator==(const ImportSummary&, const ImportSummary&) = default;
};

/// The record of an import: how much of what it brought, and the head of its own log if that was
/// left out. `workspace`: the only one that was in it.
AuditRecord record_import(const ImportSummary& summary, const AuditHead& head,
                          const std::optional<std::string>& workspace);

}  // namespace nexakey::core
