#include "store/postgres/token_rows.h"

#include <string>

namespace nexakey::store::postgres {
using core::Token;
using core::TokenId;

const std::string kSelectTokens =
    "SELECT id, hash, last_four, name, role, workspace, created_at, expires_at, revoked_at"
    " FROM nexakey.tokens ";

namespace {

const std::string kFind = kSelectTokens + "WHERE id = $1";
const std::string kSelectAll = kSelectTokens + "ORDER BY created_at DESC, seq DESC";

std::optional<Token> read_only_token(const Rows& rows) {
  return rows.size() == 0 ? std::nullopt : std::optional(read_token(rows, 0));
}

}  // namespace

Token read_token(const Rows& rows, int row) {
  Token token;
  token.id = TokenId(rows.number(row, 0, 0, TokenId::kMaxBits));
  token.hash = rows.hash(row, 1);
  token.last_four = rows.text(row, 2);
  token.name = rows.text(row, 3);
  const auto role = core::parse_role(rows.text(row, 4));
  if (!role) {
    throw Problem("a token in the store has a damaged role", "restore it from a backup");
  }
  token.role = *role;
  if (!rows.is_null(row, 5)) {
    token.workspace = rows.text(row, 5);
  }
  token.created_at = rows.time(row, 6).value_or(core::Time());
  token.expires_at = rows.time(row, 7);
  token.revoked_at = rows.time(row, 8);
  return token;
}

std::optional<Token> find_token(Connection& connection, TokenId id) {
  return read_only_token(connection.run(kFind.c_str(), Parameters().add(id.bits())));
}

std::optional<Token> find_token(Connection& connection, const core::CredentialHash& hash) {
  return read_only_token(
      connection.run("SELECT * FROM nexakey.find_token($1)", Parameters().add(hash)));
}

std::vector<Token> select_tokens(Connection& connection) {
  const Rows rows = connection.run(kSelectAll.c_str());
  std::vector<Token> tokens;
  for (int row = 0; row < rows.size(); ++row) {
    tokens.push_back(read_token(rows, row));
  }
  return tokens;
}

void insert_token(Connection& connection, const Token& token) {
  Parameters parameters;
  parameters.add(token.id.bits())
      .add(token.hash)
      .add(token.last_four)
      .add(token.name)
      .add(std::string(core::name_of(token.role)));
  if (token.workspace) {
    parameters.add(*token.workspace);
  } else {
    parameters.add_null();
  }
  parameters.add(std::optional(token.created_at)).add(token.expires_at).add(token.revoked_at);
  connection.run(
      "INSERT INTO nexakey.tokens (id, hash, last_four, name, role, workspace, created_at,"
      " expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      parameters);
}

void revoke_token(Connection& connection, TokenId id, core::Time at) {
  connection.run("UPDATE nexakey.tokens SET revoked_at = $2 WHERE id = $1",
                 Parameters().add(id.bits()).add(std::optional(at)));
}

}  // namespace nexakey::store::postgres
