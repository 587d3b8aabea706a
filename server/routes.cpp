#include "server/routes.h"

#include <algorithm>
#include <array>

#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

// A path without {…} stands before those that would match it too.
constexpr std::array kRoutes{
    Route{"*", "/auth/nginx", Access::gateway, Quick::gateway},
    Route{"*", "/auth/forward", Access::gateway, Quick::gateway},
    Route{"*", "/auth/envoy{+path}", Access::gateway, Quick::gateway},
    Route{"POST", "/v1/verify", Access::decide, Quick::verify},
    Route{"POST", "/v1/report", Access::decide, Quick::report},
    Route{"POST", "/v1/self/revoke", Access::key, revoke_self},
    Route{"GET", "/v1/keys", Access::read, list_keys},
    Route{"POST", "/v1/keys/revoke", Access::change, revoke_keys},
    Route{"GET", "/v1/keys/{id}", Access::read, show_key},
    Route{"PUT", "/v1/keys/{id}", Access::change, put_key},
    Route{"PATCH", "/v1/keys/{id}", Access::change, change_key},
    Route{"POST", "/v1/keys/{id}/rotate", Access::change, rotate_key},
    Route{"GET", "/v1/usage", Access::read, report_usage},
    Route{"GET", "/v1/workspaces", Access::read, list_workspaces},
    Route{"GET", "/v1/tokens", Access::read, list_tokens},
    Route{"POST", "/v1/tokens/revoke", Access::change, revoke_tokens},
    Route{"PUT", "/v1/tokens/{id}", Access::change, put_token},
    Route{"GET", "/v1/audit", Access::read, list_audit},
    Route{"GET", "/v1/audit/head", Access::read, show_audit_head},
    Route{"GET", "/v1/export", Access::read, export_store},
    Route{"PUT", "/v1/imports/{id}/{part}", Access::change, put_import_part},
    Route{"POST", "/v1/imports/{id}", Access::change, commit_import},
    Route{"GET", "/openapi.json", Access::open, Quick::contract},
    Route{"GET", "/healthz", Access::open, Quick::health},
    Route{"GET", "/readyz", Access::open, Quick::readiness},
    Route{"GET", "/metrics", Access::open, Quick::metrics},
};

/// What stands in the place of each {…}, if the path is of this form.
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

bool takes(const Route& route, std::string_view method) {
  return route.method == "*" || route.method == method ||
         (route.method == "GET" && method == "HEAD");
}

bool is_on(const Route& route, Surface surface) {
  const Quick* const quick = std::get_if<Quick>(&route.work);
  return surface == Surface::all ||
         (quick != nullptr &&
          (*quick == Quick::metrics || *quick == Quick::health || *quick == Quick::readiness));
}

HttpResponse wrong_method(std::string_view path) {
  std::string methods;
  for (const Route& route : kRoutes) {
    if (route.path == path) {
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
      methods += route.method == "GET" ? ", HEAD" : "";
    }
  }
  HttpResponse response = problem(405, {core::ErrorCode::usage, "this path takes " + methods, ""});
  response.headers.emplace_back("Allow", std::move(methods));
  return response;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

tl::expected<Match, HttpResponse> find_route(const HttpRequest& request) {
  const Route* near = nullptr;  // the path is right, the method is not
  for (const Route& route : kRoutes) {
    if (!is_on(route, request.peer.surface) || (near != nullptr && route.path != near->path)) {
      continue;
    }
    auto parameters = match_path(route.path, request.path());
    if (!parameters) {
      continue;
    }
    if (takes(route, request.method)) {
      return Match{&route, *std::move(parameters)};
    }
    near = &route;
  }
  return tl::unexpected(near != nullptr
                            ? wrong_method(near->path)
                            : problem({core::ErrorCode::not_found, "there is nothing at this path",
                                       "see nexakey-api(7)"}));
}

}  // namespace nexakey::server
