#include "store/sqlite/key_rows.h"

#include <algorithm>

#include "core/json.h"

namespace nexakey::store::sqlite {
namespace {

using core::Key;
using core::KeyId;
using core::KeyRules;
using core::Result;
using core::Time;

constexpr const char* kSeeDoctor = "nexakey doctor names it; revoke it by its id";

std::optional<KeyId> read_id(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(KeyId(column.getInt64()));
}

/// Part of a key as it is read, or nothing in its place.
template <typename T>
T value_or_empty(Result<T> read, const char* what, Damage damage) {
  if (!read && damage == Damage::refused) {
    throw StoreProblem(std::string("a key in the store has ") + what, kSeeDoctor);
  }
  return read ? *std::move(read) : T();
}

/// A number that is as the rules of keys have it: another one must not become a key's right.
std::int64_t read_number(const SQLite::Column& column, std::int64_t least, std::int64_t most,
                         Damage damage = Damage::refused) {
  const std::int64_t number = column.getInt64();
  if (number >= least && number <= most) {
    return number;
  }
  if (damage == Damage::refused) {
    throw StoreProblem("a key in the store has a damaged number", kSeeDoctor);
  }
  return least;
}

// A whitelist that can't be read must not become one that lets everybody in.
core::Whitelist read_whitelist(std::string_view text, Damage damage) {
  return value_or_empty(core::Whitelist::from_text(text), "a damaged whitelist", damage);
}

core::Labels read_labels(std::string_view text, Damage damage) {
  return text.empty() ? core::Labels()
                      : value_or_empty(core::labels_from_json(text), "damaged labels", damage);
}

KeyRules read_rules(SQLite::Statement& row, Damage damage) {
  KeyRules rules;
  rules.id = KeyId(read_number(row.getColumn(0), 0, KeyId::kMaxBits));
  rules.workspace = read_text(row.getColumn(1));
  rules.scopes = core::Scopes(row.getColumn(2).getUInt());
  rules.whitelist = read_whitelist(read_text(row.getColumn(3)), damage);
  rules.rate_limit =
      static_cast<std::uint32_t>(read_number(row.getColumn(4), 1, core::kMaxRateLimit, damage));
  rules.expires_at = read_time(row.getColumn(5));
  rules.suspended_at = read_time(row.getColumn(6));
  rules.revoked_at = read_time(row.getColumn(7));
  return rules;
}

void bind_id(SQLite::Statement& statement, int index, const std::optional<KeyId>& id) {
  if (id) {
    statement.bind(index, static_cast<int64_t>(id->bits()));
  } else {
    statement.bind(index);
  }
}

/// Binds what can change of a key, from parameter 2 on, and the id as parameter 1.
void bind_changeable(SQLite::Statement& statement, const Key& key) {
  statement.bind(1, static_cast<int64_t>(key.id.bits()));
  statement.bind(2, key.name);
  statement.bind(3, static_cast<int64_t>(key.scopes.bits()));
  statement.bind(4, key.whitelist.to_text());
  statement.bind(5, static_cast<int64_t>(key.rate_limit));
  statement.bind(6, key.labels.empty() ? std::string() : core::labels_to_json(key.labels));
  statement.bind(7, key.description);
  bind_time(statement, 8, key.expires_at);
  bind_time(statement, 9, key.suspended_at);
  bind_time(statement, 10, key.revoked_at);
  statement.bind(11, key.revoke_reason);
  bind_id(statement, 12, key.rotated_from);
  bind_id(statement, 13, key.superseded_by);
}

}  // namespace

std::optional<Time> read_time(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt
                         : std::optional(Time(std::chrono::milliseconds(column.getInt64())));
}

std::string_view read_text(const SQLite::Column& column) {
  return {column.getText(), static_cast<std::size_t>(column.getBytes())};
}

core::CredentialHash read_hash(const SQLite::Column& column, Damage damage) {
  core::CredentialHash hash{};
  if (column.getBytes() != static_cast<int>(hash.size())) {
    if (damage == Damage::left_out) {
      return hash;
    }
    throw StoreProblem("the store has a damaged hash", "nexakey doctor names it");
  }
  std::copy_n(static_cast<const std::uint8_t*>(column.getBlob()), hash.size(), hash.begin());
  return hash;
}

void bind_time(SQLite::Statement& statement, int index, const std::optional<Time>& time) {
  if (time) {
    statement.bind(index, static_cast<int64_t>(time->time_since_epoch().count()));
  } else {
    statement.bind(index);
  }
}

void bind_hash(SQLite::Statement& statement, int index, const core::KeyHash& hash) {
  statement.bind(index, hash.data(), static_cast<int>(hash.size()));
}

const char* const kSelectRules =
    "SELECT id, workspace, scopes, whitelist, rate_limit, expires_at, suspended_at, revoked_at"
    " FROM keys WHERE hash = ?";

KeyRules read_rules(SQLite::Statement& row) { return read_rules(row, Damage::refused); }

const std::string kSelectKeys =
    "SELECT keys.id, workspace, scopes, whitelist, rate_limit, expires_at, suspended_at,"
    " revoked_at, hash, last_four, name, description, labels, created_at, revoke_reason,"
    " last_used.at, rotated_from, superseded_by"
    " FROM keys LEFT JOIN last_used ON last_used.key = keys.seq ";

Key read_key(SQLite::Statement& row, Damage damage) {
  Key key;
  static_cast<KeyRules&>(key) = read_rules(row, damage);
  key.hash = read_hash(row.getColumn(8), damage);
  key.last_four = read_text(row.getColumn(9));
  key.name = read_text(row.getColumn(10));
  key.description = read_text(row.getColumn(11));
  key.labels = read_labels(read_text(row.getColumn(12)), damage);
  key.created_at = read_time(row.getColumn(13)).value_or(Time());
  key.revoke_reason = read_text(row.getColumn(14));
  key.last_used_at = read_time(row.getColumn(15));
  key.rotated_from = read_id(row.getColumn(16));
  key.superseded_by = read_id(row.getColumn(17));
  return key;
}

std::optional<Key> find_key(Database& database, KeyId id, Damage damage) {
  SQLite::Statement query(database.connection(), kSelectKeys + "WHERE keys.id = ?");
  query.bind(1, static_cast<int64_t>(id.bits()));
  return query.executeStep() ? std::optional(read_key(query, damage)) : std::nullopt;
}

bool has_hash(Database& database, const core::KeyHash& hash) {
  SQLite::Statement query(database.connection(), "SELECT 1 FROM keys WHERE hash = ?");
  bind_hash(query, 1, hash);
  return query.executeStep();
}

KeyInserter::KeyInserter(Database& database)
    : insert_(
          database.connection(),
          "INSERT INTO keys (id, name, scopes, whitelist, rate_limit, labels, description,"
          " expires_at, suspended_at, revoked_at, revoke_reason, rotated_from, superseded_by, hash,"
          " last_four, workspace, created_at)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

void KeyInserter::insert(const Key& key) {
  insert_.reset();
  bind_changeable(insert_, key);
  bind_hash(insert_, 14, key.hash);
  insert_.bind(15, key.last_four);
  insert_.bind(16, key.workspace);
  bind_time(insert_, 17, key.created_at);
  insert_.exec();
}

void insert_key(Database& database, const Key& key) { KeyInserter(database).insert(key); }

void update_key(Database& database, const Key& key) {
  SQLite::Statement update(
      database.connection(),
      "UPDATE keys SET name = ?2, scopes = ?3, whitelist = ?4, rate_limit = ?5, labels = ?6,"
      " description = ?7, expires_at = ?8, suspended_at = ?9, revoked_at = ?10,"
      " revoke_reason = ?11, rotated_from = ?12, superseded_by = ?13 WHERE id = ?1");
  bind_changeable(update, key);
  update.exec();
}

SQLite::Statement select_keys(Database& database, const core::KeyFilter& filter,
                              const std::optional<KeyId>& after) {
  std::string sql = kSelectKeys + "WHERE true";
  sql += filter.workspace ? " AND workspace = :workspace" : "";
  sql += filter.name ? " AND name = :name" : "";
  sql += filter.hash ? " AND hash = :hash" : "";
  sql += filter.ids ? " AND keys.id BETWEEN :first AND :last" : "";
  sql += after ? " AND (created_at, seq) <"
                 " (SELECT created_at, seq FROM keys WHERE id = :after)"
               : "";
  sql += " ORDER BY created_at DESC, seq DESC";
  SQLite::Statement query(database.connection(), sql);
  if (filter.workspace) {
    query.bind(":workspace", *filter.workspace);
  }
  if (filter.name) {
    query.bind(":name", *filter.name);
  }
  if (filter.hash) {
    bind_hash(query, query.getIndex(":hash"), *filter.hash);
  }
  if (filter.ids) {
    query.bind(":first", static_cast<int64_t>(filter.ids->first.bits()));
    query.bind(":last", static_cast<int64_t>(filter.ids->last.bits()));
  }
  if (after) {
    query.bind(":after", static_cast<int64_t>(after->bits()));
  }
  return query;
}

}  // namespace nexakey::store::sqlite
