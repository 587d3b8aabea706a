#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/import.h"
#include "core/record.h"

namespace nexakey::store {

/// Records of one kind, in the order of the export.
using ImportBatch = std::variant<std::vector<core::Token>, std::vector<core::Key>,
                                 std::vector<core::KeyUsage>, std::vector<core::AuditEntry>>;

/// A complete export, parsed and checked. It is in memory, so that the store is not locked while it
/// is read.
struct ReadImport {
  std::vector<ImportBatch> batches;
  core::RecordCounts counts;
  core::AuditHead audit_head;            ///< of the log in the export
  std::optional<std::string> workspace;  ///< the only one that was exported, if there is one
};

/// Reads an import. `read_part` returns the parts by their numbers, from 0 on. Error: `usage`, for
/// an incomplete export or records that the options do not allow. Counts of hours before `cutoff`
/// are folded into days.
core::Result<ReadImport> read_import(
    std::uint32_t parts, const std::function<core::Result<std::string>(std::uint32_t)>& read_part,
    const core::ImportOptions& options, core::Time cutoff);

}  // namespace nexakey::store
