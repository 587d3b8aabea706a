#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/import.h"
#include "core/record.h"
#include "store/accepted_import.h"

namespace nexakey::store {

/// Records of one kind, in the order of the export, at most kMaxAtOnce.
using ImportBatch = std::variant<std::vector<core::Token>, std::vector<core::Key>,
                                 std::vector<core::KeyUsage>, std::vector<core::AuditEntry>>;

/// What an import contains beside its records.
struct ImportContent {
  core::RecordCounts counts;
  core::AuditHead audit_head;            ///< of the log in the export
  std::optional<core::AuditEntry> last;  ///< the entry at its head
  std::optional<std::string> workspace;  ///< the only one that was exported, if there is one
};

/// The parts of an import: their number, and a function that returns one by its number.
struct ImportParts {
  std::uint32_t count = 0;
  std::function<core::Result<std::string>(std::uint32_t)> read;
};

/// Reads and checks an import, part by part, and calls `visit` with each batch. Counts of hours
/// before `cutoff` are folded into days. Beside one part, one batch, and the counts of one key and
/// day, about 100 bytes for each key and token are in memory, to find what is there twice. Error:
/// `usage`, for an incomplete export or records that the options do not allow.
core::Result<ImportContent> read_import(
    const ImportParts& parts, const core::ImportOptions& options, core::Time cutoff,
    const std::function<core::Result<void>(const ImportBatch&)>& visit);

/// A batch of an import that was checked.
struct ImportSlice {
  ImportBatch batch;
  ImportPlace next;  ///< the first record behind it; part `count` at the end
};
/// The batch of at most `max` records that begins at a place; empty at the end of the import. All
/// slices of an import must have the same `cutoff`. Error: `usage`, if a part was damaged; that of
/// reading a part.
core::Result<ImportSlice> read_slice(const ImportParts& parts, const ImportPlace& first,
                                     core::Time cutoff, std::size_t max);

}  // namespace nexakey::store
