// Tokens: PUT /v1/tokens/{id} and GET /v1/tokens; and whose token this is: GET /v1/whoami.

#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {

using core::Json;
using core::Token;

Result<Token> RemoteStore::create_token(const Token& token) {
  const std::string id = token.id.to_string();
  const Call call{.message = {.method = "PUT",
                              .target = "/v1/tokens/" + id,
                              .body = written([&](core::JsonWriter& json) {
                                write_token_record(json, token, token.created_at);
                              })},
                  .remedy = "revoke " + id + ", if it is there, and run the command again"};
  return client_.ask(call, [&](const Json& json) -> Result<Token> {
    auto created = read_token(member(json, "token"));
    return !created || *created == token ? std::move(created)
                                         : core::reject("it is for another token");
  });
}

Result<std::vector<Token>> RemoteStore::tokens() {
  return client_.ask(get("/v1/tokens"), [](const Json& json) {
    return read_list(member(json, "tokens"), read_token);
  });
}

Result<std::optional<core::Whoami>> RemoteStore::whoami() {
  Call call = get("/v1/whoami");
  call.may_miss = true;  // an earlier version does not have this path
  return client_.ask(call, [](const Json& json) {
    return core::read_whoami(json).map(
        [](core::Whoami whoami) { return std::optional(std::move(whoami)); });
  });
}

}  // namespace nexakey::store::http
