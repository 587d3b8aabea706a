#include "cli/token_rotate.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/actor.h"
#include "cli/key_file.h"
#include "cli/new_token.h"
#include "cli/token_view.h"

namespace nexakey::cli {

using core::ErrorCode;
using core::Token;
using core::TokenId;

namespace {

/// A token with the properties of another one, and its lifetime.
Token new_token_like(const Token& old, core::Time now) {
  Token token;
  token.name = old.name == old.id.to_string() ? "" : old.name;
  token.role = old.role;
  token.workspace = old.workspace;
  token.created_at = now;
  if (old.expires_at) {
    token.expires_at = core::add(now, *old.expires_at - old.created_at);
  }
  return token;
}

void check_rotatable(const Context& context, const Token& token) {
  if (token.trust) {
    throw Failure{{ErrorCode::usage, token.name + " is a trust and has no secret", ""}};
  }
  if (!token.is_active(context.now())) {
    throw Failure{
        {ErrorCode::conflict,
         token.name + " is " + std::string(token.status(context.now())) + " and cannot be rotated",
         "create a new token with nexakey token create"}};
  }
}

/// Replaces the token in a file, or completes that. Returns the new token, which stays staged until
/// the old one is revoked.
Token replace_in_file(const Context& context, store::KeyStore& store, KeyFile& file,
                      const Token& old, const std::optional<Token>& staged) {
  const bool is_replaceable = file.content() == Content::missing ||
                              file.content() == Content::empty || file.current() == old.hash ||
                              (staged && file.current() == staged->hash);
  if (!is_replaceable) {
    throw Failure{{ErrorCode::conflict,
                   file.path().string() + " has something else than the token " + old.name,
                   "name another file, or move this one away"}};
  }
  if (staged && file.staged()->replaces != old.id.to_string()) {
    fail_unfinished(file, *staged);
  }
  Token token = staged.value_or(Token());
  if (!staged) {
    file.check_replaceable();
    const auto draft = stage_draft<TokenId>(file, kTokenKind, old.id.to_string());
    token = store_token(store.as(local_actor()), new_token_like(old, context.now()), draft, &file);
  }
  if (file.current() != token.hash) {
    file.replace(KeyFile::Staged::kept);
    file.sync_folder();
  }
  return token;
}

/// Whether the token that the staged one replaces has been revoked, and is the one that the
/// argument names.
bool is_done(const Context& context, const KeyFile& file, const std::vector<Token>& tokens,
             const std::string& argument) {
  const auto ids = core::TokenIdRange::parse(argument);
  return std::ranges::any_of(tokens, [&](const Token& token) {
    return token.id.to_string() == file.staged()->replaces && !token.is_active(context.now()) &&
           (ids ? ids->contains(token.id) : token.name == argument);
  });
}

void show_new(Context& context, store::KeyStore& store, const Token& old) {
  const auto draft = make_draft<TokenId>(kTokenKind);
  store::Changes& changes = store.as(local_actor());
  const Token created = store_token(changes, new_token_like(old, context.now()), draft, nullptr);
  hand_over_token(context, changes, created, draft, nullptr);
}

void end_old(const Context& context, store::KeyStore& store, const Token& old, bool keep) {
  if (!keep) {
    value_of(store.as(local_actor()).revoke_tokens({&old.id, 1}, context.now()));
  }
}

}  // namespace

void add_token_rotation_options(Arguments& command, TokenRotationOptions& options) {
  command.add_option("TOKEN", options.token, "An id, the beginning of an id, or a name")
      ->type_name("TOKEN")
      ->required();
  command.add_option("--secret-file", options.file, "Replace the token in this file (mode 0600)")
      ->type_name("FILE");
  command.add_flag("--keep-old", options.keep_old, "Do not revoke the old token");
}

ExitStatus rotate_token(Context& context, const TokenRotationOptions& options) {
  const auto store = context.open_store();
  auto tokens = value_of(store->tokens());
  if (!options.file) {
    const Token old = find_token(context, tokens, options.token, "token");
    check_rotatable(context, old);
    show_new(context, *store, old);
    end_old(context, *store, old, options.keep_old);
    return ExitStatus::done;
  }
  KeyFile file(*options.file, kTokenKind, context.store_name());
  const auto staged = find_staged_token(context, *store, file);
  // The new token has the name of the old one.
  std::erase_if(tokens, [&](const Token& token) { return staged && token.id == staged->id; });
  if (staged && file.current() == staged->hash && is_done(context, file, tokens, options.token)) {
    file.discard();
    print_created(context, *staged, nullptr);
    return ExitStatus::done;
  }
  const Token old = find_token(context, tokens, options.token, "token");
  check_rotatable(context, old);
  const Token created = replace_in_file(context, *store, file, old, staged);
  end_old(context, *store, old, options.keep_old);
  file.discard();
  print_created(context, created, nullptr);
  return ExitStatus::done;
}

}  // namespace nexakey::cli
