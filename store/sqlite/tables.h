#pragma once

#include "store/sql_tables.h"
#include "store/sqlite/statements.h"

namespace nexakey::store::sqlite {

/// The tables of a store in SQLite. It has to live within one transaction.
class SqliteTables final : public SqlTables<Statements> {
 public:
  explicit SqliteTables(SQLite::Database& connection)
      : SqlTables(connection), connection_(connection) {}

  void set_last_used(std::span<const core::Key> keys) override;
  core::AuditHead audit_head() override;
  AuditPoint audit_point(std::int64_t number) override;
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
  /// The number in the first row that a statement has for its parameter.
  template <typename Wanted>
  std::optional<std::int64_t> first_number(const std::string& sql, const Wanted& wanted);
  std::int64_t endpoint_id(const std::string& endpoint);

  SQLite::Database& connection_;
};

}  // namespace nexakey::store::sqlite
