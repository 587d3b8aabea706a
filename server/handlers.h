#pragma once

#include "core/error.h"
#include "server/http.h"
#include "server/routes.h"

/// The handlers of the offloaded routes, by file. An error becomes a problem document. All are
/// confined to the workspace of the call: keys of other workspaces do not exist.
namespace nexakey::server {

// key_routes.cpp
core::Result<HttpResponse> list_keys(Call& call);
core::Result<HttpResponse> show_key(Call& call);
core::Result<HttpResponse> find_keys(Call& call);

// key_change_routes.cpp
core::Result<HttpResponse> put_key(Call& call);
core::Result<HttpResponse> change_key(Call& call);
core::Result<HttpResponse> rotate_key(Call& call);

// revocation_routes.cpp
core::Result<HttpResponse> revoke_keys(Call& call);
core::Result<HttpResponse> revoke_self(Call& call);

// self_routes.cpp
core::Result<HttpResponse> show_self(Call& call);

// purge_routes.cpp
core::Result<HttpResponse> purge_keys(Call& call);

// usage_routes.cpp
core::Result<HttpResponse> show_usage(Call& call);
core::Result<HttpResponse> show_peaks(Call& call);
core::Result<HttpResponse> list_workspaces(Call& call);

// audit_routes.cpp
core::Result<HttpResponse> list_audit(Call& call);
core::Result<HttpResponse> show_audit_head(Call& call);

// moving_routes.cpp
core::Result<HttpResponse> export_store(Call& call);
core::Result<HttpResponse> put_import_part(Call& call);
core::Result<HttpResponse> commit_import(Call& call);

// policy_routes.cpp
core::Result<HttpResponse> show_policy(Call& call);
core::Result<HttpResponse> put_policy(Call& call);

// token_routes.cpp
core::Result<HttpResponse> show_whoami(Call& call);
core::Result<HttpResponse> list_tokens(Call& call);
core::Result<HttpResponse> put_token(Call& call);
core::Result<HttpResponse> revoke_tokens(Call& call);

}  // namespace nexakey::server
