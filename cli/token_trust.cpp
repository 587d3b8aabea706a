#include "cli/token_trust.h"

#include <utility>

#include "cli/actor.h"
#include "cli/token_view.h"
#include "core/text.h"
#include "system/random.h"

namespace nexakey::cli {

using core::ErrorCode;
using core::Token;

namespace {

/// The claims that `--claim NAME=VALUE` gives.
std::map<std::string, std::string> read_claims(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> claims;
  for (const std::string& text : texts) {
    const std::size_t end = text.find('=');
    if (end == std::string::npos) {
      throw Failure{{ErrorCode::usage, "the claim " + core::quote(text) + " has no =",
                     "use --claim repository=acme/api"}};
    }
    if (!claims.emplace(text.substr(0, end), text.substr(end + 1)).second) {
      throw Failure{{ErrorCode::usage,
                     "the claim " + core::quote(text.substr(0, end)) + " is given twice",
                     "make a trust for each value"}};
    }
  }
  return claims;
}

}  // namespace

void add_trust_options(Arguments& command, TrustOptions& options) {
  command.add_option("NAME", options.token.name, "The name of the trust (default: its id)")
      ->type_name("NAME");
  command.add_option("--issuer", options.trust.issuer, "The URL of the issuer of the ID tokens")
      ->type_name("URL")
      ->required();
  command.add_option("--audience", options.trust.audience, "The audience that they must have")
      ->type_name("TEXT");
  command.add_option("--claim", options.claims, "A claim that they must have, with this value")
      ->type_name("NAME=VALUE");
  command.add_option("--role", options.token.role, std::string("What they may do: ") + kRoles)
      ->type_name(kRoleName)
      ->required();
  command
      .add_option("--expires", options.token.expires,
                  "When the trust expires: 90d, a time or never (default)")
      ->type_name("DURATION|TIME|never");
}

ExitStatus trust(Context& context, const TrustOptions& options) {
  Token token = make_token(context, options.token);
  token.trust = options.trust;
  token.trust->claims = read_claims(options.claims);
  token.id = core::TokenId::generate(system::random_bytes);
  token.name = token.name.empty() ? token.id.to_string() : token.name;
  token.hash = core::hash_of_trust(token.id);
  token.last_four = core::kTrustHint;
  value_of(core::check_token(token));
  const auto store = context.open_store(store::OpenMode::create_if_missing);
  print_created(context, value_of(store->as(local_actor()).create_token(token)), nullptr);
  return ExitStatus::done;
}

ExitStatus untrust(Context& context, const std::vector<std::string>& trusts) {
  const auto store = context.open_store();
  const auto found = find_tokens(context, value_of(store->tokens()), trusts, "trust");
  for (const Token& token : found) {
    if (!token.trust) {
      throw Failure{{ErrorCode::usage, token.name + " is a token with a secret, not a trust",
                     "end it with nexakey token revoke " + token.id.to_string()}};
    }
  }
  return revoke_tokens(context, *store, found, "trust");
}

}  // namespace nexakey::cli
