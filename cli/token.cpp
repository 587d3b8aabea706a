#include <algorithm>
#include <cerrno>
#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/draft.h"
#include "cli/key_file.h"
#include "cli/new_token.h"
#include "cli/options.h"
#include "cli/token_rotate.h"
#include "cli/token_trust.h"
#include "cli/token_view.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Token;
using core::TokenId;

constexpr const char* kCreateExample =
    "nexakey token create gateway --role verifier --secret-file gateway.token";
constexpr const char* kListExample = "nexakey token list";
constexpr const char* kRotateExample = "nexakey token rotate gateway --secret-file gateway.token";
constexpr const char* kTrustExample =
    "nexakey token trust deploy --role creator --issuer https://gitlab.com \\\n"
    "    --audience https://keys.example.com --claim project_path=acme/api";
constexpr const char* kUntrustExample = "nexakey token untrust deploy";
constexpr const char* kRevokeExample = "nexakey token revoke gateway";

struct Options {
  TokenWords token;
  std::optional<std::string> file{};
  std::vector<std::string> tokens;
};

bool is_as_asked(const TokenWords& words, const Token& token, const Token& wanted) {
  return token.name == words.name.value_or(token.id.to_string()) && token.role == wanted.role &&
         token.workspace == wanted.workspace &&
         (words.expires ? is_expiry_as_asked(*words.expires, token.created_at, token.expires_at,
                                             wanted.created_at)
                        : !token.expires_at);
}

/// Publishes the token that an interrupted command stored and staged.
ExitStatus finish(Context& context, const Options& options, KeyFile& file, const Token& token,
                  const Token& wanted) {
  if (!is_as_asked(options.token, token, wanted)) {
    fail_unfinished(file, token);
  }
  file.publish();
  file.sync_folder();
  print_created(context, token, nullptr);
  return ExitStatus::done;
}

/// Stores a token and gives it to the user.
ExitStatus create(Context& context, store::KeyStore& store, const Token& wanted,
                  const Draft<TokenId>& draft, KeyFile* file) {
  store::Changes& changes = store.as(local_actor());
  const Token created = store_token(changes, wanted, draft, file);
  hand_over_token(context, changes, created, draft, file);
  return ExitStatus::done;
}

ExitStatus create(Context& context, const Options& options) {
  const Token wanted = make_token(context, options.token);
  const auto store = context.open_store(store::OpenMode::create_if_missing);
  if (!options.file) {
    return create(context, *store, wanted, make_draft<TokenId>(kTokenKind), nullptr);
  }
  KeyFile file(*options.file, kTokenKind, context.store_name());
  if (const auto staged = find_staged_token(context, *store, file)) {
    return finish(context, options, file, *staged, wanted);
  }
  if (file.is_taken()) {
    file.fail(EEXIST);
  }
  file.check_replaceable();
  return create(context, *store, wanted, stage_draft<TokenId>(file, kTokenKind), &file);
}

ExitStatus list(Context& context) {
  const auto tokens = value_of(context.open_store()->tokens());
  if (tokens.empty() && context.settings.format == Format::table) {
    print_note("no tokens");
    return ExitStatus::done;
  }
  print_tokens(context, tokens);
  return ExitStatus::done;
}

ExitStatus revoke(Context& context, const Options& options) {
  const auto store = context.open_store();
  return revoke_tokens(context, *store,
                       find_tokens(context, value_of(store->tokens()), options.tokens, "token"),
                       "token");
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* summary, const char* example) {
    return add_subcommand(app, name, summary, example);
  };
  const auto trusting_options = std::make_shared<TrustOptions>();
  const auto rotating_options = std::make_shared<TokenRotationOptions>();
  Arguments* const creating = add("create", "Create a token and show it once", kCreateExample);
  creating->add_option("NAME", options->token.name, "The name of the token (default: its id)")
      ->type_name("NAME");
  creating
      ->add_option("--role", options->token.role, std::string("What the token may do: ") + kRoles)
      ->type_name(kRoleName)
      ->required();
  creating
      ->add_option("--expires", options->token.expires,
                   "When it expires: 90d, a time or never (default)")
      ->type_name("DURATION|TIME|never");
  creating
      ->add_option("--secret-file", options->file, "Write the token to this new file (mode 0600)")
      ->type_name("FILE");
  const Arguments* const listing = add("list", "List all tokens", kListExample);
  Arguments* const revoking =
      add("revoke", "Revoke tokens immediately and permanently", kRevokeExample);
  revoking->add_option("TOKEN", options->tokens, "An id, the beginning of an id, or a name")
      ->type_name("TOKEN")
      ->required();
  Arguments* const rotating =
      add("rotate", "Replace a token with a new one and revoke it", kRotateExample);
  add_token_rotation_options(*rotating, *rotating_options);
  Arguments* const trusting =
      add("trust", "Give the ID tokens of CI jobs and pods the rights of a role", kTrustExample);
  add_trust_options(*trusting, *trusting_options);
  Arguments* const untrusting =
      add("untrust", "End trusts immediately and permanently", kUntrustExample);
  untrusting->add_option("TRUST", options->tokens, "An id, the beginning of an id, or a name")
      ->type_name("TRUST")
      ->required();
  app.require_subcommand(1);
  app.footer(core::join({kCreateExample, kListExample, kRevokeExample, kRotateExample,
                         kTrustExample, kUntrustExample},
                        "\n"));
  return [=](Context& context) {
    if (creating->parsed()) {
      return create(context, *options);
    }
    if (listing->parsed()) {
      return list(context);
    }
    if (rotating->parsed()) {
      return rotate_token(context, *rotating_options);
    }
    if (trusting->parsed()) {
      return trust(context, *trusting_options);
    }
    return untrusting->parsed() ? untrust(context, options->tokens) : revoke(context, *options);
  };
}

}  // namespace

const Command kToken{"token", "Create and revoke access tokens for the HTTP server", attach};

}  // namespace nexakey::cli
