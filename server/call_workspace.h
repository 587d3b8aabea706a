#pragma once

#include <optional>
#include <string>

#include "core/error.h"
#include "server/routes.h"

/// Enforces the workspace that a call is confined to.
namespace nexakey::server {

/// Sets `workspace`, which is empty if the client named none, to that of a confined call. Error:
/// `forbidden`, if the client named another one.
core::Result<void> restrict_workspace(const Call& call, std::optional<std::string>& workspace);

/// Error: `forbidden`, if the call is confined. `what` names, with its verb, the subject that
/// belongs to the whole store: "tokens are".
core::Result<void> check_unconfined(const Call& call, const std::string& what);

}  // namespace nexakey::server
