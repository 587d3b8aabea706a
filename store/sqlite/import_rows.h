#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/import.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// What an import does with the tables. Must live within one write transaction, in which references
/// between keys are only looked at in the end.
class SqliteImportRows final : public ImportRows {
 public:
  explicit SqliteImportRows(Database& database);
  SqliteImportRows(const SqliteImportRows&) = delete;
  SqliteImportRows& operator=(const SqliteImportRows&) = delete;
  ~SqliteImportRows() override;

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

 private:
  std::int64_t endpoint_id(const std::string& endpoint);

  Database& database_;
  SQLite::Statement find_by_id_;
  SQLite::Statement find_by_hash_;
  SQLite::Statement find_usage_;
  SQLite::Statement find_endpoint_;
  SQLite::Statement add_endpoint_;
  SQLite::Statement set_usage_;
  SQLite::Statement set_last_used_;
};

/// The parts of imports that are not committed yet. These need a write transaction.
void stage_part(Database& database, core::ImportId id, std::uint32_t number, std::string_view lines,
                core::Time now);
std::optional<std::string> find_part(Database& database, core::ImportId id, std::uint32_t number);
void delete_parts(Database& database, core::ImportId id);

}  // namespace nexakey::store::sqlite
