#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/token.h"
#include "store/postgres/connection.h"

namespace nexakey::store::postgres {

/// The rows of the table `tokens`. Errors are exceptions.

/// A whole token, with the columns in the order of `kSelectTokens`.
core::Token read_token(const Rows& rows, int row);
/// Up to the WHERE of a query.
extern const std::string kSelectTokens;

std::optional<core::Token> find_token(Connection& connection, core::TokenId id);
std::optional<core::Token> find_token(Connection& connection, const core::CredentialHash& hash);
/// All of them, newest first.
std::vector<core::Token> select_tokens(Connection& connection);
void insert_token(Connection& connection, const core::Token& token);
void revoke_token(Connection& connection, core::TokenId id, core::Time at);

}  // namespace nexakey::store::postgres
