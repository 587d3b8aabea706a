#pragma once

#include <optional>
#include <string>

#include "cli/context.h"
#include "cli/draft.h"
#include "core/token.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// The type name of the option --role, and what its help says.
inline constexpr const char* kRoleName = "ROLE";
inline constexpr const char* kRoles = "verifier, creator, rotator, auditor or admin";

/// The properties of a token as options give them.
struct TokenWords {
  std::optional<std::string> name{};
  std::string role{};
  std::optional<std::string> expires{};
};

/// The token with these properties in the workspace of the settings, without an id, a hash and, if
/// it has no name, a name. Errors end the command.
core::Token make_token(const Context& context, const TokenWords& words);

/// Adds a token with the id and the secret of a draft to a store. `file`: where the draft is
/// staged; null if it is not. Errors end the command.
core::Token store_token(store::Changes& changes, const core::Token& wanted,
                        const Draft<core::TokenId>& draft, KeyFile* file);

/// Gives the secret of a token that was stored to the user, in the file where it is staged or, if
/// that is null, printed. If that fails, the token is revoked and the command ends.
void hand_over_token(Context& context, store::Changes& changes, const core::Token& created,
                     const Draft<core::TokenId>& draft, KeyFile* file);

/// Ends the command because another one, which was interrupted, has left this token beside a file.
[[noreturn]] void fail_unfinished(const KeyFile& file, const core::Token& token);

/// The token whose secret an interrupted command has staged, if the store has it. The secret of one
/// that has ended is deleted.
std::optional<core::Token> find_staged_token(const Context& context, store::KeyStore& store,
                                             KeyFile& file);

}  // namespace nexakey::cli
