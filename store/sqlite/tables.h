#pragma once

#include <map>
#include <string>

#include "store/sqlite/statement.h"
#include "store/tables.h"

namespace nexakey::store::sqlite {

extern const sql::Dialect kDialect;

/// The tables of a store in SQLite. It has to live within one transaction.
class SqliteTables final : public Tables {
 public:
  explicit SqliteTables(SQLite::Database& connection) : connection_(connection) {}

  std::vector<core::Key> find_keys(std::span<const core::KeyId> ids) override;
  std::vector<core::Key> find_keys(std::span<const core::KeyHash> hashes) override;
  void scan_keys(const core::KeyFilter& filter, const std::optional<core::KeyId>& after,
                 Order order, const std::function<bool(const core::Key&)>& visit) override;
  void insert(std::span<const core::Key> keys) override;
  void update(std::span<const core::Key> keys) override;
  void revoke(std::span<const core::Key> keys) override;
  void set_last_used(std::span<const core::Key> keys) override;
  std::vector<std::string> workspaces() override;

  std::vector<core::Token> find_tokens(std::span<const core::TokenId> ids) override;
  std::vector<core::Token> find_tokens(std::span<const core::CredentialHash> hashes) override;
  void scan_tokens(const std::optional<std::string>& workspace, Order order,
                   const std::function<bool(const core::Token&)>& visit) override;
  void insert(std::span<const core::Token> tokens) override;
  void revoke(std::span<const core::Token> tokens) override;

  core::AuditHead audit_head() override;
  void scan_audit(const core::AuditFilter& filter,
                  const std::function<bool(const core::AuditEntry&)>& visit) override;
  void append(std::span<const core::AuditEntry> entries) override;

  void sum_usage(const core::UsageQuery& query, core::Time first_hour,
                 const std::function<void(const core::UsageRow&)>& visit) override;
  void scan_usage(const std::optional<std::string>& workspace,
                  const std::function<bool(const core::KeyUsage&)>& visit) override;
  std::vector<std::uint64_t> counts_of(std::span<const core::KeyUsage> rows) override;
  void set_counts(std::span<const core::KeyUsage> rows) override;

  void put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                core::Time now) override;
  std::optional<std::string> find_part(core::ImportId id, std::uint32_t number) override;
  void delete_parts(core::ImportId id) override;
  void delete_parts_before(core::Time time) override;

 private:
  /// A statement, prepared at its first use. `sql` has to be a constant.
  SQLite::Statement& statement(const std::string& sql);
  std::int64_t endpoint_id(const std::string& endpoint);

  SQLite::Database& connection_;
  std::map<const std::string*, SQLite::Statement> statements_;
};

}  // namespace nexakey::store::sqlite
