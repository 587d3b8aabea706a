#include <array>
#include <string>
#include <vector>

#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

/// DELETE of some rows of a key of a table whose primary key is `key` and these columns. While they
/// are deleted, triggers look for the key.
std::string delete_rows(const std::string& table, const std::string& columns) {
  return "DELETE FROM " + table + " WHERE key = (SELECT seq FROM api_keys WHERE id = ?1) AND (" +
         columns + ") IN (SELECT " + columns + " FROM " + table +
         " WHERE key = (SELECT seq FROM api_keys WHERE id = ?1) LIMIT ?2)";
}

const std::array kDeleteRows{delete_rows("usage_hours", "hour, endpoint, status"),
                             delete_rows("usage_days", "day, endpoint, status"),
                             delete_rows("peaks", "hour, window_seconds")};
const std::string kDeleteUse =
    "DELETE FROM last_uses WHERE key = (SELECT seq FROM api_keys WHERE id = ?)";
const std::string kDeleteKey = "DELETE FROM api_keys WHERE id = ?";
// OR would collect the rows of both indexes in a temporary table first.
const std::string kFindTombstones =
    sql::select_tombstones(Statements::kDialect) + " WHERE id = ?1 UNION ALL " +
    sql::select_tombstones(Statements::kDialect) + " WHERE hash = ?2 AND id <> ?1";

}  // namespace

std::size_t SqliteTables::delete_usage(std::span<const core::KeyId> keys, std::size_t max_rows) {
  std::size_t deleted = 0;
  for (const core::KeyId key : keys) {
    for (const std::string& sql : kDeleteRows) {
      if (deleted == max_rows) {
        return deleted;
      }
      auto& rows = statements().kept(sql);
      Binder(rows).add(key).add(static_cast<std::int64_t>(max_rows - deleted));
      deleted += static_cast<std::size_t>(rows.exec());
    }
  }
  return deleted;
}

void SqliteTables::remove(std::span<const core::KeyId> ids) {
  for (const core::KeyId id : ids) {
    for (const std::string* const sql : {&kDeleteUse, &kDeleteKey}) {
      auto& row = statements().kept(*sql);
      Binder(row).add(id);
      row.exec();
    }
  }
}

std::vector<core::Tombstone> SqliteTables::find_tombstones(std::span<const core::Key> keys) {
  auto& rows = statements().kept(kFindTombstones);
  std::vector<core::Tombstone> found;
  for (const core::Key& key : keys) {
    Binder(rows).add(key.id).add(key.hash);
    visit_rows(
        rows, [](const StatementRow& row) { return read_tombstone(row); },
        [&](const core::Tombstone& tombstone) { return (found.push_back(tombstone), true); });
  }
  rows.reset();
  return found;
}

}  // namespace nexakey::store::sqlite
