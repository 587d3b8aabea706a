#include "store/postgres/audit_rows.h"

#include <string>

namespace nexakey::store::postgres {
namespace {

core::AuditHead read_head(const Rows& rows) {
  return rows.size() == 0 ? core::AuditHead()
                          : core::AuditHead{.number = rows.number(0, 0), .hash = rows.hash(0, 1)};
}

/// A time that can't be written is none, and fits no entry.
core::Time read_entry_time(const Rows& rows, int row, int column) {
  const core::Time time = rows.time(row, column).value_or(core::Time());
  return time >= core::Time() && time < core::kEndOfTimes ? time : core::Time();
}

core::AuditEntry read_entry(const Rows& rows, int row) {
  const auto text = [&](int column) { return std::string(rows.text(row, column)); };
  return {.number = rows.number(row, 0),
          .at = read_entry_time(rows, row, 1),
          .action = text(2),
          .actor = {.name = text(3), .source = text(4)},
          .workspace = text(5),
          .subject = text(6),
          .details = text(7),
          .hash = rows.hash(row, 8)};
}

}  // namespace

core::AuditHead find_audit_head(Connection& connection) {
  return read_head(connection.run("SELECT number, hash FROM nexakey.audit_head"));
}

core::AuditHead lock_audit_head(Connection& connection) {
  return read_head(connection.run("SELECT number, hash FROM nexakey.audit_head FOR UPDATE"));
}

std::optional<core::Sha256> find_audit_hash(Connection& connection, std::int64_t number) {
  const Rows rows =
      connection.run("SELECT hash FROM nexakey.audit WHERE number = $1", Parameters().add(number));
  return rows.size() == 0 ? std::nullopt : std::optional(rows.hash(0, 0));
}

void insert_audit(Connection& connection, std::span<const core::AuditEntry> entries) {
  using core::AuditEntry;
  Parameters parameters;
  parameters.add(entries.back().number)
      .add(entries.back().hash)
      .add_column(entries, &AuditEntry::number)
      .add_column(
          entries,
          [](const AuditEntry& entry) { return std::int64_t{entry.at.time_since_epoch().count()}; })
      .add_column(entries, &AuditEntry::action)
      .add_column(entries, [](const AuditEntry& entry) { return entry.actor.name; })
      .add_column(entries, [](const AuditEntry& entry) { return entry.actor.source; })
      .add_column(entries, &AuditEntry::workspace)
      .add_column(entries, &AuditEntry::subject)
      .add_column(entries, &AuditEntry::details)
      .add_column(entries, &AuditEntry::hash);
  connection.run(
      "WITH head AS (UPDATE nexakey.audit_head SET number = $1, hash = $2)"
      " INSERT INTO nexakey.audit (number, at, action, actor, source, workspace, subject, details,"
      " hash) SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],"
      " $8::text[], $9::text[], $10::text[], $11::bytea[])",
      parameters);
}

void visit_audit(Connection& connection, const core::AuditFilter& filter,
                 const std::function<bool(const core::AuditEntry&)>& visit) {
  Parameters parameters;
  parameters.add(filter.after);
  std::string query =
      "SELECT number, at, action, actor, source, workspace, subject, details, hash"
      " FROM nexakey.audit WHERE number > $1";
  if (!filter.subjects.empty()) {
    query += " AND subject = ANY ($2)";
    parameters.add_array(filter.subjects);
  }
  query += " ORDER BY number";
  connection.stream(query, parameters,
                    [&](const Rows& rows, int row) { return visit(read_entry(rows, row)); });
}

}  // namespace nexakey::store::postgres
