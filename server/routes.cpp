#include "server/routes.h"

#include <array>

#include "server/handlers.h"

namespace nexakey::server {
namespace {

using enum Permission;
constexpr Body kIgnored = Body::ignored;
constexpr Body kWhole = Body::read;
constexpr RouteClass kAdministration = RouteClass::administration;
constexpr RouteClass kOperations = RouteClass::operations;

// A path without {…} comes before those with {…} that it matches too.
constexpr std::array kRoutes{
    Route{"*", "/auth/nginx", gateway, RouteClass::gateway, kIgnored, Gateway::nginx},
    Route{"*", "/auth/forward", gateway, RouteClass::gateway, kIgnored, Gateway::forward},
    Route{"*", "/auth/envoy{+path}", gateway, RouteClass::gateway, kIgnored, Gateway::envoy},
    Route{"POST", "/v1/verify", decide, RouteClass::verify, kWhole, Inline::verify},
    Route{"POST", "/v1/report", decide, RouteClass::report, kWhole, Inline::record_responses},
    Route{"POST", "/v1/self/revoke", key, kAdministration, kIgnored, revoke_self},
    Route{"GET", "/v1/keys", read, kAdministration, kIgnored, list_keys},
    Route{"POST", "/v1/keys/revoke", change, kAdministration, kWhole, revoke_keys},
    Route{"GET", "/v1/keys/{id}", read, kAdministration, kIgnored, show_key},
    Route{"PUT", "/v1/keys/{id}", change, kAdministration, kWhole, put_key},
    Route{"PATCH", "/v1/keys/{id}", change, kAdministration, kWhole, change_key},
    Route{"POST", "/v1/keys/{id}/rotate", change, kAdministration, kWhole, rotate_key},
    Route{"GET", "/v1/usage", read, kAdministration, kIgnored, report_usage},
    Route{"GET", "/v1/workspaces", read, kAdministration, kIgnored, list_workspaces},
    Route{"GET", "/v1/tokens", read, kAdministration, kIgnored, list_tokens},
    Route{"POST", "/v1/tokens/revoke", change, kAdministration, kWhole, revoke_tokens},
    Route{"PUT", "/v1/tokens/{id}", change, kAdministration, kWhole, put_token},
    Route{"GET", "/v1/audit", read, kAdministration, kIgnored, list_audit},
    Route{"GET", "/v1/audit/head", read, kAdministration, kIgnored, show_audit_head},
    Route{"GET", "/v1/export", read, kAdministration, kIgnored, export_store},
    Route{"PUT", "/v1/imports/{id}/{part}", change, kAdministration, kWhole, put_import_part},
    Route{"POST", "/v1/imports/{id}", change, kAdministration, kWhole, commit_import},
    Route{"GET", "/openapi.json", none, kOperations, kIgnored, Inline::openapi},
    Route{"GET", "/healthz", none, kOperations, kIgnored, Inline::healthz},
    Route{"GET", "/readyz", none, kOperations, kIgnored, Inline::readyz},
    Route{"GET", "/metrics", none, kOperations, kIgnored, Inline::metrics},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Route kNoRoute{"*", "", none, RouteClass::unknown, kIgnored, Inline::healthz};

bool is_on(const Route& route, Surface surface) {
  const Inline* const answer = std::get_if<Inline>(&route.handler);
  return surface == Surface::all ||
         (answer != nullptr &&
          (*answer == Inline::metrics || *answer == Inline::healthz || *answer == Inline::readyz));
}

}  // namespace nexakey::server
