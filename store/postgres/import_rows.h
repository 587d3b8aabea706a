#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/import.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// What an import does with the tables, with one round trip for many rows. Must live within one
/// change, in which references between keys are only looked at in the end.
class PostgresImportRows final : public ImportRows {
 public:
  explicit PostgresImportRows(Connection& connection);

  std::vector<std::optional<core::Token>> find(std::span<const core::Token> tokens) override;
  std::vector<std::optional<core::Key>> find(std::span<const core::Key> keys) override;
  std::vector<std::uint64_t> find(std::span<const core::KeyUsage> usage) override;
  void insert(std::span<const core::Token> tokens) override;
  void insert(std::span<const core::Key> keys) override;
  void set_last_used(std::span<const core::Key> keys) override;
  void set(std::span<const core::KeyUsage> usage) override;
  core::AuditHead audit_head() override;
  std::optional<core::Sha256> find_audit_hash(std::int64_t number) override;
  void append(std::span<const core::AuditEntry> entries) override;

  /// Looks at the references between keys; comes before the commit, which is not to take long.
  void finish();

 private:
  Connection& connection_;
};

/// The parts of imports that are not committed yet. The first needs a transaction.
void stage_part(Connection& connection, core::ImportId id, std::uint32_t number,
                std::string_view lines, core::Time now);
std::optional<std::string> find_part(Connection& connection, core::ImportId id,
                                     std::uint32_t number);
void delete_parts(Connection& connection, core::ImportId id);

}  // namespace nexakey::store::postgres
