#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/token.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The rows of the table `tokens`. Errors are exceptions.

/// A whole token, with the columns in the order of `kSelectTokens`.
core::Token read_token(SQLite::Statement& row);
/// SELECT and FROM of a query whose rows `read_token` reads; a WHERE may follow.
extern const std::string kSelectTokens;

std::optional<core::Token> find_token(Database& database, core::TokenId id);
std::optional<core::Token> find_token(Database& database, const core::CredentialHash& hash);
/// All of them, newest first.
std::vector<core::Token> select_tokens(Database& database);
void insert_token(Database& database, const core::Token& token);
void revoke_token(Database& database, core::TokenId id, core::Time at);

}  // namespace nexakey::store::sqlite
