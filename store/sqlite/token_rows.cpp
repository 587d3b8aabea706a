#include "store/sqlite/token_rows.h"

#include "store/sqlite/key_rows.h"

namespace nexakey::store::sqlite {
namespace {

using core::Token;
using core::TokenId;

std::optional<Token> read_only_token(SQLite::Statement& query) {
  return query.executeStep() ? std::optional(read_token(query)) : std::nullopt;
}

}  // namespace

const std::string kSelectTokens =
    "SELECT id, hash, last_four, name, role, workspace, created_at, expires_at, revoked_at"
    " FROM tokens ";

Token read_token(SQLite::Statement& row) {
  Token token;
  token.id = TokenId(row.getColumn(0).getInt64());
  token.hash = read_hash(row.getColumn(1));
  token.last_four = read_text(row.getColumn(2));
  token.name = read_text(row.getColumn(3));
  const auto role = core::parse_role(read_text(row.getColumn(4)));
  if (!role) {
    throw StoreProblem("a token in the store has a damaged role", "nexakey doctor names it");
  }
  token.role = *role;
  if (!row.getColumn(5).isNull()) {
    token.workspace = read_text(row.getColumn(5));
  }
  token.created_at = read_time(row.getColumn(6)).value_or(core::Time());
  token.expires_at = read_time(row.getColumn(7));
  token.revoked_at = read_time(row.getColumn(8));
  return token;
}

std::optional<Token> find_token(Database& database, TokenId id) {
  SQLite::Statement query(database.connection(), kSelectTokens + "WHERE id = ?");
  query.bind(1, static_cast<int64_t>(id.bits()));
  return read_only_token(query);
}

std::optional<Token> find_token(Database& database, const core::CredentialHash& hash) {
  SQLite::Statement query(database.connection(), kSelectTokens + "WHERE hash = ?");
  bind_hash(query, 1, hash);
  return read_only_token(query);
}

std::vector<Token> select_tokens(Database& database) {
  SQLite::Statement rows(database.connection(),
                         kSelectTokens + "ORDER BY created_at DESC, seq DESC");
  std::vector<Token> tokens;
  while (rows.executeStep()) {
    tokens.push_back(read_token(rows));
  }
  return tokens;
}

void insert_token(Database& database, const Token& token) {
  SQLite::Statement insert(database.connection(),
                           "INSERT INTO tokens (id, hash, last_four, name, role, workspace,"
                           " created_at, expires_at, revoked_at)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, static_cast<int64_t>(token.id.bits()));
  bind_hash(insert, 2, token.hash);
  insert.bind(3, token.last_four);
  insert.bind(4, token.name);
  insert.bind(5, std::string(core::name_of(token.role)));
  if (token.workspace) {
    insert.bind(6, *token.workspace);
  }
  bind_time(insert, 7, token.created_at);
  bind_time(insert, 8, token.expires_at);
  bind_time(insert, 9, token.revoked_at);
  insert.exec();
}

void revoke_token(Database& database, TokenId id, core::Time at) {
  SQLite::Statement update(database.connection(),
                           "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1");
  update.bind(1, static_cast<int64_t>(id.bits()));
  bind_time(update, 2, at);
  update.exec();
}

}  // namespace nexakey::store::sqlite
