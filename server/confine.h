#pragma once

#include <optional>
#include <string>

#include "core/error.h"
#include "server/routes.h"

/// The workspace that a call is confined to, if it is to any.
namespace nexakey::server {

/// Makes `workspace`, which the client named or not, that of the call; `forbidden` if it named
/// another one.
core::Result<void> confine(const Call& call, std::optional<std::string>& workspace);

/// `forbidden` if the call is confined: `what`, such as "tokens are", is of the whole store.
core::Result<void> check_unconfined(const Call& call, const std::string& what);

}  // namespace nexakey::server
