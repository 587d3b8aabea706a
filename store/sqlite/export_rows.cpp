#include "store/sqlite/export_rows.h"

#include "store/sqlite/audit_rows.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/token_rows.h"

namespace nexakey::store::sqlite {
namespace {

using core::Record;
using Visit = std::function<bool(const Record&)>;

/// A query for what belongs to the workspace, if there is only one, in the order of an export.
SQLite::Statement select(Database& database, const std::string& from,
                         const std::optional<std::string>& workspace) {
  SQLite::Statement query(database.connection(), from + (workspace ? "WHERE workspace = ? " : "") +
                                                     "ORDER BY created_at, seq");
  if (workspace) {
    query.bind(1, *workspace);
  }
  return query;
}

bool export_tokens(Database& database, const std::optional<std::string>& workspace,
                   const Visit& visit) {
  auto tokens = select(database, kSelectTokens, workspace);
  while (tokens.executeStep()) {
    if (!visit(read_token(tokens))) {
      return false;
    }
  }
  return true;
}

bool export_keys(Database& database, const std::optional<std::string>& workspace,
                 const Visit& visit) {
  auto keys = select(database, kSelectKeys, workspace);
  while (keys.executeStep()) {
    if (!visit(read_key(keys))) {
      return false;
    }
  }
  return true;
}

bool export_usage(Database& database, const std::optional<std::string>& workspace,
                  const Visit& visit) {
  auto keys = select(database, "SELECT seq, id FROM keys ", workspace);
  SQLite::Statement rows(database.connection(),
                         "SELECT hour, text, status, requests FROM usage"
                         " JOIN endpoints ON endpoints.id = usage.endpoint WHERE key = ?"
                         " ORDER BY hour, text, status");
  while (keys.executeStep()) {
    rows.reset();
    rows.bind(1, keys.getColumn(0).getInt64());
    while (rows.executeStep()) {
      const core::KeyUsage usage{
          .key = core::KeyId(keys.getColumn(1).getInt64()),
          .hour = core::Time(std::chrono::hours(rows.getColumn(0).getInt64())),
          .endpoint = rows.getColumn(1).getString(),
          .status = rows.getColumn(2).getInt(),
          .requests = static_cast<std::uint64_t>(rows.getColumn(3).getInt64())};
      if (!visit(usage)) {
        return false;
      }
    }
  }
  return true;
}

void export_audit(Database& database, const Visit& visit) {
  auto entries = select_audit(database, {});
  while (entries.executeStep() && visit(read_audit_entry(entries))) {
  }
}

}  // namespace

void export_rows(Database& database, const std::optional<std::string>& workspace,
                 const Visit& visit) {
  const bool goes_on = export_tokens(database, workspace, visit) &&
                       export_keys(database, workspace, visit) &&
                       export_usage(database, workspace, visit);
  if (goes_on && !workspace) {
    export_audit(database, visit);
  }
}

}  // namespace nexakey::store::sqlite
