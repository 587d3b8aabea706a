#include "server/api.h"

#include <utility>

#include "core/text.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

/// Names of tokens are not unique, so the id is added, and the subject of an ID token.
core::Actor actor_of(const Resolved& resolved, const Peer& peer) {
  constexpr std::size_t kMaxSubject = 200;
  const core::Token& token = *resolved.token;
  const std::string id = token.id.to_string();
  std::string name = token.name == id ? id : token.name + " (" + id + ")";
  if (!resolved.subject.empty()) {
    name += " as " + core::fit(resolved.subject, kMaxSubject);
  }
  return {.name = std::move(name), .source = peer.to_string()};
}

bool is_of_store(const core::Error& error) {
  return error.code == core::ErrorCode::store_unavailable ||
         error.code == core::ErrorCode::outcome_unknown || error.code == core::ErrorCode::failed;
}

}  // namespace

HttpResponse call_handler(store::KeyStore& store, BodyFiles& files, const HttpRequest& request,
                          const std::optional<std::string>& served) {
  auto query = core::Query::parse(request.head.query());
  if (!query) {
    return problem(query.error());
  }
  Call call{.store = store,
            .files = files,
            .request = request,
            .query = *std::move(query),
            .workspace = served,
            .actor = {},
            .now = core::system_time()};
  if (const auto& token = request.resolved.token) {
    auto workspace = workspace_of(*token, served);
    if (!workspace) {
      return problem(workspace.error());
    }
    call.workspace = *std::move(workspace);
    call.actor = actor_of(request.resolved, request.head.peer);
  }
  auto response = std::get<Handler>(request.resolved.route->handler)(call);
  if (response) {
    return *std::move(response);
  }
  return !request.resolved.token && is_of_store(response.error()) ? store_problem(response.error())
                                                                  : problem(response.error());
}

}  // namespace nexakey::server
