#include "store/postgres/tables.h"

#include <algorithm>
#include <iterator>

#include "store/postgres/migrations.h"

namespace nexakey::store::postgres {

using core::Key;
using core::KeyUsage;
using core::Token;

const sql::Dialect Statements::kDialect{
    .parameter = '$',
    .is_wanted = " = ANY ($1)",
    .schema = "nexakey.",
    .used_key = "keys.id",
    .hours = "nexakey.usage_hours AS usage JOIN nexakey.api_keys AS keys ON keys.id = usage.key",
    .days = "nexakey.usage_days AS usage JOIN nexakey.api_keys AS keys ON keys.id = usage.key",
    .totals = "",
    .peaks =
        "(SELECT key AS id, hour, window_seconds, peak FROM nexakey.peaks"
        " UNION ALL SELECT u.key, u.peak_hour, w.seconds, w.peak FROM nexakey.last_uses AS u"
        " CROSS JOIN LATERAL (SELECT 60, u.peak UNION ALL"
        " SELECT * FROM unnest(u.peak_windows, u.window_peaks)) AS w (seconds, peak)"
        " WHERE w.seconds IS NOT NULL) AS keys",
    .hour = "day::bigint * 24 + hour",
    .since = "usage.day >= $1::bigint / 24 AND usage.day::bigint * 24 + hour >= ",
    .is_before = "old.day < ",
    .endpoint = "endpoint",
    .least = "least",
    .elements = "SELECT json_array_elements_text(",
    .by_bytes = " COLLATE \"C\""};

namespace {

/// By functions, which a role that only verifies may call.
const std::string kFindTokensByHash =
    "SELECT " + sql::list(kTokenColumns, "token.") +
    " FROM unnest($1::bytea[]) AS wanted (hash), nexakey.find_token(wanted.hash, $2) AS token";
const std::string kTrusts =
    "SELECT " + sql::list(kTokenColumns, "token.") + " FROM nexakey.trusts($1) AS token";
const std::string kSetLastUsed = "SELECT nexakey.import_uses($1, $2, $3)";
const std::string kCountQuotasAnew = "SELECT nexakey.import_uses($1, '{}', '{}')";
const std::string kAuditHead = "SELECT number, hash FROM nexakey.audit_log_head";
const std::string kLockAuditHead = kAuditHead + " FOR UPDATE";
const std::string kAuditPoint = "SELECT store, hash FROM nexakey.audit_point($1, $2)";
/// In place of the hour in a count of a day.
constexpr std::int64_t kWholeDay = -1;

const std::string kCounts =
    "SELECT least(coalesce((SELECT sum(least(u.requests, " + std::to_string(core::kMaxCount) +
    ")) FROM nexakey.usage_hours AS u WHERE u.key = wanted.key AND u.day = wanted.day"
    " AND u.endpoint = wanted.endpoint AND u.status = wanted.status"
    " AND wanted.hour IN (-1, u.hour)), 0)"
    " + coalesce((SELECT d.requests FROM nexakey.usage_days AS d WHERE wanted.hour = -1"
    " AND d.key = wanted.key AND d.day = wanted.day AND d.endpoint = wanted.endpoint"
    " AND d.status = wanted.status), 0), " +
    std::to_string(core::kMaxCount) +
    ")::bigint FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::smallint[], $5::smallint[])"
    " WITH ORDINALITY AS wanted (key, day, endpoint, hour, status, nth) ORDER BY nth";
const std::string kSetCounts = "SELECT nexakey.import_usage($1, $2, $3, $4, $5, $6)";
const std::string kDeleteUsage = "SELECT nexakey.delete_usage($1, $2)";
const std::string kRemoveKeys = "SELECT nexakey.remove_keys($1)";
const std::string kFindTombstones =
    sql::select_tombstones(Statements::kDialect) + " WHERE id = ANY ($1) OR hash = ANY ($2)";
const std::string kFold = "SELECT nexakey.fold_usage($1, $2, $3)";

/// The columns by which a count is found.
Parameters columns_of(std::span<const KeyUsage> usage) {
  return Parameters()
      .add_column(usage, [](const KeyUsage& row) { return row.key.bits(); })
      .add_column(usage, [](const KeyUsage& row) { return days_of(row.hour); })
      .add_column(usage, &KeyUsage::endpoint)
      .add_column(usage,
                  [](const KeyUsage& row) {
                    return row.grain == core::Grain::day ? kWholeDay : hours_of(row.hour) % 24;
                  })
      .add_column(usage, [](const KeyUsage& row) { return std::int64_t{row.status}; });
}

}  // namespace

std::vector<Key> PostgresTables::find_by_either(std::span<const core::KeyId> ids,
                                                std::span<const core::KeyHash> hashes) {
  static const std::string text =
      sql::find_keys(Statements::kDialect, "keys.id") + " OR hash = ANY ($2)";
  return read_all(statements().run(text, Parameters().add_array(ids).add_array(hashes)),
                  [](const ResultRow& row) { return read_key(row); });
}

// Quotas that are set or changed must count what was admitted without them, also by other keys of
// the line.
void PostgresTables::update(std::span<const Key> keys) {
  SqlTables::update(keys);
  std::vector<std::int64_t> limited;
  for (const Key& key : keys) {
    if (key.limits.has_quota()) {
      limited.push_back(key.id.bits());
    }
  }
  if (!limited.empty()) {
    statements().run(kCountQuotasAnew, Parameters().add_array(limited));
  }
}

void PostgresTables::set_last_used(std::span<const Key> keys) {
  std::vector<std::int64_t> used;
  std::vector<std::int64_t> times;
  std::vector<std::string> addresses;
  for (const Key& key : keys) {
    if (key.last_use.at) {
      used.push_back(key.id.bits());
      times.push_back(key.last_use.at->time_since_epoch().count());
      addresses.push_back(text_of(key.last_use.ip).value_or(""));
    }
  }
  if (!used.empty()) {
    statements().run(kSetLastUsed,
                     Parameters().add_array(used).add_array(times).add_array(addresses));
  }
}

std::vector<Token> PostgresTables::find_tokens(std::span<const core::CredentialHash> hashes) {
  return read_all(
      statements().run(kFindTokensByHash, Parameters().add_array(hashes).add(newest_schema())),
      [](const ResultRow& row) { return read_token(row); });
}

std::vector<Token> PostgresTables::trusts() {
  return read_all(statements().run(kTrusts, Parameters().add(newest_schema())),
                  [](const ResultRow& row) { return read_token(row); });
}

core::AuditHead PostgresTables::audit_head() {
  const Rows rows = statements().run(session_.is_changing() ? kLockAuditHead : kAuditHead);
  return rows.size() == 0 ? core::AuditHead() : read_audit_head(ResultRow(rows, 0));
}

AuditPoint PostgresTables::audit_point(std::int64_t number) {
  const Rows rows = statements().run(kAuditPoint, Parameters().add(number).add(newest_schema()));
  return read_audit_point(ResultRow(rows, 0));
}

void PostgresTables::append(std::span<const core::AuditEntry> entries) {
  if (entries.empty()) {
    return;
  }
  const auto rows = ColumnArrays::of(
      entries, [](const core::AuditEntry& entry, auto& sink) { write_audit_entry(entry, sink); });
  static const std::string sql = "WITH added AS (" + rows.insert_into(sql::kAuditLog) +
                                 " RETURNING number, hash)" +
                                 " UPDATE nexakey.audit_log_head AS head SET number = last.number,"
                                 " hash = last.hash FROM (SELECT number, hash FROM added"
                                 " ORDER BY number DESC LIMIT 1) AS last"
                                 " WHERE last.number > head.number";
  statements().run(sql, rows.parameters());
}

void PostgresTables::scan_usage(const std::optional<std::string>& workspace,
                                const std::function<bool(const KeyUsage&)>& visit) {
  const std::string keys = workspace ? " WHERE workspace = $1" : "";
  sql::Query query{"SELECT time, endpoint, status, requests, key, is_hour FROM (SELECT " +
                   std::string(Statements::kDialect.hour) +
                   " AS time, endpoint, status, requests, usage.key, 1 AS is_hour, day, created_at,"
                   " seq FROM " +
                   std::string(Statements::kDialect.hours) + keys +
                   " UNION ALL SELECT day::bigint * 24, endpoint, status, requests, usage.key, 0,"
                   " day, created_at, seq FROM " +
                   std::string(Statements::kDialect.days) + keys +
                   ") AS counts ORDER BY created_at, seq, day, is_hour, time,"
                   " endpoint COLLATE \"C\", status"};
  if (workspace) {
    query.values.emplace_back(*workspace);
  }
  statements().visit(
      query, [](const ResultRow& row) { return read_usage(row); }, visit);
}

std::vector<std::uint64_t> PostgresTables::counts_of(std::span<const KeyUsage> rows) {
  return read_all(statements().run(kCounts, columns_of(rows)),
                  [](const ResultRow& row) { return read_requests(row); });
}

void PostgresTables::set_counts(std::span<const KeyUsage> rows) {
  if (!rows.empty()) {
    statements().run(kSetCounts, columns_of(rows).add_column(rows, [](const KeyUsage& row) {
      return static_cast<std::int64_t>(row.requests);
    }));
  }
}

std::size_t PostgresTables::delete_usage(std::span<const core::KeyId> keys, std::size_t max_rows) {
  const Rows deleted = statements().run(
      kDeleteUsage, Parameters().add_array(keys).add(static_cast<std::int64_t>(max_rows)));
  return static_cast<std::size_t>(deleted.number(0, 0));
}

void PostgresTables::remove(std::span<const core::KeyId> ids) {
  statements().run(kRemoveKeys, Parameters().add_array(ids));
}

std::vector<core::Tombstone> PostgresTables::find_tombstones(std::span<const Key> keys) {
  return read_all(
      statements().run(kFindTombstones,
                       Parameters()
                           .add_column(keys, [](const Key& key) { return key.id.bits(); })
                           .add_column(keys, &Key::hash)),
      [](const ResultRow& row) { return read_tombstone(row); });
}

std::size_t PostgresTables::fold_usage(std::span<const core::KeyId> keys, core::Time cutoff,
                                       std::size_t max_rows) {
  std::vector<std::int64_t> ids;
  std::ranges::transform(keys, std::back_inserter(ids), &core::KeyId::bits);
  const Rows folded = statements().run(
      kFold,
      Parameters().add_array(ids).add(days_of(cutoff)).add(static_cast<std::int64_t>(max_rows)));
  return static_cast<std::size_t>(folded.number(0, 0));
}

}  // namespace nexakey::store::postgres
