#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {

using core::Key;
using core::KeyUsage;

const sql::Dialect Statements::kDialect{
    .parameter = '?',
    .is_wanted = " = ?",
    .schema = "",
    .used_key = "keys.seq",
    .usage =
        "api_keys AS keys JOIN usage_hours AS usage ON usage.key = keys.seq JOIN endpoints"
        " ON endpoints.id = usage.endpoint",
    .hour = "usage.hour",
    .since = "usage.hour >= ",
    .endpoint = "endpoints.text",
    .least = "min",
    .elements = "SELECT value FROM json_each(",
    .by_bytes = ""};

namespace {

const std::string kSetLastUsed =
    "INSERT INTO last_uses (key, last_at, last_ip) SELECT seq, ?2, ?3 FROM api_keys WHERE id = ?1"
    " ON CONFLICT DO UPDATE SET last_at = excluded.last_at, last_ip = excluded.last_ip";

const std::string kAuditHead = "SELECT number, hash FROM audit_log ORDER BY number DESC LIMIT 1";

const std::string kUsageOfKey =
    "SELECT hour, text, status, requests, ?2 FROM usage_hours AS usage"
    " JOIN endpoints ON endpoints.id = usage.endpoint WHERE key = ?1 ORDER BY hour, text, status";
const std::string kCount =
    "SELECT requests FROM api_keys AS keys JOIN usage_hours AS usage ON usage.key = keys.seq"
    " JOIN endpoints ON endpoints.id = usage.endpoint"
    " WHERE keys.id = ? AND hour = ? AND text = ? AND status = ?";
const std::string kSetCount =
    "INSERT INTO usage_hours (key, hour, endpoint, status, requests)"
    " SELECT seq, ?2, ?3, ?4, ?5 FROM api_keys WHERE id = ?1"
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

void SqliteTables::scan_usage(const std::optional<std::string>& workspace,
                              const std::function<bool(const KeyUsage&)>& visit) {
  SQLite::Statement keys(connection_, std::string("SELECT seq, id FROM api_keys ") +
                                          (workspace ? "WHERE workspace = ? " : "") +
                                          "ORDER BY created_at, seq");
  if (workspace) {
    keys.bind(1, *workspace);
  }
  auto& rows = statements().kept(kUsageOfKey);
  const auto read = [](const StatementRow& row) { return read_usage(row); };
  bool goes_on = true;
  while (goes_on && keys.executeStep()) {
    Binder(rows).add(keys.getColumn(0).getInt64()).add(keys.getColumn(1).getInt64());
    goes_on = visit_rows(rows, read, visit);
  }
  rows.reset();
}

std::vector<std::uint64_t> SqliteTables::counts_of(std::span<const KeyUsage> rows) {
  auto& find = statements().kept(kCount);
  std::vector<std::uint64_t> counts;
  for (const KeyUsage& row : rows) {
    Binder(find)
        .add(row.key)
        .add(hours_of(row.hour))
        .add(std::string_view(row.endpoint))
        .add(std::int64_t{row.status});
    counts.push_back(find.executeStep() ? read_requests(StatementRow(find)) : 0);
  }
  find.reset();
  return counts;
}

void SqliteTables::set_counts(std::span<const KeyUsage> rows) {
  auto& set = statements().kept(kSetCount);
  for (const KeyUsage& row : rows) {
    const std::int64_t endpoint = endpoint_id(row.endpoint);
    Binder(set)
        .add(row.key)
        .add(hours_of(row.hour))
        .add(endpoint)
        .add(std::int64_t{row.status})
        .add(static_cast<std::int64_t>(row.requests));
    set.exec();
  }
}

std::int64_t SqliteTables::endpoint_id(const std::string& endpoint) {
  auto& find = statements().kept(kFindEndpoint);
  Binder(find).add(std::string_view(endpoint));
  if (find.executeStep()) {
    const std::int64_t id = find.getColumn(0).getInt64();
    find.reset();
    return id;
  }
  auto& add = statements().kept(kAddEndpoint);
  Binder(add).add(std::string_view(endpoint));
  add.exec();
  return connection_.getLastInsertRowid();
}

}  // namespace nexakey::store::sqlite
