#include "cli/new_token.h"

#include <algorithm>
#include <utility>

#include "cli/exit_status.h"
#include "cli/hand_over.h"
#include "cli/options.h"
#include "cli/token_view.h"
#include "core/text.h"

namespace nexakey::cli {

using core::ErrorCode;
using core::Token;

Token make_token(const Context& context, const TokenWords& words) {
  Token token;
  token.created_at = context.now();
  token.name = words.name.value_or("");
  token.workspace = context.settings.workspace;
  const auto role = core::parse_role(words.role);
  if (!role) {
    throw Failure{{ErrorCode::usage, "unknown role " + core::quote(words.role),
                   "use verifier, creator, rotator, auditor or admin"}};
  }
  token.role = *role;
  if (words.expires) {
    token.expires_at = parse_expiry(*words.expires, token.created_at, "the token");
  }
  if (words.name) {
    value_of(core::check_name(*words.name));
  }
  return token;
}

Token store_token(store::Changes& changes, const Token& wanted, const Draft<core::TokenId>& draft,
                  KeyFile* file) {
  const Token token = complete(wanted, draft);
  value_of(core::check_token(token));
  auto created = changes.create_token(token);
  if (!created && file != nullptr) {
    fail_with_draft(*file, draft.is_resumed, created.error());
  }
  if (!created) {
    if (created.error().code == ErrorCode::outcome_unknown) {
      created.error().hint = revoke_hint("nexakey token revoke " + token.id.to_string());
    }
    throw Failure{std::move(created.error())};
  }
  return *std::move(created);
}

void hand_over_token(Context& context, store::Changes& changes, const Token& created,
                     const Draft<core::TokenId>& draft, KeyFile* file) {
  const std::string id = created.id.to_string();
  hand_over({.secret = draft.secret,
             .file = file,
             .print = [&](const core::Secret* shown) { print_created(context, created, shown); },
             .revoke =
                 [&] {
                   return changes.revoke_tokens({&created.id, 1}, context.now())
                       .map([](const auto& /*tokens*/) {});
                 },
             .subject = "the token " + id,
             .revoke_command = "nexakey token revoke " + id});
}

void fail_unfinished(const KeyFile& file, const Token& token) {
  throw Failure{{ErrorCode::conflict,
                 "an interrupted command has left the token " + token.name + " (" +
                     token.id.to_string() + ") beside " + file.path().string(),
                 "run that command again, or revoke " + token.id.to_string()}};
}

std::optional<Token> find_staged_token(const Context& context, store::KeyStore& store,
                                       KeyFile& file) {
  if (!file.staged()) {
    return std::nullopt;
  }
  const auto tokens = value_of(store.tokens());
  const auto token = std::ranges::find(tokens, file.staged()->hash, &Token::hash);
  if (token == tokens.end()) {
    if (!file.is_of_this_store()) {
      file.fail_foreign();
    }
    return std::nullopt;
  }
  if (!token->is_active(context.now())) {
    file.discard();
    return std::nullopt;
  }
  return *token;
}

}  // namespace nexakey::cli
