#include "store/postgres/tables.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <variant>

#include "store/columns.h"
#include "store/postgres/arrays.h"
#include "store/postgres/result_row.h"

namespace nexakey::store::postgres {

using core::Key;
using core::KeyUsage;
using core::Token;

const sql::Dialect kDialect{
    .parameter = '$',
    .schema = "nexakey.",
    .uses = "nexakey.uses ON uses.key = keys.id",
    .last_at = "uses.last_at",
    .usage = "nexakey.usage JOIN nexakey.keys ON keys.id = usage.key",
    .hour = "day::bigint * 24 + hour",
    .since = "usage.day >= $1::bigint / 24 AND usage.day::bigint * 24 + hour >= ",
    .endpoint = "endpoint",
    .least = "least",
    .elements = "SELECT json_array_elements_text("};

namespace {

const std::string kFindKeys = sql::select_keys(kDialect) + " WHERE keys.id = ANY ($1)";
const std::string kFindKeysByHash = sql::select_keys(kDialect) + " WHERE hash = ANY ($1)";
const std::string kFindTokens = sql::select_tokens(kDialect) + " WHERE id = ANY ($1)";
/// By the function, which a role that only verifies may call.
const std::string kFindTokensByHash =
    "SELECT " + sql::list(kTokenColumns, "token.") +
    " FROM unnest($1::bytea[]) AS wanted (hash), nexakey.find_token(wanted.hash) AS token";
const std::string kWorkspaces =
    "SELECT DISTINCT workspace COLLATE \"C\" FROM nexakey.keys ORDER BY 1";
const std::string kSetLastUsed = "SELECT nexakey.import_uses($1, $2)";
const std::string kAuditHead = "SELECT number, hash FROM nexakey.audit_head";
const std::string kLockAuditHead = kAuditHead + " FOR UPDATE";
const std::string kCounts =
    "SELECT coalesce(requests, 0) FROM unnest($1::bigint[], $2::integer[], $3::text[],"
    " $4::smallint[], $5::smallint[])"
    " WITH ORDINALITY AS wanted (key, day, endpoint, hour, status, nth)"
    " LEFT JOIN nexakey.usage USING (key, day, endpoint, hour, status) ORDER BY nth";
const std::string kSetCounts = "SELECT nexakey.import_usage($1, $2, $3, $4, $5, $6)";
const std::string kPutPart =
    "INSERT INTO nexakey.import_parts (import, number, staged_at, lines) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (import, number)"
    " DO UPDATE SET staged_at = excluded.staged_at, lines = excluded.lines";
const std::string kFindPart =
    "SELECT lines FROM nexakey.import_parts WHERE import = $1 AND number = $2";
const std::string kDeleteParts = "DELETE FROM nexakey.import_parts WHERE import = $1";
const std::string kDeletePartsBefore = "DELETE FROM nexakey.import_parts WHERE staged_at < $1";

/// So many rows of a query that probably has few are fetched by one statement; a cursor takes four.
constexpr int kFew = 100;

template <typename Id>
std::vector<std::int64_t> bits_of(std::span<const Id> ids) {
  std::vector<std::int64_t> bits;
  std::ranges::transform(ids, std::back_inserter(bits), [](Id id) { return id.bits(); });
  return bits;
}

/// The columns by which a count is found.
Parameters columns_of(std::span<const KeyUsage> usage) {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::hours;
  return Parameters()
      .add_column(usage, [](const KeyUsage& row) { return row.key.bits(); })
      .add_column(usage,
                  [](const KeyUsage& row) {
                    return std::int64_t{floor<days>(row.hour).time_since_epoch().count()};
                  })
      .add_column(usage, &KeyUsage::endpoint)
      .add_column(usage,
                  [](const KeyUsage& row) {
                    return std::int64_t{floor<hours>(row.hour).time_since_epoch().count() % 24};
                  })
      .add_column(usage, [](const KeyUsage& row) { return std::int64_t{row.status}; });
}

/// INSERT of rows into a table, in their order. The text is the same for whatever rows.
std::string insert_into(const char* table, const ColumnArrays& rows) {
  const std::string names = rows.names();
  return std::string("INSERT INTO nexakey.") + table + " (" + names + ") SELECT " + names +
         " FROM " + rows.as_table() + " WITH ORDINALITY AS added (" + names + ", nth) ORDER BY nth";
}

/// UPDATE of the rows that have the same first column, the id.
std::string update_of(const char* table, const char* further, const ColumnArrays& rows) {
  return std::string("UPDATE nexakey.") + table + " SET " + further + rows.assignments() +
         " FROM " + rows.as_table() + " AS added (" + rows.names() + ") WHERE " + table +
         ".id = added.id";
}

/// Every change of a key gives it another stamp, by which deciders see that it has changed.
constexpr const char* kNewStamp = "stamp = gen_random_uuid(), ";

template <typename Read>
auto read_all(const Rows& rows, const Read& read) {
  std::vector<decltype(read(ResultRow(rows, 0)))> things;
  for (int row = 0; row < rows.size(); ++row) {
    things.push_back(read(ResultRow(rows, row)));
  }
  return things;
}

constexpr auto kReadKey = [](const ResultRow& row) { return read_key(row); };
constexpr auto kReadToken = [](const ResultRow& row) { return read_token(row); };
constexpr auto kReadAudit = [](const ResultRow& row) { return read_audit_entry(row); };

}  // namespace

Rows PostgresTables::run(const std::string& sql, const Parameters& parameters) {
  const auto work = [&] { return connection_.run(sql, parameters); };
  return connection_.is_in_transaction() ? work() : connection_.ask(work);
}

template <typename Read, typename Visit>
void PostgresTables::visit_rows(const sql::Query& query, const Read& read, const Visit& visit) {
  Parameters parameters;
  for (const sql::Value& value : query.values) {
    std::visit([&](const auto& parameter) { parameters.add(parameter); }, value);
  }
  if (query.is_selective) {
    const std::string limited = query.sql + " LIMIT " + std::to_string(kFew + 1);
    const auto work = [&] { return connection_.run_once(limited, parameters); };
    const Rows rows = connection_.is_in_transaction() ? work() : connection_.ask(work);
    if (rows.size() <= kFew) {
      for (int row = 0; row < rows.size() && visit(read(ResultRow(rows, row))); ++row) {
      }
      return;
    }
  }
  connection_.stream(query.sql, parameters,
                     [&](const Rows& rows, int row) { return visit(read(ResultRow(rows, row))); });
}

std::vector<Key> PostgresTables::find_keys(std::span<const core::KeyId> ids) {
  return read_all(run(kFindKeys, Parameters().add_array(bits_of(ids))), kReadKey);
}

std::vector<Key> PostgresTables::find_keys(std::span<const core::KeyHash> hashes) {
  return read_all(run(kFindKeysByHash, Parameters().add_array(hashes)), kReadKey);
}

void PostgresTables::scan_keys(const core::KeyFilter& filter,
                               const std::optional<core::KeyId>& after, Order order,
                               const std::function<bool(const Key&)>& visit) {
  visit_rows(sql::scan_keys(kDialect, filter, after, order), kReadKey, visit);
}

void PostgresTables::insert(std::span<const Key> keys) {
  if (keys.empty()) {
    return;
  }
  const auto rows =
      ColumnArrays::of(keys, [](const Key& key, auto& sink) { write_key(key, sink); });
  static const std::string sql = insert_into("keys", rows);
  run(sql, rows.parameters());
  set_last_used(keys);
}

void PostgresTables::update(std::span<const Key> keys) {
  const auto rows = ColumnArrays::of(keys, [](const Key& key, auto& sink) {
    sink("id", key.id.bits());
    write_changeable(key, sink);
  });
  static const std::string sql = update_of("keys", kNewStamp, rows);
  run(sql, rows.parameters());
}

void PostgresTables::revoke(std::span<const Key> keys) {
  const auto rows = ColumnArrays::of(keys, [](const Key& key, auto& sink) {
    sink("id", key.id.bits());
    write_revocation(key, sink);
  });
  static const std::string sql = update_of("keys", kNewStamp, rows);
  run(sql, rows.parameters());
}

void PostgresTables::set_last_used(std::span<const Key> keys) {
  std::vector<std::int64_t> used;
  std::vector<std::int64_t> times;
  for (const Key& key : keys) {
    if (key.last_used_at) {
      used.push_back(key.id.bits());
      times.push_back(key.last_used_at->time_since_epoch().count());
    }
  }
  if (!used.empty()) {
    run(kSetLastUsed, Parameters().add_array(used).add_array(times));
  }
}

std::vector<std::string> PostgresTables::workspaces() {
  return read_all(run(kWorkspaces), [](const ResultRow& row) { return std::string(row.text(0)); });
}

std::vector<Token> PostgresTables::find_tokens(std::span<const core::TokenId> ids) {
  return read_all(run(kFindTokens, Parameters().add_array(bits_of(ids))), kReadToken);
}

std::vector<Token> PostgresTables::find_tokens(std::span<const core::CredentialHash> hashes) {
  return read_all(run(kFindTokensByHash, Parameters().add_array(hashes)), kReadToken);
}

void PostgresTables::scan_tokens(const std::optional<std::string>& workspace, Order order,
                                 const std::function<bool(const Token&)>& visit) {
  visit_rows(sql::scan_tokens(kDialect, workspace, order), kReadToken, visit);
}

void PostgresTables::insert(std::span<const Token> tokens) {
  if (tokens.empty()) {
    return;
  }
  const auto rows =
      ColumnArrays::of(tokens, [](const Token& token, auto& sink) { write_token(token, sink); });
  static const std::string sql = insert_into("tokens", rows);
  run(sql, rows.parameters());
}

void PostgresTables::revoke(std::span<const Token> tokens) {
  const auto rows = ColumnArrays::of(tokens, [](const Token& token, auto& sink) {
    sink("id", token.id.bits());
    sink("revoked_at", token.revoked_at);
  });
  static const std::string sql = update_of("tokens", "", rows);
  run(sql, rows.parameters());
}

core::AuditHead PostgresTables::audit_head() {
  const Rows rows = run(connection_.is_changing() ? kLockAuditHead : kAuditHead);
  return rows.size() == 0 ? core::AuditHead() : read_audit_head(ResultRow(rows, 0));
}

void PostgresTables::scan_audit(const core::AuditFilter& filter,
                                const std::function<bool(const core::AuditEntry&)>& visit) {
  visit_rows(sql::scan_audit(kDialect, filter), kReadAudit, visit);
}

void PostgresTables::append(std::span<const core::AuditEntry> entries) {
  const auto rows = ColumnArrays::of(
      entries, [](const core::AuditEntry& entry, auto& sink) { write_audit_entry(entry, sink); });
  static const std::string sql = "WITH added AS (" + insert_into("audit", rows) +
                                 " RETURNING number, hash)" +
                                 " UPDATE nexakey.audit_head SET (number, hash) ="
                                 " (SELECT number, hash FROM added ORDER BY number DESC LIMIT 1)";
  run(sql, rows.parameters());
}

void PostgresTables::sum_usage(const core::UsageQuery& query, core::Time first_hour,
                               const std::function<void(const core::UsageRow&)>& visit) {
  visit_rows(
      sql::sum_usage(kDialect, query, first_hour),
      [&](const ResultRow& row) { return (visit(read_count(row)), true); },
      [](bool goes_on) { return goes_on; });
}

void PostgresTables::scan_usage(const std::optional<std::string>& workspace,
                                const std::function<bool(const KeyUsage&)>& visit) {
  sql::Query query{"SELECT " + std::string(kDialect.hour) +
                   ", endpoint, status, requests, usage.key FROM " + std::string(kDialect.usage)};
  if (workspace) {
    query.sql += " WHERE workspace = $1";
    query.values.emplace_back(*workspace);
  }
  query.sql += " ORDER BY created_at, seq, day, hour, endpoint COLLATE \"C\", status";
  visit_rows(
      query, [](const ResultRow& row) { return read_usage(row); }, visit);
}

std::vector<std::uint64_t> PostgresTables::counts_of(std::span<const KeyUsage> rows) {
  return read_all(run(kCounts, columns_of(rows)),
                  [](const ResultRow& row) { return read_requests(row); });
}

void PostgresTables::set_counts(std::span<const KeyUsage> rows) {
  if (!rows.empty()) {
    run(kSetCounts, columns_of(rows).add_column(rows, [](const KeyUsage& row) {
      return static_cast<std::int64_t>(row.requests);
    }));
  }
}

void PostgresTables::put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                              core::Time now) {
  run(kPutPart, Parameters()
                    .add(id.bits())
                    .add(std::int64_t{number})
                    .add(std::optional(now))
                    .add_bytes(lines));
}

std::optional<std::string> PostgresTables::find_part(core::ImportId id, std::uint32_t number) {
  const Rows rows = run(kFindPart, Parameters().add(id.bits()).add(std::int64_t{number}));
  return rows.size() == 0 ? std::nullopt : std::optional(rows.bytes(0, 0));
}

void PostgresTables::delete_parts(core::ImportId id) {
  run(kDeleteParts, Parameters().add(id.bits()));
}

void PostgresTables::delete_parts_before(core::Time time) {
  run(kDeletePartsBefore, Parameters().add(std::optional(time)));
}

}  // namespace nexakey::store::postgres
