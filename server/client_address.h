#pragma once

#include <string_view>

#include "core/error.h"
#include "core/ip_range.h"

namespace nexakey::server {

/// Parses an element of X-Forwarded-For, or X-Real-IP. Some proxies write more than the address:
/// `203.0.113.7:51234`, `[2001:db8::7]:443`, `[2001:db8::7]` (the node of RFC 7239, 6) and the zone
/// of a link-local address, `fe80::1%eth0` (RFC 4007, 11). Brackets, port and zone are checked and
/// dropped. Anything else is an error: names, `unknown`, empty elements. An empty element is not
/// skipped, because the client may have written the one before it.
core::Result<core::IpAddress> parse_client_address(std::string_view text);

}  // namespace nexakey::server
