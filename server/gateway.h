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

/// The gateway of a path below /auth; for Envoy the original path follows it.
std::optional<Gateway> gateway_of(std::string_view path);

/// The request that a gateway asks about. A header that is missing, doubled or malformed is an
/// error, and with it a denial; so is everything from a peer that is not trusted.
core::Result<core::Request> read_gateway_request(Gateway gateway, const HttpRequest& request,
                                                 const TrustedProxies& proxies);

/// The answer to the gateway. Every 401 looks alike. nginx's auth_request passes only 401 and 403
/// on, so that for it the others become 403; X-Nexakey-Status says in any case what is meant.
HttpResponse answer_gateway(Gateway gateway, const core::Decision& decision);

/// The answer when there is no decision: the gateway must deny.
HttpResponse deny_gateway(Gateway gateway, int status);

/// The secret in `Authorization: Bearer …` (RFC 6750, 2.1) or in X-Api-Key; empty if there is none.
/// Both of them, or one of them twice, is an error.
core::Result<std::string_view> read_bearer(const HttpRequest& request);

}  // namespace nexakey::server
