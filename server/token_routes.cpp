#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_reader.h"
#include "core/text.h"
#include "server/confine.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::Json;
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
  return core::parse_json(call.request.body).and_then([&](const Json& json) -> Result<Token> {
    // read_token takes one that is missing for zeros.
    for (const char* const name : {"id", "hash"}) {
      if (!json.is_object() || !json.contains(name) || !json[name].is_string()) {
        return core::reject("a token needs the member " + std::string(name));
      }
    }
    auto token = core::read_token(json, core::Unknown::refused);
    if (token && token->id.to_string() != call.id()) {
      return core::reject("the id of the token is not the one of the path");
    }
    return token;
  });
}

/// The tokens that a revocation names; they have no place for a reason.
Result<std::vector<TokenId>> read_ids(const core::Revocation& revocation) {
  if (!revocation.reason.empty()) {
    return core::reject("the revocation of a token has no reason");
  }
  std::vector<TokenId> ids;
  for (const std::string& text : revocation.ids) {
    const auto id = TokenId::parse(text);
    if (!id) {
      return core::fail(ErrorCode::not_found, "no token " + core::quote(text));
    }
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Result<HttpResponse> list_tokens(Call& call) {
  return check_unconfined(call, "tokens are")
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] { return call.store.tokens(); })
      .map([&](const std::vector<Token>& tokens) { return tokens_response(tokens, call.now); });
}

Result<HttpResponse> put_token(Call& call) {
  return check_unconfined(call, "tokens are")
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] { return read_new_token(call); })
      .and_then([&](const Token& token) { return call.store.as(call.actor).create_token(token); })
      .map([&](const Token& token) {
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("token");
          core::write_token_record(json, token, call.now);
          json.end_object();
        });
      });
}

Result<HttpResponse> revoke_tokens(Call& call) {
  return check_unconfined(call, "tokens are")
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] { return core::parse_json(call.request.body); })
      .and_then([](const Json& json) { return core::read_revocation(json); })
      .and_then(read_ids)
      .and_then([&](const std::vector<TokenId>& ids) {
        return call.store.as(call.actor).revoke_tokens(ids, call.now);
      })
      .map([&](const std::vector<Token>& tokens) { return tokens_response(tokens, call.now); });
}

}  // namespace nexakey::server
