#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "core/secret.h"
#include "core/token.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// Prints tokens in the output format of the settings.
void print_tokens(Context& context, const std::vector<core::Token>& tokens);

/// Prints a new token. `secret` is null for a token that was written to a file or has none.
void print_created(Context& context, const core::Token& token, const core::Secret* secret);

/// The token with an id, a unique beginning of an id, or the name of a live token. Ends the command
/// if there is none, or more than one. `what`: "token" or "trust", for the message.
core::Token find_token(const Context& context, const std::vector<core::Token>& tokens,
                       const std::string& argument, const std::string& what);

/// The same for several, each once.
std::vector<core::Token> find_tokens(const Context& context, const std::vector<core::Token>& tokens,
                                     const std::vector<std::string>& arguments,
                                     const std::string& what);

/// Revokes tokens after a confirmation, and prints them. `what`: "token" or "trust".
ExitStatus revoke_tokens(Context& context, store::KeyStore& store,
                         const std::vector<core::Token>& tokens, const std::string& what);

}  // namespace nexakey::cli
