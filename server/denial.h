#pragma once

#include <string>

namespace nexakey::server {

/// The body of a gateway's denial to the API's client: a problem document (RFC 9457) with the same
/// members as the errors of this server. It depends on the status alone, so that it reveals nothing
/// about the key, and a gateway can have a copy. `status`: 401, 403, 429 or 503.
std::string denial_body(int status);

}  // namespace nexakey::server
