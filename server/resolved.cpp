#include "server/resolved.h"

#include <algorithm>
#include <utility>

#include "core/id_token.h"
#include "core/key.h"
#include "core/query.h"
#include "server/open_routes.h"
#include "server/responses.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;

/// How long a request may use a token after its look-up.
constexpr std::chrono::seconds kMaxTokenAge{1};

/// The values of each {…}; nothing if the path does not have this form.
std::optional<std::vector<std::string>> match_path(std::string_view form, std::string_view path) {
  std::vector<std::string> parameters;
  for (;;) {
    const std::size_t brace = form.find('{');
    if (brace == std::string_view::npos) {
      return form == path ? std::optional(std::move(parameters)) : std::nullopt;
    }
    if (path.substr(0, brace) != form.substr(0, brace)) {
      return std::nullopt;
    }
    path.remove_prefix(brace);
    if (form[brace + 1] == '+') {
      parameters.emplace_back(path);
      return path.empty() || path.front() == '/' ? std::optional(std::move(parameters))
                                                 : std::nullopt;
    }
    const std::string_view segment = path.substr(0, path.find('/'));
    auto decoded = core::percent_decode(segment);
    if (segment.empty() || !decoded) {
      return std::nullopt;
    }
    parameters.push_back(*std::move(decoded));
    path.remove_prefix(segment.size());
    form.remove_prefix(form.find('}') + 1);
  }
}

bool has_method(const Route& route, std::string_view method) {
  return route.method == "*" || route.method == method ||
         (route.method == "GET" && method == "HEAD");
}

bool has_surface(const Route& route, Surface surface) {
  return surface == Surface::all || route.surface == surface;
}

HttpResponse wrong_method(std::string_view path) {
  std::string methods;
  for (const Route& route : routes()) {
    if (route.path == path) {
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
      methods += route.method == "GET" ? ", HEAD" : "";
    }
  }
  HttpResponse response = problem(405, {ErrorCode::usage, "this path takes " + methods, ""});
  response.headers.emplace_back("Allow", std::move(methods));
  return response;
}

/// The route and its parameters, or 404 or 405.
Resolved find_route(const RequestHead& head) {
  const Route* near = nullptr;  // the path matches, the method does not
  for (const Route& route : routes()) {
    if (!has_surface(route, head.peer.surface) || (near != nullptr && route.path != near->path)) {
      continue;
    }
    auto parameters = match_path(route.path, head.path());
    if (parameters && has_method(route, head.method)) {
      return {.route = &route, .parameters = *std::move(parameters)};
    }
    near = parameters ? &route : near;
  }
  if (near != nullptr) {
    return {.route = near, .refusal = wrong_method(near->path)};
  }
  return {.route = &kNoRoute, .refusal = no_such_path()};
}

Permission permission_of(const Route& route, const Peer& peer) {
  if (route.permission != Permission::local) {
    return route.permission;
  }
  return peer.is_local() ? Permission::none : Permission::token;
}

void read_gateway(Resolved& resolved, const RequestHead& head, const TrustedProxies& proxies) {
  const Gateway gateway = std::get<Gateway>(resolved.route->handler);
  auto asked = read_gateway_request(gateway, head, proxies);
  if (asked) {
    resolved.asked = *std::move(asked);
  } else {
    resolved.refusal = deny_gateway(gateway, 403);
    resolved.refusal->detail = std::move(asked.error().message);
  }
}

HttpResponse no_token() {
  return problem(401, {ErrorCode::forbidden, "this route needs a valid token",
                       "send it as Authorization: Bearer"});
}

void read_token(Resolved& resolved, const RequestHead& head) {
  const auto bearer = read_bearer(head);
  if (bearer && core::kTokenForm.matches(*bearer)) {
    resolved.credential = core::hash_credential(*bearer);
  } else if (bearer && core::looks_like_id_token(*bearer)) {
    resolved.id_token = *bearer;
  } else {
    resolved.refusal = no_token();
  }
}

void read_key(Resolved& resolved, const RequestHead& head) {
  const auto bearer = read_bearer(head);
  if (bearer && core::is_api_key(*bearer)) {
    resolved.credential = core::hash_api_key(*bearer);
  } else {
    resolved.refusal = problem(401, {ErrorCode::forbidden, "this route needs an API key",
                                     "send it as Authorization: Bearer"});
  }
}

}  // namespace

bool Resolved::needs_token() const {
  return !refusal && server::needs_token(permission) &&
         (!token || std::chrono::steady_clock::now() - admitted_at > kMaxTokenAge);
}

bool Resolved::is_answered_at_once() const {
  return refusal || (std::holds_alternative<Open>(route->handler) && !needs_token());
}

bool Resolved::is_offloaded() const {
  return !refusal && std::holds_alternative<Handler>(route->handler);
}

bool Resolved::reads_body() const { return !refusal && route->body == Body::read; }

Resolved resolve(const RequestHead& head, const TrustedProxies& proxies) {
  Resolved resolved = find_route(head);
  if (resolved.refusal) {
    return resolved;
  }
  resolved.permission = permission_of(*resolved.route, head.peer);
  if (resolved.permission == Permission::gateway) {
    read_gateway(resolved, head, proxies);
  } else if (resolved.permission == Permission::key) {
    read_key(resolved, head);
  } else if (needs_token(resolved.permission)) {
    read_token(resolved, head);
  }
  if (!resolved.refusal && resolved.route->parameters == Parameters::none) {
    const auto query = core::Query::parse(head.query());
    const auto rest = query ? query->check_taken() : tl::unexpected(query.error());
    if (!rest) {
      resolved.refusal = problem(rest.error());
    }
  }
  return resolved;
}

void admit(Resolved& resolved, std::optional<core::Token> token) {
  if (token && resolved.token && resolved.token->expires_at) {
    // The second look-up finds a trust, which may be valid for longer than the ID token.
    token->expires_at =
        std::min(token->expires_at.value_or(core::kLastTime), *resolved.token->expires_at);
  }
  if (!token || !token->is_active(core::system_time())) {
    resolved.refusal = no_token();
  } else if (const auto allowed = check_role(token->role, resolved.permission); !allowed) {
    resolved.refusal = problem(allowed.error());
  } else {
    resolved.token = std::move(token);
    resolved.admitted_at = std::chrono::steady_clock::now();
  }
}

void admit(Resolved& resolved, const core::Result<Identity>& identity) {
  if (identity) {
    resolved.credential = identity->token.hash;
    admit(resolved, identity->token);
    resolved.subject = identity->subject;
    return;
  }
  const core::Error& error = identity.error();
  resolved.refusal =
      error.code == ErrorCode::forbidden ? problem(401, error) : identity_problem(error);
}

}  // namespace nexakey::server
