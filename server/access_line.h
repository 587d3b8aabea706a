#pragma once

#include <optional>
#include <string_view>

#include "core/decision.h"
#include "core/error.h"

namespace nexakey::server {

/// Parses a line of a gateway's access log, in a datagram as nginx's `access_log syslog:` sends it:
/// a header (RFC 3164; the host may be missing) and a JSON object with `key_id`, `method`, `path`,
/// `status` and, from X-Nexakey-Status, `admitted`.
///
/// Returns nothing if the request was not admitted: it was counted when it was denied. Error:
/// `usage`, if the datagram is anything else.
core::Result<std::optional<core::UpstreamResponse>> read_access_line(std::string_view datagram);

}  // namespace nexakey::server
