#include "store/postgres/import_rows.h"

#include <algorithm>
#include <unordered_map>

#include "store/postgres/audit_rows.h"
#include "store/postgres/key_rows.h"
#include "store/postgres/token_rows.h"

namespace nexakey::store::postgres {
namespace {

using core::Key;
using core::KeyUsage;
using core::Token;

constexpr std::chrono::hours kMaxStay{24};

std::int64_t bits_of(const KeyUsage& usage) { return usage.key.bits(); }

std::int64_t day_of(const KeyUsage& usage) {
  return std::chrono::floor<std::chrono::days>(usage.hour).time_since_epoch().count();
}

std::int64_t hour_of(const KeyUsage& usage) {
  return std::chrono::floor<std::chrono::hours>(usage.hour).time_since_epoch().count() % 24;
}

std::int64_t status_of(const KeyUsage& usage) { return usage.status; }

/// The columns by which a count is found.
Parameters columns_of(std::span<const KeyUsage> usage) {
  Parameters parameters;
  parameters.add_column(usage, bits_of)
      .add_column(usage, day_of)
      .add_column(usage, &KeyUsage::endpoint)
      .add_column(usage, hour_of)
      .add_column(usage, status_of);
  return parameters;
}

}  // namespace

PostgresImportRows::PostgresImportRows(Connection& connection) : connection_(connection) {
  // The tables grow while statistics and plans are those of empty ones: no plan may read them
  // whole.
  connection.execute(
      "SET CONSTRAINTS ALL DEFERRED; SET LOCAL plan_cache_mode = force_custom_plan;"
      " SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
      " SET LOCAL enable_mergejoin = off");
}

std::vector<std::optional<Token>> PostgresImportRows::find(std::span<const Token> tokens) {
  std::vector<std::optional<Token>> found;
  for (const Token& token : tokens) {
    auto same = find_token(connection_, token.id);
    found.push_back(same ? std::move(same) : find_token(connection_, token.hash));
  }
  return found;
}

std::vector<std::optional<Key>> PostgresImportRows::find(std::span<const Key> keys) {
  const std::vector<Key> alike = find_alike(connection_, keys);
  std::unordered_map<std::int64_t, const Key*> by_id;
  std::map<core::KeyHash, const Key*> by_hash;
  for (const Key& key : alike) {
    by_id.emplace(key.id.bits(), &key);
    by_hash.emplace(key.hash, &key);
  }
  std::vector<std::optional<Key>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const auto same = by_id.find(keys[i].id.bits()); same != by_id.end()) {
      found[i] = *same->second;
    } else if (const auto twin = by_hash.find(keys[i].hash); twin != by_hash.end()) {
      found[i] = *twin->second;
    }
  }
  return found;
}

std::vector<std::uint64_t> PostgresImportRows::find(std::span<const KeyUsage> usage) {
  const Rows rows = connection_.run(
      "SELECT coalesce(requests, 0) FROM unnest($1::bigint[], $2::integer[], $3::text[],"
      " $4::smallint[], $5::smallint[])"
      " WITH ORDINALITY AS wanted (key, day, endpoint, hour, status, nth)"
      " LEFT JOIN nexakey.usage USING (key, day, endpoint, hour, status) ORDER BY nth",
      columns_of(usage));
  std::vector<std::uint64_t> found;
  for (int row = 0; row < rows.size(); ++row) {
    found.push_back(static_cast<std::uint64_t>(rows.number(row, 0, 0, INT64_MAX)));
  }
  return found;
}

void PostgresImportRows::insert(std::span<const Token> tokens) {
  for (const Token& token : tokens) {
    insert_token(connection_, token);
  }
}

void PostgresImportRows::insert(std::span<const Key> keys) {
  if (!keys.empty()) {
    insert_keys(connection_, keys);
    set_last_used(keys);
  }
}

void PostgresImportRows::set_last_used(std::span<const Key> keys) {
  std::vector<std::int64_t> used;
  std::vector<std::int64_t> times;
  for (const Key& key : keys) {
    if (key.last_used_at) {
      used.push_back(key.id.bits());
      times.push_back(key.last_used_at->time_since_epoch().count());
    }
  }
  if (!used.empty()) {
    connection_.run("SELECT nexakey.import_uses($1, $2)",
                    Parameters().add_array(used).add_array(times));
  }
}

void PostgresImportRows::set(std::span<const KeyUsage> usage) {
  if (!usage.empty()) {
    connection_.run("SELECT nexakey.import_usage($1, $2, $3, $4, $5, $6)",
                    columns_of(usage).add_column(usage, [](const KeyUsage& row) {
                      return static_cast<std::int64_t>(row.requests);
                    }));
  }
}

core::AuditHead PostgresImportRows::audit_head() { return find_audit_head(connection_); }

std::optional<core::Sha256> PostgresImportRows::find_audit_hash(std::int64_t number) {
  return postgres::find_audit_hash(connection_, number);
}

void PostgresImportRows::append(std::span<const core::AuditEntry> entries) {
  insert_audit(connection_, entries);
}

void PostgresImportRows::finish() { connection_.execute_long("SET CONSTRAINTS ALL IMMEDIATE"); }

void stage_part(Connection& connection, core::ImportId id, std::uint32_t number,
                std::string_view lines, core::Time now) {
  connection.run("DELETE FROM nexakey.import_parts WHERE staged_at < $1",
                 Parameters().add(std::optional(now - kMaxStay)));
  connection.run(
      "INSERT INTO nexakey.import_parts (import, number, staged_at, lines)"
      " VALUES ($1, $2, $3, $4) ON CONFLICT (import, number)"
      " DO UPDATE SET staged_at = excluded.staged_at, lines = excluded.lines",
      Parameters()
          .add(id.bits())
          .add(std::int64_t{number})
          .add(std::optional(now))
          .add_bytes(lines));
}

std::optional<std::string> find_part(Connection& connection, core::ImportId id,
                                     std::uint32_t number) {
  const Rows rows =
      connection.run("SELECT lines FROM nexakey.import_parts WHERE import = $1 AND number = $2",
                     Parameters().add(id.bits()).add(std::int64_t{number}));
  return rows.size() == 0 ? std::nullopt : std::optional(rows.bytes(0, 0));
}

void delete_parts(Connection& connection, core::ImportId id) {
  connection.run("DELETE FROM nexakey.import_parts WHERE import = $1", Parameters().add(id.bits()));
}

}  // namespace nexakey::store::postgres
