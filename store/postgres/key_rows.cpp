#include "store/postgres/key_rows.h"

#include <string>
#include <utility>

#include "core/json.h"

namespace nexakey::store::postgres {
namespace {

using core::Key;
using core::KeyId;
using core::KeyRules;

const std::string kNewestFirst = " ORDER BY created_at DESC, seq DESC";
const std::string kSelect =
    "SELECT id, workspace, scopes, whitelist, rate_limit, expires_at, suspended_at, revoked_at,"
    " hash, last_four, name, description, labels, created_at, revoke_reason, last_at, rotated_from,"
    " superseded_by FROM nexakey.keys LEFT JOIN nexakey.uses ON uses.key = keys.id ";

const std::string kFind = kSelect + "WHERE id = $1";
const std::string kFindNamesakes = kSelect + "WHERE workspace = $1 AND name = $2" + kNewestFirst;

Problem damaged(const char* what) {
  return Problem("a key in the store has " + std::string(what), "restore it from a backup");
}

std::optional<KeyId> read_id(const Rows& rows, int row, int column) {
  return rows.is_null(row, column)
             ? std::nullopt
             : std::optional(KeyId(rows.number(row, column, 0, KeyId::kLargestBits)));
}

core::Labels read_labels(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  auto labels = core::labels_from_json(text);
  if (!labels) {
    throw damaged("damaged labels");
  }
  return *std::move(labels);
}

Key read_key(const Rows& rows, int row) {
  Key key;
  static_cast<KeyRules&>(key) = read_rules(rows, row, 0);
  key.hash = rows.hash(row, 8);
  key.last_four = rows.text(row, 9);
  key.name = rows.text(row, 10);
  key.description = rows.text(row, 11);
  key.labels = read_labels(rows.text(row, 12));
  key.created_at = rows.time(row, 13).value_or(core::Time());
  key.revoke_reason = rows.text(row, 14);
  key.last_used_at = rows.time(row, 15);
  key.rotated_from = read_id(rows, row, 16);
  key.superseded_by = read_id(rows, row, 17);
  return key;
}

/// The id, and what can change of a key.
Parameters changeable(const Key& key) {
  Parameters parameters;
  parameters.add(key.id.bits())
      .add(key.name)
      .add(std::int64_t{key.scopes.bits()})
      .add(key.whitelist.to_text())
      .add(std::int64_t{key.rate_limit})
      .add(key.labels.empty() ? std::string() : core::labels_to_json(key.labels))
      .add(key.description)
      .add(key.expires_at)
      .add(key.suspended_at)
      .add(key.revoked_at)
      .add(key.revoke_reason)
      .add(key.rotated_from)
      .add(key.superseded_by);
  return parameters;
}

std::optional<Key> read_only_key(const Rows& rows) {
  return rows.size() == 0 ? std::nullopt : std::optional(read_key(rows, 0));
}

}  // namespace

KeyRules read_rules(const Rows& rows, int row, int column) {
  KeyRules rules;
  rules.id = KeyId(rows.number(row, column, 0, KeyId::kLargestBits));
  rules.workspace = rows.text(row, column + 1);
  rules.scopes = core::Scopes(static_cast<unsigned>(rows.number(row, column + 2, 0, 3)));
  auto whitelist = core::Whitelist::from_text(rows.text(row, column + 3));
  if (!whitelist) {
    // A whitelist that can't be read must not become one that lets everybody in.
    throw damaged("a damaged whitelist");
  }
  rules.whitelist = *std::move(whitelist);
  rules.rate_limit =
      static_cast<std::uint32_t>(rows.number(row, column + 4, 1, core::kLargestRateLimit));
  rules.expires_at = rows.time(row, column + 5);
  rules.suspended_at = rows.time(row, column + 6);
  rules.revoked_at = rows.time(row, column + 7);
  return rules;
}

std::optional<Key> find_key(Connection& connection, KeyId id) {
  return read_only_key(connection.run(kFind.c_str(), Parameters().add(id.bits())));
}

std::vector<Key> find_namesakes(Connection& connection, const std::string& workspace,
                                const std::string& name) {
  const Rows rows = connection.run(kFindNamesakes.c_str(), Parameters().add(workspace).add(name));
  std::vector<Key> keys;
  for (int row = 0; row < rows.size(); ++row) {
    keys.push_back(read_key(rows, row));
  }
  return keys;
}

bool has_hash(Connection& connection, const core::KeyHash& hash) {
  return connection.run("SELECT FROM nexakey.keys WHERE hash = $1", Parameters().add(hash)).size() >
         0;
}

void insert_key(Connection& connection, const Key& key) {
  connection.run(
      "INSERT INTO nexakey.keys (id, name, scopes, whitelist, rate_limit, labels, description,"
      " expires_at, suspended_at, revoked_at, revoke_reason, rotated_from, superseded_by, hash,"
      " last_four, workspace, created_at)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
      changeable(key)
          .add(key.hash)
          .add(key.last_four)
          .add(key.workspace)
          .add(std::optional(key.created_at)));
}

void update_key(Connection& connection, const Key& key) {
  connection.run(
      "UPDATE nexakey.keys SET stamp = gen_random_uuid(), name = $2, scopes = $3, whitelist = $4,"
      " rate_limit = $5, labels = $6, description = $7, expires_at = $8, suspended_at = $9,"
      " revoked_at = $10, revoke_reason = $11, rotated_from = $12, superseded_by = $13"
      " WHERE id = $1",
      changeable(key));
}

void visit_keys(Connection& connection, const core::KeyFilter& filter,
                const std::optional<KeyId>& after, const std::function<bool(const Key&)>& visit) {
  Parameters parameters;
  std::string query = kSelect + "WHERE true";
  int number = 0;
  const auto next = [&] { return "$" + std::to_string(++number); };
  if (filter.workspace) {
    query += " AND workspace = " + next();
    parameters.add(*filter.workspace);
  }
  if (filter.name) {
    query += " AND name = " + next();
    parameters.add(*filter.name);
  }
  if (filter.hash) {
    query += " AND hash = " + next();
    parameters.add(*filter.hash);
  }
  if (filter.ids) {
    query += " AND id BETWEEN " + next();
    query += " AND " + next();
    parameters.add(filter.ids->first.bits()).add(filter.ids->last.bits());
  }
  if (after) {
    query +=
        " AND (created_at, seq) < (SELECT created_at, seq FROM nexakey.keys WHERE id = " + next() +
        ")";
    parameters.add(after->bits());
  }
  query += kNewestFirst;
  connection.stream(query, parameters,
                    [&](const Rows& rows, int row) { return visit(read_key(rows, row)); });
}

}  // namespace nexakey::store::postgres
