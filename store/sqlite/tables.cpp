#include "store/sqlite/tables.h"

#include <chrono>

#include "store/columns.h"

namespace nexakey::store::sqlite {

using core::Key;
using core::KeyUsage;
using core::Token;

const sql::Dialect kDialect{.parameter = '?',
                            .schema = "",
                            .uses = "last_used ON last_used.key = keys.seq",
                            .last_at = "last_used.at",
                            .usage =
                                "keys JOIN usage ON usage.key = keys.seq JOIN endpoints"
                                " ON endpoints.id = usage.endpoint",
                            .hour = "usage.hour",
                            .since = "usage.hour >= ",
                            .endpoint = "endpoints.text",
                            .least = "min",
                            .elements = "SELECT value FROM json_each("};

namespace {

/// Collects the columns that `write` writes of a thing.
template <typename T, typename Write>
std::vector<std::string_view> columns_of(const Write& write) {
  std::vector<std::string_view> names;
  write(T(), [&](std::string_view name, const auto& /*value*/) { names.push_back(name); });
  return names;
}

/// INSERT of the columns that `write` writes.
template <typename T, typename Write>
std::string insert_into(const char* table, const Write& write) {
  const auto names = columns_of<T>(write);
  const std::vector<std::string_view> marks(names.size(), "?");
  return std::string("INSERT INTO ") + table + " (" + sql::list(names) + ") VALUES (" +
         sql::list(marks) + ")";
}

/// UPDATE of the columns that `write` writes; the id is the last parameter.
template <typename T, typename Write>
std::string update_of(const char* table, const Write& write) {
  std::string sql = std::string("UPDATE ") + table + " SET ";
  const char* separator = "";
  for (const std::string_view name : columns_of<T>(write)) {
    sql += separator + std::string(name) + " = ?";
    separator = ", ";
  }
  return sql + " WHERE id = ?";
}

// The writers of store/columns.h as objects, which can be passed on.
constexpr auto kWriteKey = [](const Key& key, auto&& sink) { write_key(key, sink); };
constexpr auto kWriteChangeable = [](const Key& key, auto&& sink) { write_changeable(key, sink); };
constexpr auto kWriteRevocation = [](const Key& key, auto&& sink) { write_revocation(key, sink); };
constexpr auto kWriteToken = [](const Token& token, auto&& sink) { write_token(token, sink); };
constexpr auto kWriteAudit = [](const core::AuditEntry& entry, auto&& sink) {
  write_audit_entry(entry, sink);
};

const std::string kFindKey = sql::select_keys(kDialect) + " WHERE keys.id = ?";
const std::string kFindKeyByHash = sql::select_keys(kDialect) + " WHERE hash = ?";
const std::string kInsertKey = insert_into<Key>("keys", kWriteKey);
const std::string kUpdateKey = update_of<Key>("keys", kWriteChangeable);
const std::string kRevokeKey = update_of<Key>("keys", kWriteRevocation);
const std::string kSetLastUsed =
    "INSERT INTO last_used (key, at) SELECT seq, ?2 FROM keys WHERE id = ?1"
    " ON CONFLICT DO UPDATE SET at = excluded.at";

const std::string kFindToken = sql::select_tokens(kDialect) + " WHERE id = ?";
const std::string kFindTokenByHash = sql::select_tokens(kDialect) + " WHERE hash = ?";
const std::string kInsertToken = insert_into<Token>("tokens", kWriteToken);
const std::string kRevokeToken = "UPDATE tokens SET revoked_at = ? WHERE id = ?";

const std::string kAuditHead = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1";
const std::string kAppend = insert_into<core::AuditEntry>("audit", kWriteAudit);

const std::string kUsageOfKey =
    "SELECT hour, text, status, requests, ?2 FROM usage"
    " JOIN endpoints ON endpoints.id = usage.endpoint WHERE key = ?1 ORDER BY hour, text, status";
const std::string kCount =
    "SELECT requests FROM keys JOIN usage ON usage.key = keys.seq"
    " JOIN endpoints ON endpoints.id = usage.endpoint"
    " WHERE keys.id = ? AND hour = ? AND text = ? AND status = ?";
const std::string kSetCount =
    "INSERT INTO usage (key, hour, endpoint, status, requests)"
    " SELECT seq, ?2, ?3, ?4, ?5 FROM keys WHERE id = ?1"
    " ON CONFLICT DO UPDATE SET requests = excluded.requests";
const std::string kFindEndpoint = "SELECT id FROM endpoints WHERE text = ?";
const std::string kAddEndpoint = "INSERT INTO endpoints (text) VALUES (?)";

std::int64_t hour_of(const KeyUsage& usage) {
  return std::chrono::floor<std::chrono::hours>(usage.hour.time_since_epoch()).count();
}

/// Reads the rows of a statement until `visit` returns false.
template <typename Read, typename Visit>
void visit_rows(SQLite::Statement statement, const Read& read, const Visit& visit) {
  const StatementRow row(statement);
  while (statement.executeStep() && visit(read(row))) {
  }
}

constexpr auto kReadKey = [](const StatementRow& row) { return read_key(row); };
constexpr auto kReadToken = [](const StatementRow& row) { return read_token(row); };

/// What one statement finds for each of some ids or hashes.
template <typename T, typename Wanted, typename Read>
std::vector<T> find_each(SQLite::Statement& statement, std::span<const Wanted> wanted,
                         const Read& read) {
  std::vector<T> found;
  for (const Wanted& one : wanted) {
    Binder(statement).add(one);
    if (statement.executeStep()) {
      found.push_back(read(StatementRow(statement)));
    }
  }
  statement.reset();
  return found;
}

/// Runs one statement for each of some things, with the parameters that `write` writes.
template <typename T, typename Write>
void run_each(SQLite::Statement& statement, std::span<const T> things, const Write& write) {
  for (const T& thing : things) {
    Binder binder(statement);
    write(thing, binder);
    statement.exec();
  }
}

/// The same for an UPDATE: the id comes last.
template <typename T, typename Write>
void update_each(SQLite::Statement& statement, std::span<const T> things, const Write& write) {
  run_each(statement, things, [&](const T& thing, Binder& binder) {
    write(thing, binder);
    binder.add(thing.id);
  });
}

}  // namespace

SQLite::Statement& SqliteTables::statement(const std::string& sql) {
  const auto known = statements_.find(&sql);
  return known != statements_.end()
             ? known->second
             : statements_.emplace(&sql, SQLite::Statement(connection_, sql)).first->second;
}

std::vector<Key> SqliteTables::find_keys(std::span<const core::KeyId> ids) {
  return find_each<Key>(statement(kFindKey), ids, kReadKey);
}

std::vector<Key> SqliteTables::find_keys(std::span<const core::KeyHash> hashes) {
  return find_each<Key>(statement(kFindKeyByHash), hashes, kReadKey);
}

void SqliteTables::scan_keys(const core::KeyFilter& filter, const std::optional<core::KeyId>& after,
                             Order order, const std::function<bool(const Key&)>& visit) {
  visit_rows(prepare(connection_, sql::scan_keys(kDialect, filter, after, order)), kReadKey, visit);
}

void SqliteTables::insert(std::span<const Key> keys) {
  run_each(statement(kInsertKey), keys, kWriteKey);
  set_last_used(keys);
}

void SqliteTables::update(std::span<const Key> keys) {
  update_each(statement(kUpdateKey), keys, kWriteChangeable);
}

void SqliteTables::revoke(std::span<const Key> keys) {
  update_each(statement(kRevokeKey), keys, kWriteRevocation);
}

void SqliteTables::set_last_used(std::span<const Key> keys) {
  for (const Key& key : keys) {
    if (key.last_used_at) {
      auto& set = statement(kSetLastUsed);
      Binder(set).add(key.id).add(key.last_used_at);
      set.exec();
    }
  }
}

std::vector<std::string> SqliteTables::workspaces() {
  SQLite::Statement rows(connection_, "SELECT DISTINCT workspace FROM keys ORDER BY workspace");
  std::vector<std::string> names;
  while (rows.executeStep()) {
    names.push_back(rows.getColumn(0).getString());
  }
  return names;
}

std::vector<Token> SqliteTables::find_tokens(std::span<const core::TokenId> ids) {
  return find_each<Token>(statement(kFindToken), ids, kReadToken);
}

std::vector<Token> SqliteTables::find_tokens(std::span<const core::CredentialHash> hashes) {
  return find_each<Token>(statement(kFindTokenByHash), hashes, kReadToken);
}

void SqliteTables::scan_tokens(const std::optional<std::string>& workspace, Order order,
                               const std::function<bool(const Token&)>& visit) {
  visit_rows(prepare(connection_, sql::scan_tokens(kDialect, workspace, order)), kReadToken, visit);
}

void SqliteTables::insert(std::span<const Token> tokens) {
  run_each(statement(kInsertToken), tokens, kWriteToken);
}

void SqliteTables::revoke(std::span<const Token> tokens) {
  update_each(statement(kRevokeToken), tokens,
              [](const Token& token, Binder& binder) { binder.add(token.revoked_at); });
}

core::AuditHead SqliteTables::audit_head() {
  auto& head = statement(kAuditHead);
  head.reset();
  const core::AuditHead found =
      head.executeStep() ? read_audit_head(StatementRow(head)) : core::AuditHead();
  head.reset();
  return found;
}

void SqliteTables::scan_audit(const core::AuditFilter& filter,
                              const std::function<bool(const core::AuditEntry&)>& visit) {
  visit_rows(
      prepare(connection_, sql::scan_audit(kDialect, filter)),
      [](const StatementRow& row) { return read_audit_entry(row); }, visit);
}

void SqliteTables::append(std::span<const core::AuditEntry> entries) {
  run_each(statement(kAppend), entries, kWriteAudit);
}

void SqliteTables::sum_usage(const core::UsageQuery& query, core::Time first_hour,
                             const std::function<void(const core::UsageRow&)>& visit) {
  connection_.exec("PRAGMA temp_store = MEMORY");
  auto rows = prepare(connection_, sql::sum_usage(kDialect, query, first_hour));
  while (rows.executeStep()) {
    visit(read_count(StatementRow(rows)));
  }
}

void SqliteTables::scan_usage(const std::optional<std::string>& workspace,
                              const std::function<bool(const KeyUsage&)>& visit) {
  SQLite::Statement keys(connection_, std::string("SELECT seq, id FROM keys ") +
                                          (workspace ? "WHERE workspace = ? " : "") +
                                          "ORDER BY created_at, seq");
  if (workspace) {
    keys.bind(1, *workspace);
  }
  auto& rows = statement(kUsageOfKey);
  while (keys.executeStep()) {
    Binder(rows).add(keys.getColumn(0).getInt64()).add(keys.getColumn(1).getInt64());
    while (rows.executeStep()) {
      if (!visit(read_usage(StatementRow(rows)))) {
        rows.reset();
        return;
      }
    }
  }
  rows.reset();
}

std::vector<std::uint64_t> SqliteTables::counts_of(std::span<const KeyUsage> rows) {
  auto& find = statement(kCount);
  std::vector<std::uint64_t> counts;
  for (const KeyUsage& row : rows) {
    Binder(find)
        .add(row.key)
        .add(hour_of(row))
        .add(std::string_view(row.endpoint))
        .add(std::int64_t{row.status});
    counts.push_back(find.executeStep() ? read_requests(StatementRow(find)) : 0);
  }
  find.reset();
  return counts;
}

void SqliteTables::set_counts(std::span<const KeyUsage> rows) {
  auto& set = statement(kSetCount);
  for (const KeyUsage& row : rows) {
    const std::int64_t endpoint = endpoint_id(row.endpoint);
    Binder(set)
        .add(row.key)
        .add(hour_of(row))
        .add(endpoint)
        .add(std::int64_t{row.status})
        .add(static_cast<std::int64_t>(row.requests));
    set.exec();
  }
}

std::int64_t SqliteTables::endpoint_id(const std::string& endpoint) {
  auto& find = statement(kFindEndpoint);
  Binder(find).add(std::string_view(endpoint));
  if (find.executeStep()) {
    const std::int64_t id = find.getColumn(0).getInt64();
    find.reset();
    return id;
  }
  auto& add = statement(kAddEndpoint);
  Binder(add).add(std::string_view(endpoint));
  add.exec();
  return connection_.getLastInsertRowid();
}

void SqliteTables::put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                            core::Time now) {
  SQLite::Statement put(connection_,
                        "INSERT OR REPLACE INTO import_parts (import, number, staged_at, lines)"
                        " VALUES (?, ?, ?, ?)");
  Binder(put).add(id).add(std::int64_t{number}).add(now).add_bytes(lines);
  put.exec();
}

std::optional<std::string> SqliteTables::find_part(core::ImportId id, std::uint32_t number) {
  SQLite::Statement part(connection_,
                         "SELECT lines FROM import_parts WHERE import = ? AND number = ?");
  Binder(part).add(id).add(std::int64_t{number});
  return part.executeStep() ? std::optional(part.getColumn(0).getString()) : std::nullopt;
}

void SqliteTables::delete_parts(core::ImportId id) {
  SQLite::Statement remove(connection_, "DELETE FROM import_parts WHERE import = ?");
  Binder(remove).add(id);
  remove.exec();
}

void SqliteTables::delete_parts_before(core::Time time) {
  SQLite::Statement remove(connection_, "DELETE FROM import_parts WHERE staged_at < ?");
  Binder(remove).add(time);
  remove.exec();
}

}  // namespace nexakey::store::sqlite
