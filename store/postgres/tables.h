#pragma once

#include "store/postgres/statements.h"
#include "store/sql_tables.h"

namespace nexakey::store::postgres {

/// The tables of a store in PostgreSQL, within the transaction of the connection if there is one.
class PostgresTables final : public SqlTables<Statements> {
 public:
  explicit PostgresTables(Session& session) : SqlTables(session), session_(session) {}

  std::vector<core::Key> find_by_either(std::span<const core::KeyId> ids,
                                        std::span<const core::KeyHash> hashes) override;
  using SqlTables::update;
  void update(std::span<const core::Key> keys) override;
  void set_last_used(std::span<const core::Key> keys) override;
  using SqlTables::find_tokens;
  std::vector<core::Token> find_tokens(std::span<const core::CredentialHash> hashes) override;
  std::vector<core::Token> trusts() override;
  core::AuditHead audit_head() override;
  AuditPoint audit_point(std::int64_t number) override;
  void append(std::span<const core::AuditEntry> entries) override;
  void scan_usage(const std::optional<std::string>& workspace,
                  const std::function<bool(const core::KeyUsage&)>& visit) override;
  std::vector<std::uint64_t> counts_of(std::span<const core::KeyUsage> rows) override;
  void set_counts(std::span<const core::KeyUsage> rows) override;
  void remove(std::span<const core::KeyId> ids) override;
  std::vector<core::Tombstone> find_tombstones(std::span<const core::Key> keys) override;
  std::size_t delete_usage(std::span<const core::KeyId> keys, std::size_t max_rows) override;
  std::size_t fold_usage(std::span<const core::KeyId> keys, core::Time cutoff,
                         std::size_t max_rows) override;

 private:
  Session& session_;
};

}  // namespace nexakey::store::postgres
