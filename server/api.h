#pragma once

#include <optional>
#include <string>

#include "server/http.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Whether a request is for a handler, which can take long; else the loop answers it.
bool is_slow(const HttpRequest& request);

/// Answers such a request: the token is looked up, what it may see is confined, and the handler of
/// the route is called. `served`: the only workspace whose keys are known here; none: all. For any
/// thread.
HttpResponse answer_slow(store::KeyStore& store, const HttpRequest& request,
                         const std::optional<std::string>& served);

}  // namespace nexakey::server
