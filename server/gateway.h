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

/// The proxies whose headers about a client are believed: those with these addresses, and with
/// `unix_socket` all peers on a Unix socket, which the mode of its file protects.
struct TrustedProxies {
  core::Whitelist addresses{};
  bool unix_socket = false;

  [[nodiscard]] bool trusts(const Peer& peer) const;
};

/// The protocol of a gateway. Each has its own path and headers; those of the others are ignored.
enum class Gateway {
  nginx,    ///< auth_request: X-Original-Method, X-Original-URI, X-Real-IP
  forward,  ///< forward_auth of Caddy and Traefik: X-Forwarded-Method, -Uri and -For
  envoy,    ///< ext_authz: method and path of the request itself, X-Forwarded-For
};

/// Reads the request that a gateway asks about. Errors, which all lead to a denial: `forbidden` for
/// a peer that is not trusted; `usage` for a header that is missing, repeated or malformed, and for
/// one that an API may take for an identity header, such as X_Nexakey_Scopes.
core::Result<core::Request> read_gateway_request(Gateway gateway, const RequestHead& request,
                                                 const TrustedProxies& proxies);

/// The response to the gateway: the headers of the decision, and the X-Nexakey-* headers with which
/// it tells the API who the client is. The gateway must remove headers with these names that the
/// client sent. All responses with 401 are alike. nginx's auth_request accepts only 401 and 403 as
/// denials, so nginx gets 403 for the others and the status in X-Nexakey-Status. It gets no body,
/// because it would drop it.
HttpResponse answer_gateway(Gateway gateway, const core::Decision& decision);

/// A denial without a decision.
HttpResponse deny_gateway(Gateway gateway, int status);

/// The key or token in `Authorization: Bearer …` (RFC 6750, 2.1) or in X-Api-Key; empty if there is
/// none. Empty values and credentials of other schemes (Basic, Digest…) are ignored. Error:
/// `usage`, for two keys or two Authorization headers (RFC 9110, 11.6.2 has one), because the API
/// might read the other one.
core::Result<std::string_view> read_bearer(const RequestHead& request);

}  // namespace nexakey::server
