#pragma once

#include <optional>
#include <vector>

#include "core/token.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The rows of the table `tokens`. Errors are exceptions.

std::optional<core::Token> find_token(Database& database, core::TokenId id);
std::optional<core::Token> find_token(Database& database, const core::CredentialHash& hash);
/// All of them, newest first.
std::vector<core::Token> select_tokens(Database& database);
void insert_token(Database& database, const core::Token& token);
void revoke_token(Database& database, core::TokenId id, core::Time at);

}  // namespace nexakey::store::sqlite
