#pragma once

#include <optional>
#include <string_view>

#include "core/decision.h"
#include "core/error.h"

namespace nexakey::server {

/// What a gateway's access log says of one request: a datagram as nginx's `access_log syslog:`
/// sends it, a header (RFC 3164; the host may be missing) and behind it a JSON object with
/// `key_id`, `method`, `path`, `status` and, from X-Nexakey-Status, `admitted`.
///
/// Nothing if the request was not admitted: it was counted when it was denied. An error if the
/// datagram is anything else.
core::Result<std::optional<core::UpstreamResponse>> read_access_line(std::string_view datagram);

}  // namespace nexakey::server
