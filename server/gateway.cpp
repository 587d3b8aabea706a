#include "server/gateway.h"

#include <algorithm>
#include <array>

#include "core/endpoint.h"
#include "core/text.h"
#include "server/client_address.h"
#include "server/denial.h"

namespace nexakey::server {
namespace {

using core::Result;

/// The path of the route; the path that the gateway asks about follows it.
constexpr std::string_view kEnvoyPath = "/auth/envoy";

/// Headers whose value frameworks use in place of the method of the request.
constexpr std::array<std::string_view, 3> kOverrides{"X-HTTP-Method-Override", "X-HTTP-Method",
                                                     "X-Method-Override"};

/// The other headers that are read below. (Authorization has no separator, so no lookalike.)
constexpr std::array<std::string_view, 7> kRead{
    "X-Api-Key",         "X-Forwarded-For", "X-Forwarded-Method", "X-Forwarded-Uri",
    "X-Original-Method", "X-Original-URI",  "X-Real-IP"};

Result<std::string> read_header(const RequestHead& request, std::string_view name) {
  const auto value = request.only_value(name);
  return value ? Result<std::string>(std::string(*value))
               : core::reject("the gateway must send the header " + std::string(name) + " once");
}

/// The last hop that is not a trusted proxy. The client may have written everything before it.
/// Several headers are one list (RFC 9110, 5.3): some proxies add a header instead of an element.
Result<core::IpAddress> read_last_untrusted_hop(const RequestHead& request,
                                                const TrustedProxies& proxies) {
  std::vector<std::string_view> hops;
  for (const std::string_view value : request.values("X-Forwarded-For")) {
    const auto more = core::split(value, ',');
    hops.insert(hops.end(), more.begin(), more.end());
  }
  if (hops.empty()) {
    return core::reject("the gateway must send the header X-Forwarded-For");
  }
  for (;;) {
    auto address = parse_client_address(hops.back());
    hops.pop_back();
    if (!address || hops.empty() || !proxies.trusts({.address = *address})) {
      return address;
    }
  }
}

bool is_hyphenated(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return core::is_alphanumeric(c) || c == '-'; });
}

/// A header name as CGI, WSGI and PHP read it: they do not distinguish the characters that separate
/// letters and digits.
std::string fold(std::string_view name) {
  std::string folded(name);
  std::ranges::transform(folded, folded.begin(),
                         [](char c) { return core::is_alphanumeric(c) ? c : '-'; });
  return folded;
}

/// Whether an API may read this name as that of a header that nexakey reads or sends, although
/// nexakey and the gateway do not: X_Nexakey_Scopes, X.HTTP.Method.
bool is_lookalike(std::string_view name) {
  if (is_hyphenated(name)) {
    return false;
  }
  constexpr std::string_view kIdentity = "X-Nexakey-";
  const std::string folded = fold(name);
  const auto reads_as = [&](std::string_view header) { return is_same_name(folded, header); };
  return is_same_name(std::string_view(folded).substr(0, kIdentity.size()), kIdentity) ||
         std::ranges::any_of(kOverrides, reads_as) || std::ranges::any_of(kRead, reads_as);
}

/// The API must see the credential, method and address that nexakey has checked.
Result<void> refuse_lookalikes(const RequestHead& request) {
  for (const auto& [name, value] : request.headers) {
    if (is_lookalike(name)) {
      return core::reject("the client sent the header " + core::quote(name) +
                          ", which an API may read as " + core::quote(fold(name)));
    }
  }
  return {};
}

/// The method that overrides, in capitals as frameworks read it. Several are joined to one that no
/// scope allows.
std::string read_override(const RequestHead& request) {
  std::string method;
  for (const std::string_view header : kOverrides) {
    for (const std::string_view value : request.values(header)) {
      method += method.empty() || value.empty() ? "" : ",";
      std::ranges::transform(value, std::back_inserter(method), core::to_upper);
    }
  }
  return method;
}

void set_bearer(core::Request& request, const RequestHead& from) {
  const auto bearer = read_bearer(from);
  if (bearer) {
    core::set_credential(request, *bearer);
  } else {
    request.credential = core::Credential::malformed;
  }
}

struct Asked {
  Result<std::string> method;
  Result<std::string> path;
  Result<core::IpAddress> ip;
};

Asked read_asked(Gateway gateway, const RequestHead& request, const TrustedProxies& proxies) {
  switch (gateway) {
    case Gateway::nginx:
      return {read_header(request, "X-Original-Method"), read_header(request, "X-Original-URI"),
              read_header(request, "X-Real-IP").and_then(parse_client_address)};
    case Gateway::forward:
      return {read_header(request, "X-Forwarded-Method"), read_header(request, "X-Forwarded-Uri"),
              read_last_untrusted_hop(request, proxies)};
    case Gateway::envoy:
      break;
  }
  const std::string path = request.target.substr(kEnvoyPath.size());
  return {request.method, path.empty() ? "/" : path, read_last_untrusted_hop(request, proxies)};
}

}  // namespace

bool TrustedProxies::trusts(const Peer& peer) const {
  return peer.address ? !addresses.empty() && addresses.allows(peer.address) : unix_socket;
}

Result<core::Request> read_gateway_request(Gateway gateway, const RequestHead& request,
                                           const TrustedProxies& proxies) {
  if (!proxies.trusts(request.peer)) {
    return core::fail(core::ErrorCode::forbidden,
                      "the peer " + request.peer.to_string() + " is not a trusted proxy",
                      "name it with --trusted-proxy");
  }
  if (auto checked = refuse_lookalikes(request); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  Asked asked = read_asked(gateway, request, proxies);
  const auto method = asked.method.and_then(core::check_method);
  if (!method) {
    return tl::unexpected(method.error());
  }
  const auto path = asked.path.and_then(core::check_path);
  if (!path) {
    return tl::unexpected(path.error());
  }
  if (!asked.ip) {
    return tl::unexpected(std::move(asked.ip.error()));
  }
  core::Request wanted;
  wanted.method = *std::move(asked.method);
  wanted.path = *std::move(asked.path);
  wanted.ip = *asked.ip;
  wanted.override_method = read_override(request);
  set_bearer(wanted, request);
  return wanted;
}

HttpResponse answer_gateway(Gateway gateway, const core::Decision& decision) {
  const int status = core::status_of(decision.reason);
  HttpResponse response = deny_gateway(gateway, status);
  for (auto& [name, value] : decision.headers()) {
    response.headers.emplace_back(name, std::move(value));
  }
  // A client without an active key learns nothing about it; nothing is known about a damaged one.
  if (decision.key_id && status != 401 && status != 503) {
    response.headers.emplace_back("X-Nexakey-Key-Id", decision.key_id->to_string());
    response.headers.emplace_back("X-Nexakey-Workspace", decision.workspace);
    response.headers.emplace_back("X-Nexakey-Scopes", core::join(decision.scopes.names(), " "));
  }
  if (decision.client_ip) {
    response.headers.emplace_back("X-Nexakey-Client-Ip", decision.client_ip->to_string());
  }
  return response;
}

HttpResponse deny_gateway(Gateway gateway, int status) {
  const bool passes = gateway != Gateway::nginx || status == 200 || status == 401;
  HttpResponse response{.status = passes ? status : 403};
  response.headers.emplace_back("X-Nexakey-Status", std::to_string(status));
  response.headers.emplace_back("Cache-Control", "no-store");
  if (gateway != Gateway::nginx && status != 200) {
    response.headers.emplace_back("Content-Type", "application/problem+json");
    response.body = denial_body(status);
  }
  return response;
}

Result<std::string_view> read_bearer(const RequestHead& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto authorizations = request.values("Authorization");
  if (authorizations.size() > 1) {
    return core::reject("the request has more than one Authorization header");
  }
  auto keys = request.values("X-Api-Key");
  for (const std::string_view value : authorizations) {
    if (is_same_name(value.substr(0, kScheme.size()), kScheme)) {
      keys.push_back(trim(value.substr(kScheme.size())));
    }
  }
  std::erase(keys, "");
  if (keys.size() > 1) {
    return core::reject("the request has more than one key");
  }
  return keys.empty() ? std::string_view() : keys.front();
}

}  // namespace nexakey::server
