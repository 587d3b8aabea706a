#include "cli/token_view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/actor.h"
#include "cli/json_list.h"
#include "cli/key_view.h"
#include "cli/print_table.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {

using core::ErrorCode;
using core::Token;

namespace {

/// `https://issuer.example.com aud=keys sub=repo:acme/api`.
std::string words_of(const core::Trust& trust) {
  const auto word = [](const std::string& name, const std::string& value) {
    return " " + name + "=" + (value.find(' ') == std::string::npos ? value : core::quote(value));
  };
  std::string words = trust.issuer + word("aud", trust.audience);
  for (const auto& [name, value] : trust.claims) {
    words += word(name, value);
  }
  return words;
}

void print_token_table(Context& context, const std::vector<Token>& tokens) {
  const KeyView view(context);
  const core::Time now = context.now();
  Table table({{"ID"},
               {"NAME", false, kMinTextWidth},
               {"ROLE"},
               {"WORKSPACE", false, kMinTextWidth, 2},
               {"STATUS"},
               {.title = "CREATED", .left_out = 3},
               {.title = "EXPIRES", .left_out = 1}});
  const bool has_trusts =
      std::ranges::any_of(tokens, [](const Token& token) { return token.trust.has_value(); });
  if (has_trusts) {
    table.add_column({.title = "TRUSTS", .min_width = kMinTextWidth, .left_out = 4});
  }
  for (const Token& token : tokens) {
    const bool is_active = token.is_active(now);
    std::vector<Cell> row{
        token.id.to_string(),
        token.name,
        std::string(core::name_of(token.role)),
        token.workspace.value_or("all"),
        Cell(std::string(token.status(now)), is_active ? Style::good : Style::bad),
        view.brief_time(token.created_at),
        view.brief_time(token.expires_at)};
    if (has_trusts) {
      row.emplace_back(token.trust ? words_of(*token.trust) : "-");
    }
    table.add(std::move(row));
  }

  print_table(context, std::move(table));
}

}  // namespace

void print_tokens(Context& context, const std::vector<Token>& tokens) {
  const core::Time now = context.now();
  if (context.settings.format == Format::table) {
    if (context.settings.quiet) {
      for (const Token& token : tokens) {
        context.out.write(token.id.to_string() + "\n");
      }
    } else {
      print_token_table(context, tokens);
    }
    return;
  }
  print_json_list(context, "tokens", tokens, [&](core::JsonWriter& json, const Token& token) {
    core::write_token(json, token, now);
  });
}

void print_created(Context& context, const Token& token, const core::Secret* secret) {
  if (context.settings.format != Format::table) {
    write_with_secret(
        context.out, "token",
        [&](core::JsonWriter& json) { core::write_token(json, token, context.now()); }, secret);
    return;
  }
  const bool quiet = context.settings.quiet;
  if (!quiet) {
    print_token_table(context, std::vector{token});
  }
  if (secret != nullptr) {
    context.out.write(core::Secret((quiet ? "" : "\n") + std::string(secret->reveal()) + "\n"));
    if (!quiet) {
      print_note("This token is shown only once: keep it in a safe place");
    }
  }
  context.out.flush();
}

Token find_token(const Context& context, const std::vector<Token>& tokens,
                 const std::string& argument, const std::string& what) {
  const auto ids = core::TokenIdRange::parse(argument);
  std::vector<Token> found;
  std::ranges::copy_if(tokens, std::back_inserter(found), [&](const Token& token) {
    return ids ? ids->contains(token.id) : token.name == argument && token.is_active(context.now());
  });
  if (found.empty()) {
    throw Failure{{ErrorCode::not_found, "no " + what + " " + core::quote(argument),
                   "see nexakey token list"}};
  }
  if (found.size() > 1) {
    throw Failure{{ErrorCode::ambiguous,
                   core::quote(argument) + " matches " + std::to_string(found.size()) + " tokens",
                   "name one by its id"}};
  }
  return found.front();
}

std::vector<Token> find_tokens(const Context& context, const std::vector<Token>& tokens,
                               const std::vector<std::string>& arguments, const std::string& what) {
  std::vector<Token> found;
  for (const std::string& argument : arguments) {
    Token token = find_token(context, tokens, argument, what);
    if (std::ranges::count(found, token.id, &Token::id) == 0) {
      found.push_back(std::move(token));
    }
  }
  return found;
}

ExitStatus revoke_tokens(Context& context, store::KeyStore& store, const std::vector<Token>& tokens,
                         const std::string& what) {
  context.require_yes("Revoke " + std::to_string(tokens.size()) + " " + what +
                          (tokens.size() == 1 ? "" : "s") + " permanently?",
                      "revoking " + what + "s");
  std::vector<core::TokenId> ids;
  std::ranges::transform(tokens, std::back_inserter(ids), &Token::id);
  const auto revoked = value_of(store.as(local_actor()).revoke_tokens(ids, context.now()));
  if (!context.settings.quiet) {
    print_tokens(context, revoked);
  }
  return ExitStatus::done;
}

}  // namespace nexakey::cli
