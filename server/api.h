#pragma once

#include <optional>
#include <string>

#include "server/resolved.h"
#include "store/served_store.h"

namespace nexakey::server {

/// Calls the handler of an offloaded request that has its token, confined to the workspace of the
/// token. `served`: the only workspace that the server has; none: all. For any thread.
HttpResponse call_handler(store::ServedStore& store, const HttpRequest& request,
                          const std::optional<std::string>& served);

}  // namespace nexakey::server
