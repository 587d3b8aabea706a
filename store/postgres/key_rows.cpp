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

Problem damaged(const char* what) {
  return Problem("a key in the store has " + std::string(what), "restore it from a backup");
}

std::optional<KeyId> read_id(const Rows& rows, int row, int column) {
  return rows.is_null(row, column)
             ? std::nullopt
             : std::optional(KeyId(rows.number(row, column, 0, KeyId::kMaxBits)));
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

std::string labels_text(const Key& key) {
  return key.labels.empty() ? std::string() : core::labels_to_json(key.labels);
}

/// The id, and what can change of a key.
Parameters changeable(const Key& key) {
  Parameters parameters;
  parameters.add(key.id.bits())
      .add(key.name)
      .add(std::int64_t{key.scopes.bits()})
      .add(key.whitelist.to_text())
      .add(std::int64_t{key.rate_limit})
      .add(labels_text(key))
      .add(key.description)
      .add(key.expires_at)
      .add(key.suspended_at)
      .add(key.revoked_at)
      .add(key.revoke_reason)
      .add(key.rotated_from)
      .add(key.superseded_by);
  return parameters;
}

std::vector<Key> read_keys(const Rows& rows) {
  std::vector<Key> keys;
  for (int row = 0; row < rows.size(); ++row) {
    keys.push_back(read_key(rows, row));
  }
  return keys;
}

std::int64_t number_of(core::Time time) { return time.time_since_epoch().count(); }
std::int64_t number_of(KeyId id) { return id.bits(); }

template <typename Value>
std::optional<std::int64_t> number_of(const std::optional<Value>& value) {
  return value ? std::optional(number_of(*value)) : std::nullopt;
}

/// Adds an array of times or ids.
template <typename Member>
void add_numbers(Parameters& parameters, std::span<const Key> keys, Member member) {
  parameters.add_column(keys, [&](const Key& key) { return number_of(key.*member); });
}

}  // namespace

const std::string kSelectKeys =
    "SELECT id, workspace, scopes, whitelist, rate_limit, expires_at, suspended_at, revoked_at,"
    " hash, last_four, name, description, labels, created_at, revoke_reason, last_at, rotated_from,"
    " superseded_by FROM nexakey.keys LEFT JOIN nexakey.uses ON uses.key = keys.id ";

namespace {

const std::string kFind = kSelectKeys + "WHERE id = $1";
const std::string kFindNamesakes =
    kSelectKeys + "WHERE workspace = $1 AND name = $2" + kNewestFirst;
const std::string kFindAlike =
    kSelectKeys + "WHERE id = ANY ($1) UNION " + kSelectKeys + "WHERE hash = ANY ($2)";

}  // namespace

KeyRules read_rules(const Rows& rows, int row, int column) {
  KeyRules rules;
  rules.id = KeyId(rows.number(row, column, 0, KeyId::kMaxBits));
  rules.workspace = rows.text(row, column + 1);
  rules.scopes = core::Scopes(static_cast<unsigned>(rows.number(row, column + 2, 0, 3)));
  auto whitelist = core::Whitelist::from_text(rows.text(row, column + 3));
  if (!whitelist) {
    // A whitelist that can't be read must not become one that lets everybody in.
    throw damaged("a damaged whitelist");
  }
  rules.whitelist = *std::move(whitelist);
  rules.rate_limit =
      static_cast<std::uint32_t>(rows.number(row, column + 4, 1, core::kMaxRateLimit));
  rules.expires_at = rows.time(row, column + 5);
  rules.suspended_at = rows.time(row, column + 6);
  rules.revoked_at = rows.time(row, column + 7);
  return rules;
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

std::optional<Key> find_key(Connection& connection, KeyId id) {
  const Rows rows = connection.run(kFind.c_str(), Parameters().add(id.bits()));
  return rows.size() == 0 ? std::nullopt : std::optional(read_key(rows, 0));
}

std::vector<Key> find_namesakes(Connection& connection, const std::string& workspace,
                                const std::string& name) {
  return read_keys(connection.run(kFindNamesakes.c_str(), Parameters().add(workspace).add(name)));
}

std::vector<Key> find_alike(Connection& connection, std::span<const Key> keys) {
  return read_keys(connection.run(
      kFindAlike.c_str(), Parameters()
                              .add_column(keys, [](const Key& key) { return key.id.bits(); })
                              .add_column(keys, &Key::hash)));
}

bool has_hash(Connection& connection, const core::KeyHash& hash) {
  return connection.run("SELECT FROM nexakey.keys WHERE hash = $1", Parameters().add(hash)).size() >
         0;
}

void insert_keys(Connection& connection, std::span<const Key> keys) {
  Parameters parameters;
  parameters.add_column(keys, [](const Key& key) { return key.id.bits(); })
      .add_column(keys, &Key::name)
      .add_column(keys, [](const Key& key) { return std::int64_t{key.scopes.bits()}; })
      .add_column(keys, [](const Key& key) { return key.whitelist.to_text(); })
      .add_column(keys, [](const Key& key) { return std::int64_t{key.rate_limit}; })
      .add_column(keys, labels_text)
      .add_column(keys, &Key::description)
      .add_column(keys, &Key::revoke_reason)
      .add_column(keys, &Key::hash)
      .add_column(keys, &Key::last_four)
      .add_column(keys, &Key::workspace);
  add_numbers(parameters, keys, &Key::created_at);
  add_numbers(parameters, keys, &Key::expires_at);
  add_numbers(parameters, keys, &Key::suspended_at);
  add_numbers(parameters, keys, &Key::revoked_at);
  add_numbers(parameters, keys, &Key::rotated_from);
  add_numbers(parameters, keys, &Key::superseded_by);
  connection.run(
      "INSERT INTO nexakey.keys (id, name, scopes, whitelist, rate_limit, labels, description,"
      " revoke_reason, hash, last_four, workspace, created_at, expires_at, suspended_at, "
      "revoked_at,"
      " rotated_from, superseded_by)"
      " SELECT id, name, scopes, whitelist, rate_limit, labels, description, revoke_reason, hash,"
      " last_four, workspace, created_at, expires_at, suspended_at, revoked_at, rotated_from,"
      " superseded_by FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::text[],"
      " $5::integer[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::text[],"
      " $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[])"
      " WITH ORDINALITY AS added (id, name, scopes, whitelist, rate_limit, labels, description,"
      " revoke_reason, hash, last_four, workspace, created_at, expires_at, suspended_at, "
      "revoked_at,"
      " rotated_from, superseded_by, nth) ORDER BY nth",
      parameters);
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
  std::string query = kSelectKeys + "WHERE true";
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
