#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/import.h"
#include "core/record.h"

namespace nexakey::store {

/// What an import asks of a backend: the rows that it meets and makes, many at a time, within one
/// transaction of the backend. Errors are the backend's exceptions.
class ImportRows {
 public:
  ImportRows() = default;
  ImportRows(const ImportRows&) = delete;
  ImportRows& operator=(const ImportRows&) = delete;
  virtual ~ImportRows() = default;

  /// For each token or key the one that the store has under this id or, if there is none, with
  /// this hash.
  virtual std::vector<std::optional<core::Token>> find(std::span<const core::Token> tokens) = 0;
  virtual std::vector<std::optional<core::Key>> find(std::span<const core::Key> keys) = 0;
  /// For each row the requests that the store has counted in it so far.
  virtual std::vector<std::uint64_t> find(std::span<const core::KeyUsage> usage) = 0;

  /// Adds them behind all that are as old. A key may refer to one that is still to come.
  virtual void insert(std::span<const core::Token> tokens) = 0;
  virtual void insert(std::span<const core::Key> keys) = 0;
  /// Sets when these keys, which the store has, were last used.
  virtual void set_last_used(std::span<const core::Key> keys) = 0;
  /// Sets the requests of rows that the store may have.
  virtual void set(std::span<const core::KeyUsage> usage) = 0;

  /// The last entry of the audit log.
  virtual core::AuditHead audit_head() = 0;
  /// The hash of an entry, if there is such an entry.
  virtual std::optional<core::Sha256> find_audit_hash(std::int64_t number) = 0;
  /// Adds entries to the end of the log, as they are.
  virtual void append(std::span<const core::AuditEntry> entries) = 0;
};

/// Records of one kind, in their order.
using ImportBatch = std::variant<std::vector<core::Token>, std::vector<core::Key>,
                                 std::vector<core::KeyUsage>, std::vector<core::AuditEntry>>;

/// A whole export that was read and checked, in memory, so that nobody else waits for a store while
/// that is done.
struct ReadImport {
  std::vector<ImportBatch> batches;
  core::RecordCounts counts;
  core::AuditHead audit_head;            ///< of the log that is in it
  std::optional<std::string> workspace;  ///< the only one that is in it, if there is one
};

/// Reads an import. `read_part` gives the parts by their numbers, from 0 on. What is no whole
/// export, or has more than the options allow, is a `usage` error.
core::Result<ReadImport> read_import(
    std::uint32_t parts, const std::function<core::Result<std::string>(std::uint32_t)>& read_part,
    const core::ImportOptions& options);

/// Brings an import into a store. The backend commits if the summary says so (see
/// `is_to_be_committed`); else nothing must stay of it. `actor` is whose import it is, for the
/// audit log.
core::ImportSummary apply_import(const ReadImport& import, const core::ImportOptions& options,
                                 ImportRows& rows, const core::Actor& actor, core::Time now);

inline bool is_to_be_committed(const core::ImportSummary& summary,
                               const core::ImportOptions& options) {
  return summary.conflict_count == 0 && !options.dry_run;
}

}  // namespace nexakey::store
