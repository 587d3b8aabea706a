#include "store/sqlite/import_rows.h"

#include "store/sqlite/audit_rows.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/token_rows.h"

namespace nexakey::store::sqlite {
namespace {

using core::Key;
using core::KeyUsage;
using core::Token;

constexpr std::chrono::hours kMaxStay{24};

std::int64_t hour_of(const KeyUsage& usage) {
  return std::chrono::floor<std::chrono::hours>(usage.hour.time_since_epoch()).count();
}

}  // namespace

SqliteImportRows::SqliteImportRows(Database& database)
    : database_(database),
      find_by_id_(database.connection(), kSelectKeys + "WHERE keys.id = ?"),
      find_by_hash_(database.connection(), kSelectKeys + "WHERE hash = ?"),
      find_usage_(database.connection(),
                  "SELECT requests FROM keys JOIN usage ON usage.key = keys.seq"
                  " JOIN endpoints ON endpoints.id = usage.endpoint"
                  " WHERE keys.id = ? AND hour = ? AND text = ? AND status = ?"),
      find_endpoint_(database.connection(), "SELECT id FROM endpoints WHERE text = ?"),
      add_endpoint_(database.connection(), "INSERT INTO endpoints (text) VALUES (?)"),
      set_usage_(database.connection(),
                 "INSERT INTO usage (key, hour, endpoint, status, requests)"
                 " SELECT seq, ?2, ?3, ?4, ?5 FROM keys WHERE id = ?1"
                 " ON CONFLICT DO UPDATE SET requests = excluded.requests"),
      set_last_used_(database.connection(),
                     "INSERT INTO last_used (key, at) SELECT seq, ?2 FROM keys WHERE id = ?1"
                     " ON CONFLICT DO UPDATE SET at = excluded.at") {
  // What grows is not to leave memory before the commit: others wait for that.
  database.connection().exec("PRAGMA defer_foreign_keys = ON; PRAGMA cache_size = -131072");
}

SqliteImportRows::~SqliteImportRows() {
  database_.connection().tryExec("PRAGMA cache_size = -2000");  // as it was
}

std::vector<std::optional<Token>> SqliteImportRows::find(std::span<const Token> tokens) {
  std::vector<std::optional<Token>> found;
  for (const Token& token : tokens) {
    auto same = find_token(database_, token.id);
    found.push_back(same ? std::move(same) : find_token(database_, token.hash));
  }
  return found;
}

std::vector<std::optional<Key>> SqliteImportRows::find(std::span<const Key> keys) {
  std::vector<std::optional<Key>> found;
  for (const Key& key : keys) {
    find_by_id_.reset();
    find_by_id_.bind(1, static_cast<int64_t>(key.id.bits()));
    find_by_hash_.reset();
    bind_hash(find_by_hash_, 1, key.hash);
    auto& same = found.emplace_back();
    for (SQLite::Statement* const query : {&find_by_id_, &find_by_hash_}) {
      if (!same && query->executeStep()) {
        same = read_key(*query);
      }
      query->reset();
    }
  }
  return found;
}

std::vector<std::uint64_t> SqliteImportRows::find(std::span<const KeyUsage> usage) {
  std::vector<std::uint64_t> found;
  for (const KeyUsage& row : usage) {
    find_usage_.reset();
    find_usage_.bind(1, static_cast<int64_t>(row.key.bits()));
    find_usage_.bind(2, static_cast<int64_t>(hour_of(row)));
    find_usage_.bind(3, row.endpoint);
    find_usage_.bind(4, row.status);
    found.push_back(find_usage_.executeStep()
                        ? static_cast<std::uint64_t>(find_usage_.getColumn(0).getInt64())
                        : 0);
  }
  find_usage_.reset();
  return found;
}

void SqliteImportRows::insert(std::span<const Token> tokens) {
  for (const Token& token : tokens) {
    insert_token(database_, token);
  }
}

void SqliteImportRows::insert(std::span<const Key> keys) {
  KeyInserter inserter(database_);
  for (const Key& key : keys) {
    inserter.insert(key);
  }
  set_last_used(keys);
}

void SqliteImportRows::set_last_used(std::span<const Key> keys) {
  for (const Key& key : keys) {
    if (key.last_used_at) {
      set_last_used_.reset();
      set_last_used_.bind(1, static_cast<int64_t>(key.id.bits()));
      bind_time(set_last_used_, 2, key.last_used_at);
      set_last_used_.exec();
    }
  }
}

void SqliteImportRows::set(std::span<const KeyUsage> usage) {
  for (const KeyUsage& row : usage) {
    set_usage_.reset();
    set_usage_.bind(1, static_cast<int64_t>(row.key.bits()));
    set_usage_.bind(2, static_cast<int64_t>(hour_of(row)));
    set_usage_.bind(3, static_cast<int64_t>(endpoint_id(row.endpoint)));
    set_usage_.bind(4, row.status);
    set_usage_.bind(5, static_cast<int64_t>(row.requests));
    set_usage_.exec();
  }
}

core::AuditHead SqliteImportRows::audit_head() { return find_audit_head(database_); }

std::optional<core::Sha256> SqliteImportRows::find_audit_hash(std::int64_t number) {
  SQLite::Statement entry(database_.connection(), "SELECT hash FROM audit WHERE number = ?");
  entry.bind(1, static_cast<int64_t>(number));
  return entry.executeStep() ? std::optional(read_hash(entry.getColumn(0), Damage::left_out))
                             : std::nullopt;
}

void SqliteImportRows::append(std::span<const core::AuditEntry> entries) {
  AuditInserter inserter(database_);
  for (const core::AuditEntry& entry : entries) {
    inserter.insert(entry);
  }
}

std::int64_t SqliteImportRows::endpoint_id(const std::string& endpoint) {
  find_endpoint_.reset();
  find_endpoint_.bind(1, endpoint);
  if (find_endpoint_.executeStep()) {
    return find_endpoint_.getColumn(0).getInt64();
  }
  add_endpoint_.reset();
  add_endpoint_.bind(1, endpoint);
  add_endpoint_.exec();
  return database_.connection().getLastInsertRowid();
}

void stage_part(Database& database, core::ImportId id, std::uint32_t number, std::string_view lines,
                core::Time now) {
  SQLite::Statement sweep(database.connection(), "DELETE FROM import_parts WHERE staged_at < ?");
  bind_time(sweep, 1, now - kMaxStay);
  sweep.exec();
  SQLite::Statement stage(database.connection(),
                          "INSERT OR REPLACE INTO import_parts (import, number, staged_at, lines)"
                          " VALUES (?, ?, ?, ?)");
  stage.bind(1, static_cast<int64_t>(id.bits()));
  stage.bind(2, static_cast<int64_t>(number));
  bind_time(stage, 3, now);
  stage.bind(4, lines.data(), static_cast<int>(lines.size()));
  stage.exec();
}

std::optional<std::string> find_part(Database& database, core::ImportId id, std::uint32_t number) {
  SQLite::Statement query(database.connection(),
                          "SELECT lines FROM import_parts WHERE import = ? AND number = ?");
  query.bind(1, static_cast<int64_t>(id.bits()));
  query.bind(2, static_cast<int64_t>(number));
  return query.executeStep() ? std::optional(query.getColumn(0).getString()) : std::nullopt;
}

void delete_parts(Database& database, core::ImportId id) {
  SQLite::Statement remove(database.connection(), "DELETE FROM import_parts WHERE import = ?");
  remove.bind(1, static_cast<int64_t>(id.bits()));
  remove.exec();
}

}  // namespace nexakey::store::sqlite
