#include "server/gateway.h"

#include <algorithm>
#include <array>

#include "core/endpoint.h"
#include "core/text.h"

namespace nexakey::server {
namespace {

using core::Result;

constexpr std::string_view kNginxPath = "/auth/nginx";
constexpr std::string_view kForwardPath = "/auth/forward";
constexpr std::string_view kEnvoyPath = "/auth/envoy";

/// Headers by which frameworks take another method than that of the request.
constexpr std::array<std::string_view, 3> kOverrides{"X-HTTP-Method-Override", "X-HTTP-Method",
                                                     "X-Method-Override"};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Result<std::string> read_header(const HttpRequest& request, std::string_view name) {
  const auto value = request.only_value(name);
  return value ? Result<std::string>(std::string(*value))
               : core::reject("the gateway has to send the header " + std::string(name) + " once");
}

Result<core::IpAddress> parse_address(std::string_view text) {
  const auto address = core::IpAddress::parse(trim(text));
  return address ? Result<core::IpAddress>(*address)
                 : core::reject(core::quote(text) + " is no address of a client");
}

/// The last hop that is no proxy of ours: what stands to the left of it anybody may have written.
Result<core::IpAddress> read_last_untrusted_hop(const HttpRequest& request,
                                                const TrustedProxies& proxies) {
  return read_header(request, "X-Forwarded-For")
      .and_then([&](const std::string& value) -> Result<core::IpAddress> {
        auto hops = core::split(value, ',');
        for (;;) {
          auto address = parse_address(hops.back());
          hops.pop_back();
          if (!address || hops.empty() || !proxies.trusts({.address = *address})) {
            return address;
          }
        }
      });
}

/// The other method, in capitals as a framework takes it; several of them are one that no scope
/// allows.
std::string read_override(const HttpRequest& request) {
  std::string method;
  for (const std::string_view header : kOverrides) {
    for (const std::string_view value : request.values(header)) {
      method += method.empty() || value.empty() ? "" : ",";
      std::ranges::transform(value, std::back_inserter(method), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      });
    }
  }
  return method;
}

void set_bearer(core::Request& request, const HttpRequest& from) {
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

Asked read_asked(Gateway gateway, const HttpRequest& request, const TrustedProxies& proxies) {
  switch (gateway) {
    case Gateway::nginx:
      return {read_header(request, "X-Original-Method"), read_header(request, "X-Original-URI"),
              read_header(request, "X-Real-IP").and_then(parse_address)};
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

std::optional<Gateway> gateway_of(std::string_view path) {
  if (path == kNginxPath) {
    return Gateway::nginx;
  }
  if (path == kForwardPath) {
    return Gateway::forward;
  }
  return path == kEnvoyPath || path.starts_with(std::string(kEnvoyPath) + "/")
             ? std::optional(Gateway::envoy)
             : std::nullopt;
}

Result<core::Request> read_gateway_request(Gateway gateway, const HttpRequest& request,
                                           const TrustedProxies& proxies) {
  if (!proxies.trusts(request.peer)) {
    return core::fail(core::ErrorCode::forbidden,
                      "the peer " + request.peer.to_string() + " is no trusted proxy",
                      "name it with --trusted-proxy");
  }
  Asked asked = read_asked(gateway, request, proxies);
  core::Request wanted;
  return std::move(asked.method)
      .and_then([&](std::string method) {
        wanted.method = std::move(method);
        return core::check_method(wanted.method);
      })
      .and_then([&] { return std::move(asked.path); })
      .and_then([&](std::string path) {
        wanted.path = std::move(path);
        return core::check_path(wanted.path);
      })
      .and_then([&] { return asked.ip; })
      .map([&](const core::IpAddress& ip) {
        wanted.ip = ip;
        wanted.override_method = read_override(request);
        set_bearer(wanted, request);
        return std::move(wanted);
      });
}

HttpResponse answer_gateway(Gateway gateway, const core::Decision& decision) {
  const int status = core::status_of(decision.reason);
  HttpResponse response = deny_gateway(gateway, status);
  for (auto& [name, value] : decision.headers()) {
    response.headers.emplace_back(name, std::move(value));
  }
  // Whoever has no live key learns nothing of it.
  if (decision.key_id && status != 401) {
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
  return response;
}

Result<std::string_view> read_bearer(const HttpRequest& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto authorizations = request.values("Authorization");
  const auto keys = request.values("X-Api-Key");
  if (authorizations.size() + keys.size() > 1) {
    return core::reject("the request has more than one key");
  }
  if (!keys.empty()) {
    return keys.front();
  }
  if (authorizations.empty() ||
      !is_same_name(authorizations.front().substr(0, kScheme.size()), kScheme)) {
    return std::string_view();
  }
  return trim(authorizations.front().substr(kScheme.size()));
}

}  // namespace nexakey::server
