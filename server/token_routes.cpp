#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::Result;
using core::Token;
using core::TokenId;

HttpResponse tokens_response(const std::vector<Token>& tokens, core::Time now) {
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("tokens").begin_array();
    for (const Token& token : tokens) {
      core::write_token_record(json, token, now);
    }
    json.end_array().end_object();
  });
}

Result<Token> read_new_token(const Call& call) {
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  auto token = core::read_token(*json, core::Unknown::refused);
  if (token && token->id.to_string() != call.id()) {
    return core::reject("the id of the token is not the one of the path");
  }
  if (token && token->is_damaged) {
    return core::reject("a new token cannot be damaged");
  }
  return token;
}

/// The tokens of a revocation, which has no reason.
Result<std::vector<TokenId>> read_ids(const std::string& body) {
  const auto json = core::parse_json(body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  const auto revocation = core::read_revocation(*json);
  if (!revocation) {
    return tl::unexpected(revocation.error());
  }
  if (json->contains("reason")) {
    return core::reject("the revocation of a token has no reason");
  }
  std::vector<TokenId> ids;
  for (const std::string& text : revocation->ids) {
    const auto id = TokenId::parse(text);
    if (!id) {
      return core::fail(ErrorCode::not_found, "no token " + core::quote(text));
    }
    ids.push_back(*id);
  }
  return ids;
}

std::optional<std::string> subject_of(const Call& call) {
  const std::string& subject = call.request.resolved.subject;
  return subject.empty() ? std::nullopt : std::optional(subject);
}

}  // namespace

Result<HttpResponse> show_whoami(Call& call) {
  const Token& token = *call.request.resolved.token;
  return json_response([&](core::JsonWriter& json) {
    core::write_whoami(json, {.id = token.id,
                              .name = token.name,
                              .role = token.role,
                              .workspace = call.workspace,
                              .expires_at = token.expires_at,
                              .subject = subject_of(call),
                              .version = NEXAKEY_VERSION});
  });
}

Result<HttpResponse> list_tokens(Call& call) {
  if (auto unconfined = check_unconfined(call, "tokens are"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto tokens = call.store.tokens();
  if (!tokens) {
    return tl::unexpected(tokens.error());
  }
  return tokens_response(*tokens, call.now);
}

Result<HttpResponse> put_token(Call& call) {
  if (auto unconfined = check_unconfined(call, "tokens are"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto token = read_new_token(call);
  if (!token) {
    return tl::unexpected(token.error());
  }
  const auto created = call.store.as(call.actor).create_token(*token);
  if (!created) {
    return tl::unexpected(created.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("token");
    core::write_token_record(json, *created, call.now);
    json.end_object();
  });
}

Result<HttpResponse> revoke_tokens(Call& call) {
  if (auto unconfined = check_unconfined(call, "tokens are"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto ids = read_ids(call.request.body);
  if (!ids) {
    return tl::unexpected(ids.error());
  }
  const auto tokens = call.store.as(call.actor).revoke_tokens(*ids, call.now);
  if (!tokens) {
    return tl::unexpected(tokens.error());
  }
  return tokens_response(*tokens, call.now);
}

}  // namespace nexakey::server
