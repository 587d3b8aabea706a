#include "server/routes.h"

#include <array>

#include "server/handlers.h"
#include "server/open_routes.h"

namespace nexakey::server {
namespace {

using enum Permission;
using Class = RouteClass;
constexpr Class kAdmin = Class::administration;
constexpr Class kOps = Class::operations;
constexpr Parameters kAny = Parameters::ignored;
constexpr Parameters kNone = Parameters::none;
constexpr Parameters kSome = Parameters::taken;
constexpr Body kNoBody = Body::ignored;
constexpr Body kBody = Body::read;

// A path without {…} precedes those with {…} that would match it too.
constexpr std::array kRoutes{
    Route{"*", "/auth/nginx", gateway, Class::gateway, kAny, kNoBody, Gateway::nginx},
    Route{"*", "/auth/forward", gateway, Class::gateway, kAny, kNoBody, Gateway::forward},
    Route{"*", "/auth/envoy{+path}", gateway, Class::gateway, kAny, kNoBody, Gateway::envoy},
    Route{"POST", "/v1/verify", ask, Class::verify, kSome, kBody, Inline::verify},
    Route{"POST", "/v1/report", decide, Class::report, kNone, kBody, Inline::record_responses},
    Route{"GET", "/v1/self", key, kAdmin, kNone, kNoBody, show_self},
    Route{"POST", "/v1/self/revoke", key, kAdmin, kNone, kBody, revoke_self},
    Route{"GET", "/v1/keys", look, kAdmin, kSome, kNoBody, list_keys},
    Route{"POST", "/v1/keys/find", look, kAdmin, kNone, kBody, find_keys},
    Route{"POST", "/v1/keys/revoke", change, kAdmin, kSome, kBody, revoke_keys},
    Route{"POST", "/v1/keys/purge", change, kAdmin, kNone, kBody, purge_keys},
    Route{"GET", "/v1/keys/{id}", look, kAdmin, kNone, kNoBody, show_key},
    Route{"PUT", "/v1/keys/{id}", create, kAdmin, kSome, kBody, put_key},
    Route{"PATCH", "/v1/keys/{id}", change, kAdmin, kNone, kBody, change_key},
    Route{"POST", "/v1/keys/{id}/rotate", rotate, kAdmin, kNone, kBody, rotate_key},
    Route{"GET", "/v1/usage", read, kAdmin, kSome, kNoBody, show_usage},
    Route{"GET", "/v1/usage/peaks", read, kAdmin, kSome, kNoBody, show_peaks},
    Route{"GET", "/v1/workspaces", look, kAdmin, kNone, kNoBody, list_workspaces},
    Route{"GET", "/v1/workspaces/{name}/policy", look, kAdmin, kNone, kNoBody, show_policy},
    Route{"PUT", "/v1/workspaces/{name}/policy", change, kAdmin, kNone, kBody, put_policy},
    Route{"GET", "/v1/whoami", token, kAdmin, kNone, kNoBody, show_whoami},
    Route{"GET", "/v1/tokens", read, kAdmin, kNone, kNoBody, list_tokens},
    Route{"POST", "/v1/tokens/revoke", change, kAdmin, kNone, kBody, revoke_tokens},
    Route{"PUT", "/v1/tokens/{id}", change, kAdmin, kNone, kBody, put_token},
    Route{"GET", "/v1/audit", read, kAdmin, kSome, kNoBody, list_audit},
    Route{"GET", "/v1/audit/head", read, kAdmin, kNone, kNoBody, show_audit_head},
    Route{"GET", "/v1/export", read, kAdmin, kSome, kNoBody, export_store},
    Route{"PUT", "/v1/imports/{id}/{part}", change, kAdmin, kNone, kBody, put_import_part},
    Route{"POST", "/v1/imports/{id}", change, kAdmin, kNone, kBody, commit_import},
    Route{"GET", "/openapi.json", none, kOps, kNone, kNoBody, show_openapi},
    Route{"GET", "/healthz", none, kOps, kNone, kNoBody, show_health, Surface::metrics},
    Route{"GET", "/readyz", none, kOps, kNone, kNoBody, Probe{}, Surface::metrics},
    Route{"GET", "/metrics", local, kOps, kNone, kNoBody, show_metrics, Surface::metrics},
};

HttpResponse refuse_path(const Metrics& /*metrics*/) { return no_such_path(); }

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Route kNoRoute{"*", "", none, Class::unknown, kAny, kNoBody, refuse_path};

}  // namespace nexakey::server
