#include "store/sqlite/audit_rows.h"

#include <string>
#include <utility>
#include <vector>

#include "core/json_writer.h"
#include "store/sqlite/key_rows.h"

namespace nexakey::store::sqlite {
namespace {

/// A time that can't be written is none, and fits no entry.
core::Time read_entry_time(const SQLite::Column& column) {
  const core::Time time = read_time(column).value_or(core::Time());
  return time >= core::Time() && time < core::kEndOfTimes ? time : core::Time();
}

std::string to_json_array(const std::vector<std::string>& texts) {
  std::string array;
  core::JsonWriter json(array);
  json.begin_array();
  for (const std::string& text : texts) {
    json.string(text);
  }
  json.end_array();
  return array;
}

}  // namespace

core::AuditHead find_audit_head(Database& database) {
  SQLite::Statement query(database.connection(),
                          "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
  return query.executeStep()
             ? core::AuditHead{.number = query.getColumn(0).getInt64(),
                               .hash = read_hash(query.getColumn(1), Damage::left_out)}
             : core::AuditHead();
}

AuditInserter::AuditInserter(Database& database)
    : insert_(database.connection(),
              "INSERT INTO audit (number, at, action, actor, source, workspace, subject, details,"
              " hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

void AuditInserter::insert(const core::AuditEntry& entry) {
  insert_.reset();
  insert_.bind(1, static_cast<int64_t>(entry.number));
  bind_time(insert_, 2, entry.at);
  insert_.bind(3, entry.action);
  insert_.bind(4, entry.actor.name);
  insert_.bind(5, entry.actor.source);
  insert_.bind(6, entry.workspace);
  insert_.bind(7, entry.subject);
  insert_.bind(8, entry.details);
  bind_hash(insert_, 9, entry.hash);
  insert_.exec();
}

void append_audit(Database& database, const core::Actor& actor, core::Time at,
                  core::AuditRecord record) {
  AuditInserter(database).insert(
      core::next_entry(find_audit_head(database), actor, at, std::move(record)));
}

SQLite::Statement select_audit(SQLite::Database& connection, const core::AuditFilter& filter) {
  std::string sql =
      "SELECT number, at, action, actor, source, workspace, subject, details, hash FROM audit"
      " WHERE number > :after";
  sql += filter.subjects.empty() ? "" : " AND subject IN (SELECT value FROM json_each(:subjects))";
  sql += " ORDER BY number";
  SQLite::Statement query(connection, sql);
  query.bind(":after", static_cast<int64_t>(filter.after));
  if (!filter.subjects.empty()) {
    query.bind(":subjects", to_json_array(filter.subjects));
  }
  return query;
}

core::AuditEntry read_audit_entry(SQLite::Statement& row) {
  const auto text = [&](int column) { return std::string(read_text(row.getColumn(column))); };
  return {.number = row.getColumn(0).getInt64(),
          .at = read_entry_time(row.getColumn(1)),
          .action = text(2),
          .actor = {.name = text(3), .source = text(4)},
          .workspace = text(5),
          .subject = text(6),
          .details = text(7),
          .hash = read_hash(row.getColumn(8), Damage::left_out)};
}

}  // namespace nexakey::store::sqlite
