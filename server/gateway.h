#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.h"
#include "core/error.h"
#include "core/ip_range.h"
#include "server/http.h"

namespace nexakey::server {

/// The proxies whose word about a client counts: addresses, and all that comes by a Unix socket if
/// `unix_socket`, which the file's mode guards.
struct TrustedProxies {
  core::Whitelist addresses{};
  bool unix_socket = false;

  [[nodiscard]] bool trusts(const Peer& peer) const;
};

/// A gateway asks by one path and with headers of its own; those of the others are not looked at.
enum class Gateway {
  nginx,    ///< auth_request: X-Original-Method, X-Original-URI, X-Real-IP
  forward,  ///< forward_auth of Caddy and Traefik: X-Forwarded-Method, -Uri and -For
  envoy,    ///< ext_authz: method and path of the request itself, X-Forwarded-For
};

/// The request that a gateway asks about. A header that is missing, doubled or malformed is an
/// error, and with it a denial; so is everything from a peer that is not trusted, and a header that
/// an API may take for an identity header, such as X_Nexakey_Scopes.
core::Result<core::Request> read_gateway_request(Gateway gateway, const RequestHead& request,
                                                 const TrustedProxies& proxies);

/// The response to the gateway: the headers of the decision, and the X-Nexakey-* headers by which
/// it tells an API who the client is. A gateway has to remove what the client itself sent under
/// these names. All 401s are alike. auth_request of nginx takes only 401 and 403 for a denial:
/// nginx gets 403 for the others, the status in X-Nexakey-Status, and no body, which it would drop.
HttpResponse answer_gateway(Gateway gateway, const core::Decision& decision);

/// The response without a decision: the gateway must deny.
HttpResponse deny_gateway(Gateway gateway, int status);

/// The key or token in `Authorization: Bearer …` (RFC 6750, 2.1) or in X-Api-Key; empty if there is
/// none. Credentials of other schemes (Basic, Digest…) are not keys and are passed over; so are
/// empty values. Two keys are an error. So are two Authorization headers, which RFC 9110 (11.6.2)
/// does not have: the API might read the other one.
core::Result<std::string_view> read_bearer(const RequestHead& request);

}  // namespace nexakey::server
