#pragma once

#include <string>

namespace nexakey::server {

/// The body with which a gateway denies a request to the API's client: a problem document
/// (RFC 9457) with the same members as the errors of this server. It depends on the status alone,
/// so that it tells nothing about the key, and so that a gateway can have a copy of it.
/// `status` is 401, 403, 429 or 503.
std::string denial_body(int status);

}  // namespace nexakey::server
