#pragma once

#include <optional>
#include <string>

#include "server/resolved.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Calls the handler of an offloaded request that has been admitted, confined to the workspace of
/// its token. `served`: the only workspace that the server has; none: all. May run on any thread,
/// with the store of that thread.
HttpResponse call_handler(store::KeyStore& store, BodyFiles& files, const HttpRequest& request,
                          const std::optional<std::string>& served);

}  // namespace nexakey::server
