#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {

using core::Grain;
using core::Key;
using core::KeyUsage;

const sql::Dialect Statements::kDialect{
    .parameter = '?',
    .is_wanted = " = ?",
    .schema = "",
    .used_key = "keys.seq",
    .hours =
        "api_keys AS keys JOIN usage_hours AS usage ON usage.key = keys.seq JOIN endpoints"
        " ON endpoints.id = usage.endpoint",
    .days =
        "api_keys AS keys JOIN usage_days AS usage ON usage.key = keys.seq JOIN endpoints"
        " ON endpoints.id = usage.endpoint",
    .totals = "usage_totals AS usage JOIN endpoints ON endpoints.id = usage.endpoint",
    .peaks =
        "(SELECT keys.id, hour, window_seconds, peak FROM api_keys AS keys"
        " JOIN peaks ON peaks.key = keys.seq"
        " UNION ALL"
        " SELECT keys.id, peak_hour, CAST(last.key AS INTEGER), last.value FROM api_keys AS keys"
        " JOIN last_uses ON last_uses.key = keys.seq,"
        " json_each(iif(json_valid(hour_peaks), hour_peaks, '{}')) AS last"
        " WHERE last.type = 'integer') AS keys",
    .hour = "usage.hour",
    .since = "usage.hour >= ",
    .is_before = "old.hour < 24 * ",
    .endpoint = "endpoints.text",
    .least = "min",
    .elements = "SELECT value FROM json_each(",
    .by_bytes = ""};

namespace {

const std::string kSetLastUsed =
    "INSERT INTO last_uses (key, last_at, last_ip) SELECT seq, ?2, ?3 FROM api_keys WHERE id = ?1"
    " ON CONFLICT DO UPDATE SET last_at = excluded.last_at, last_ip = excluded.last_ip";

const std::string kAuditHead = "SELECT number, hash FROM audit_log ORDER BY number DESC LIMIT 1";

const std::string kAuditPoint =
    "SELECT id, (SELECT hash FROM audit_log WHERE number = ?) FROM store";

const std::string kCount =
    "SELECT requests FROM api_keys AS keys JOIN usage_hours AS usage ON usage.key = keys.seq"
    " JOIN endpoints ON endpoints.id = usage.endpoint"
    " WHERE keys.id = ? AND hour = ? AND text = ? AND status = ?";
const std::string kMaxRequests = std::to_string(core::kMaxCount);
const std::string kCountOfDay =
    "SELECT coalesce((SELECT sum(min(max(requests, 0), " + kMaxRequests +
    ")) FROM usage_hours WHERE key = seq AND hour BETWEEN 24 * ?2 AND 24 * ?2 + 23"
    " AND endpoint = endpoints.id AND status = ?4), 0)"
    " + coalesce((SELECT min(max(requests, 0), " +
    kMaxRequests +
    ") FROM usage_days WHERE key = seq AND day = ?2 AND endpoint = endpoints.id AND status = ?4), "
    "0)"
    " FROM api_keys, endpoints WHERE api_keys.id = ?1 AND text = ?3";
const std::string kFindSeq = "SELECT seq FROM api_keys WHERE id = ?";
const std::string kDropHoursOfDay =
    "DELETE FROM usage_hours WHERE key = ?1 AND hour BETWEEN 24 * ?2 AND 24 * ?2 + 23"
    " AND endpoint = ?3 AND status = ?4";
// INSERT of a SELECT would fill a temporary table first, because the tables have triggers.
const std::string kSetCountOfDay =
    "INSERT INTO usage_days (key, day, endpoint, status, requests) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET requests = excluded.requests";
const std::string kSetCount =
    "INSERT INTO usage_hours (key, hour, endpoint, status, requests) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET requests = excluded.requests";
const std::string kFindEndpoint = "SELECT id FROM endpoints WHERE text = ?";
const std::string kAddEndpoint = "INSERT INTO endpoints (text) VALUES (?)";

}  // namespace

void SqliteTables::set_last_used(std::span<const Key> keys) {
  for (const Key& key : keys) {
    if (key.last_use.at) {
      auto& set = statements().kept(kSetLastUsed);
      Binder(set).add(key.id).add(key.last_use.at).add(text_of(key.last_use.ip));
      set.exec();
    }
  }
}

core::AuditHead SqliteTables::audit_head() {
  auto& head = statements().kept(kAuditHead);
  head.reset();
  const core::AuditHead found =
      head.executeStep() ? read_audit_head(StatementRow(head)) : core::AuditHead();
  head.reset();
  return found;
}

AuditPoint SqliteTables::audit_point(std::int64_t number) {
  auto& select = statements().kept(kAuditPoint);
  Binder(select).add(number);
  AuditPoint point;
  if (select.executeStep()) {
    const StatementRow row(select);
    point = read_audit_point(row);
  }
  select.reset();
  return point;
}

void SqliteTables::scan_usage(const std::optional<std::string>& workspace,
                              const std::function<bool(const KeyUsage&)>& visit) {
  // CROSS JOIN keeps the order of an index on the keys, so that only the counts of one key have to
  // be sorted at a time.
  const auto select = [&](std::string_view columns, std::string_view table) {
    return "SELECT " + std::string(columns) +
           ", created_at, seq FROM api_keys AS keys CROSS JOIN " + std::string(table) +
           " AS usage ON usage.key = keys.seq JOIN endpoints ON endpoints.id = usage.endpoint" +
           (workspace ? " WHERE workspace = ?1" : "");
  };
  sql::Query query{
      select("24 * day AS time, text, status, requests, keys.id, 0 AS is_hour, day", "usage_days") +
      " UNION ALL " + select("hour, text, status, requests, keys.id, 1, hour / 24", "usage_hours") +
      " ORDER BY created_at, seq, day, is_hour, time, text, status"};
  if (workspace) {
    query.values.emplace_back(*workspace);
  }
  statements().visit(
      query, [](const StatementRow& row) { return read_usage(row); }, visit);
}

std::vector<std::uint64_t> SqliteTables::counts_of(std::span<const KeyUsage> rows) {
  std::vector<std::uint64_t> counts;
  for (const KeyUsage& row : rows) {
    auto& find = statements().kept(row.grain == Grain::day ? kCountOfDay : kCount);
    Binder(find)
        .add(row.key)
        .add(row.grain == Grain::day ? days_of(row.hour) : hours_of(row.hour))
        .add(std::string_view(row.endpoint))
        .add(std::int64_t{row.status});
    counts.push_back(find.executeStep() ? read_requests(StatementRow(find)) : 0);
    find.reset();
  }
  return counts;
}

void SqliteTables::set_counts(std::span<const KeyUsage> rows) {
  for (const KeyUsage& row : rows) {
    const auto key = first_number(kFindSeq, row.key);
    if (!key) {
      continue;
    }
    const std::int64_t endpoint = endpoint_id(row.endpoint);
    const bool is_day = row.grain == Grain::day;
    if (is_day) {
      auto& drop = statements().kept(kDropHoursOfDay);
      Binder(drop).add(*key).add(days_of(row.hour)).add(endpoint).add(std::int64_t{row.status});
      drop.exec();
    }
    auto& set = statements().kept(is_day ? kSetCountOfDay : kSetCount);
    Binder(set)
        .add(*key)
        .add(is_day ? days_of(row.hour) : hours_of(row.hour))
        .add(endpoint)
        .add(std::int64_t{row.status})
        .add(static_cast<std::int64_t>(row.requests));
    set.exec();
  }
}

template <typename Wanted>
std::optional<std::int64_t> SqliteTables::first_number(const std::string& sql,
                                                       const Wanted& wanted) {
  auto& find = statements().kept(sql);
  Binder(find).add(wanted);
  std::optional<std::int64_t> number;
  if (find.executeStep()) {
    number = find.getColumn(0).getInt64();
  }
  find.reset();
  return number;
}

std::int64_t SqliteTables::endpoint_id(const std::string& endpoint) {
  if (const auto known = first_number(kFindEndpoint, std::string_view(endpoint))) {
    return *known;
  }
  auto& add = statements().kept(kAddEndpoint);
  Binder(add).add(std::string_view(endpoint));
  add.exec();
  return connection_.getLastInsertRowid();
}

}  // namespace nexakey::store::sqlite
