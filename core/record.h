#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "core/audit.h"
#include "core/error.h"
#include "core/key.h"
#include "core/token.h"
#include "core/usage.h"

namespace nexakey::core {

/// The records of a store, and their text form, an export. Each line is a JSON object:
///
///     {"nexakey_export":1,"workspace":null}  the version; the only workspace, if there is one
///     {"type":"token",…}                     the tokens, oldest first
///     {"type":"key",…}                       the keys, oldest first
///     {"type":"usage",…}                     in the order of the keys; by time, the counts of a
///                                            day before those of its hours, endpoint, status
///     {"type":"audit",…}                     the audit log, from its first entry on
///     {"type":"end",…}                       how many there were of each, and the log's last hash
///
/// An export of one workspace has no audit log, because a part of the log could not be checked.
/// Tokens and keys with the same creation time are in the order in which they were added to the
/// store. They have the members of core/json.h, with `hash` but without `status`, which changes
/// with time. So the same content always has the same text, on every backend.

/// The requests of one key in one hour or day with the same endpoint and status.
struct KeyUsage {
  KeyId key;
  Time hour;  ///< or the beginning of the day
  std::string endpoint;
  int status = 0;  ///< see kUpstreamStatus
  std::uint64_t requests = 0;
  Grain grain = Grain::hour;

  friend bool operator==(const KeyUsage&, const KeyUsage&) = default;
};

/// All members of a row from outside. Error: `usage`.
Result<void> check_usage(const KeyUsage& usage);

using Record = std::variant<Token, Key, KeyUsage, AuditEntry>;

/// The number of records of each kind.
struct RecordCounts {
  std::uint64_t tokens = 0;
  std::uint64_t keys = 0;
  std::uint64_t usage = 0;
  std::uint64_t audit = 0;

  void add(const Record& record);
  friend bool operator==(const RecordCounts&, const RecordCounts&) = default;
};

/// Appends an export to a string, record by record.
class ExportWriter {
 public:
  /// `workspace`: the only one that is exported.
  ExportWriter(std::string& out, const std::optional<std::string>& workspace);

  /// Adds the next record, in the order above.
  void add(const Record& record);
  void finish();

  [[nodiscard]] const RecordCounts& counts() const { return counts_; }

 private:
  std::string& out_;
  RecordCounts counts_;
  std::optional<Sha256> audit_hash_;
};

/// The maximum length of a line, in bytes.
inline constexpr std::size_t kMaxRecordSize = std::size_t{256} << 10U;

/// Parses an export line by line. Accepts only what ExportWriter would write: anything unknown,
/// repeated, out of order or truncated is a `usage` error that names the line.
class ExportReader {
 public:
  /// The record in the next line, which is given without its line feed; nothing for the first and
  /// last line.
  Result<std::optional<Record>> read(std::string_view line);
  /// To be called after the last line. Error: `usage`, if the export is incomplete.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] const RecordCounts& counts() const { return counts_; }
  /// The only workspace that is in it, if there is one.
  [[nodiscard]] const std::optional<std::string>& workspace() const { return workspace_; }
  /// The last entry of the audit log, as far as it was read.
  [[nodiscard]] AuditHead audit_head() const { return audit_.finish().value_or(AuditHead()); }
  /// The number of the line that was read last, from 1 on.
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  /// The first bytes of a hash are uniformly distributed.
  struct Spread {
    std::size_t operator()(const CredentialHash& hash) const;
  };
  using Lines = std::unordered_map<std::int64_t, std::uint64_t>;  // of things, by their ids

  Result<std::optional<Record>> read_line(std::string_view line);
  Result<void> read_header(std::string_view line);
  Result<void> read_end(std::string_view line);
  Result<void> place(const Record& record);
  Result<void> place(const Token& token, const Token* before);
  Result<void> place(const Key& key, const Key* before);
  Result<void> place(const KeyUsage& usage, const KeyUsage* before);
  Result<void> place(const AuditEntry& entry, const AuditEntry* before);
  Result<void> add(Lines& lines, std::int64_t id, const CredentialHash& hash);
  [[nodiscard]] Result<void> check_workspace(const std::optional<std::string>& workspace) const;

  std::uint64_t line_ = 0;
  bool at_end_ = false;
  RecordCounts counts_;
  std::optional<std::string> workspace_;
  std::optional<Record> last_;
  Lines tokens_;
  Lines keys_;
  std::unordered_set<CredentialHash, Spread> hashes_;
  AuditChecker audit_;
  Lines wanted_;  // keys of rotations that are still to come, and who wants them
};

}  // namespace nexakey::core
