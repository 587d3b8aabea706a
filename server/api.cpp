#include "server/api.h"

#include <utility>

#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

/// Names of tokens are not unique, so that the id has to be there too.
core::Actor actor_of(const core::Token& token, const Peer& peer) {
  const std::string id = token.id.to_string();
  return {.name = token.name == id ? id : token.name + " (" + id + ")", .source = peer.to_string()};
}

}  // namespace

bool is_slow(const HttpRequest& request) {
  const auto match = find_route(request);
  return match && std::holds_alternative<Handler>(match->route->work);
}

HttpResponse answer_slow(store::KeyStore& store, const HttpRequest& request,
                         const std::optional<std::string>& served) {
  auto match = find_route(request);
  if (!match) {
    return std::move(match.error());
  }
  Call call{.store = store,
            .request = request,
            .parameters = std::move(match->parameters),
            .query = {},
            .workspace = served,
            .actor = {},
            .now = core::system_time()};
  if (match->route->access != Access::key) {
    const auto token = authorize(store, request, match->route->access);
    if (!token) {
      return token.error();
    }
    auto workspace = workspace_of(*token, served);
    if (!workspace) {
      return problem(workspace.error());
    }
    call.workspace = *std::move(workspace);
    call.actor = actor_of(*token, request.peer);
  }
  auto response = core::Query::parse(request.query()).and_then([&](core::Query query) {
    call.query = std::move(query);
    return std::get<Handler>(match->route->work)(call);
  });
  return response ? *std::move(response) : problem(response.error());
}

}  // namespace nexakey::server
