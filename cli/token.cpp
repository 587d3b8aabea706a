#include <algorithm>
#include <cerrno>
#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/draft.h"
#include "cli/hand_over.h"
#include "cli/json_list.h"
#include "cli/key_file.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "cli/print_table.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Token;
using core::TokenId;

constexpr const char* kCreateExample =
    "nexakey token create gateway --role verifier --secret-file gateway.token";
constexpr const char* kListExample = "nexakey token list";
constexpr const char* kRevokeExample = "nexakey token revoke gateway";

struct Options {
  std::optional<std::string> name{};
  std::string role;
  std::optional<std::string> expires{};
  std::optional<std::string> file{};
  std::vector<std::string> tokens;
};

void print_table(Context& context, const std::vector<Token>& tokens) {
  const KeyView view(context);
  const core::Time now = context.now();
  Table table({{"ID"},
               {"NAME", false, kMinTextWidth},
               {"ROLE"},
               {"WORKSPACE", false, kMinTextWidth, 2},
               {"STATUS"},
               {.title = "CREATED", .left_out = 3},
               {.title = "EXPIRES", .left_out = 1}});
  for (const Token& token : tokens) {
    const bool is_active = token.is_active(now);
    table.add({token.id.to_string(), token.name, std::string(core::name_of(token.role)),
               token.workspace.value_or("all"),
               Cell(std::string(token.status(now)), is_active ? Style::good : Style::bad),
               view.brief_time(token.created_at), view.brief_time(token.expires_at)});
  }
  print_table(context, std::move(table));
}

void print_tokens(Context& context, const std::vector<Token>& tokens) {
  const core::Time now = context.now();
  if (context.settings.format == Format::table) {
    if (context.settings.quiet) {
      for (const Token& token : tokens) {
        context.out.write(token.id.to_string() + "\n");
      }
    } else {
      print_table(context, tokens);
    }
    return;
  }
  print_json_list(context, "tokens", tokens, [&](core::JsonWriter& json, const Token& token) {
    core::write_token(json, token, now);
  });
}

/// The token that the options ask for, without its secret and, if it has no name, without a name.
Token make_token(const Context& context, const Options& options) {
  Token token;
  token.created_at = context.now();
  token.name = options.name.value_or("");
  token.workspace = context.settings.workspace;
  const auto role = core::parse_role(options.role);
  if (!role) {
    throw Failure{{ErrorCode::usage, "unknown role " + core::quote(options.role),
                   "use verifier, auditor or admin"}};
  }
  token.role = *role;
  if (options.expires) {
    token.expires_at = parse_expiry(*options.expires, token.created_at, "the token");
  }
  if (options.name) {
    value_of(core::check_name(*options.name));
  }
  return token;
}

/// `secret` is null for a token that was written to a file.
void print_created(Context& context, const Token& token, const core::Secret* secret) {
  if (context.settings.format != Format::table) {
    write_with_secret(
        context.out, "token",
        [&](core::JsonWriter& json) { core::write_token(json, token, context.now()); }, secret);
    return;
  }
  const bool quiet = context.settings.quiet;
  if (!quiet) {
    print_table(context, std::vector{token});
  }
  if (secret != nullptr) {
    context.out.write(core::Secret((quiet ? "" : "\n") + std::string(secret->reveal()) + "\n"));
    if (!quiet) {
      print_note("This token is shown only once: keep it in a safe place");
    }
  }
  context.out.flush();
}

/// The token whose secret an interrupted command has staged, if the store has it. The secret of one
/// that has ended is deleted.
std::optional<Token> find_staged(const Context& context, store::KeyStore& store, KeyFile& file) {
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

bool is_as_asked(const Options& options, const Token& token, const Token& wanted) {
  return token.name == options.name.value_or(token.id.to_string()) && token.role == wanted.role &&
         token.workspace == wanted.workspace &&
         (options.expires ? is_expiry_as_asked(*options.expires, token.created_at, token.expires_at,
                                               wanted.created_at)
                          : !token.expires_at);
}

/// Publishes the token that an interrupted command stored and staged.
ExitStatus finish(Context& context, const Options& options, KeyFile& file, const Token& token,
                  const Token& wanted) {
  if (!is_as_asked(options, token, wanted)) {
    throw Failure{{ErrorCode::conflict,
                   "an interrupted command has left the token " + token.name + " (" +
                       token.id.to_string() + ") beside " + file.path().string(),
                   "run that command again, or revoke " + token.id.to_string()}};
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
  const Token token = complete(wanted, draft);
  value_of(core::check_token(token));
  const std::string id = token.id.to_string();
  auto created = changes.create_token(token);
  if (!created && file != nullptr) {
    fail_with_draft(*file, draft.is_resumed, created.error());
  }
  if (!created) {
    if (created.error().code == ErrorCode::outcome_unknown) {
      created.error().hint = revoke_hint("nexakey token revoke " + id);
    }
    throw Failure{std::move(created.error())};
  }
  hand_over({.secret = draft.secret,
             .file = file,
             .print = [&](const core::Secret* shown) { print_created(context, *created, shown); },
             .revoke =
                 [&] {
                   return changes.revoke_tokens({&created->id, 1}, context.now())
                       .map([](const auto& /*tokens*/) {});
                 },
             .subject = "the token " + id,
             .revoke_command = "nexakey token revoke " + id});
  return ExitStatus::done;
}

ExitStatus create(Context& context, const Options& options) {
  const Token wanted = make_token(context, options);
  const auto store = context.open_store(store::OpenMode::create_if_missing);
  if (!options.file) {
    return create(context, *store, wanted, make_draft<TokenId>(kTokenKind), nullptr);
  }
  KeyFile file(*options.file, kTokenKind, context.store_name());
  if (const auto staged = find_staged(context, *store, file)) {
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

/// The token with an id, a unique beginning of an id, or the name of a live token.
Token find_token(const Context& context, const std::vector<Token>& tokens,
                 const std::string& argument) {
  const auto ids = core::TokenIdRange::parse(argument);
  std::vector<Token> found;
  std::ranges::copy_if(tokens, std::back_inserter(found), [&](const Token& token) {
    return ids ? ids->contains(token.id) : token.name == argument && token.is_active(context.now());
  });
  if (found.empty()) {
    throw Failure{
        {ErrorCode::not_found, "no token " + core::quote(argument), "see nexakey token list"}};
  }
  if (found.size() > 1) {
    throw Failure{{ErrorCode::ambiguous,
                   core::quote(argument) + " matches " + std::to_string(found.size()) + " tokens",
                   "name one by its id"}};
  }
  return found.front();
}

ExitStatus revoke(Context& context, const Options& options) {
  const auto store = context.open_store();
  const auto tokens = value_of(store->tokens());
  std::vector<core::TokenId> ids;
  for (const std::string& argument : options.tokens) {
    const core::TokenId id = find_token(context, tokens, argument).id;
    if (std::ranges::count(ids, id) == 0) {
      ids.push_back(id);
    }
  }
  context.require_yes("Revoke " + std::to_string(ids.size()) + " token" +
                          (ids.size() == 1 ? "" : "s") + " permanently?",
                      "revoking tokens");
  const auto revoked = value_of(store->as(local_actor()).revoke_tokens(ids, context.now()));
  if (!context.settings.quiet) {
    print_tokens(context, revoked);
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* summary, const char* example) {
    return add_subcommand(app, name, summary, example);
  };
  Arguments* const creating = add("create", "Create a token and show it once", kCreateExample);
  creating->add_option("NAME", options->name, "The name of the token (default: its id)")
      ->type_name("NAME");
  creating->add_option("--role", options->role, "What the token may do")
      ->type_name("verifier|auditor|admin")
      ->required();
  creating
      ->add_option("--expires", options->expires, "When it expires: 90d, a time or never (default)")
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
  app.require_subcommand(1);
  app.footer(core::join({kCreateExample, kListExample, kRevokeExample}, "\n"));
  return [=](Context& context) {
    if (creating->parsed()) {
      return create(context, *options);
    }
    return listing->parsed() ? list(context) : revoke(context, *options);
  };
}

}  // namespace

const Command kToken{"token", "Create and revoke access tokens for the HTTP server", attach};

}  // namespace nexakey::cli
