#include "store/http/url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/ip_range.h"
#include "core/text.h"

namespace nexakey::store::http {
namespace {

using core::reject;
using core::Result;

constexpr const char* kForms = "use https://HOST[:PORT] or unix:PATH";
constexpr std::size_t kMaxHostLength = 253;        // RFC 1035, 2.3.4
constexpr std::size_t kMaxSocketPathLength = 107;  // unix(7)

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHostLength && host.front() != '-' &&
         std::ranges::all_of(host, [](char c) {
           return core::is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
         });
}

bool is_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port != 0 &&
         digits.front() != '0';
}

/// The host, without the brackets of an IPv6 address; empty if it is not a host.
std::string_view host_in(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    const std::string_view address = text.substr(1, text.size() - 2);
    const bool is_v6 = address.find(':') != std::string_view::npos;
    return is_v6 && core::IpAddress::parse(address) ? address : std::string_view();
  }
  return is_name(text) ? text : std::string_view();
}

Result<Url> parse_socket(const std::string& path) {
  if (path.empty() || path.size() > kMaxSocketPathLength || path.find('\0') != std::string::npos) {
    return reject("the path of a Unix socket must have 1 to 107 bytes", "write unix:PATH");
  }
  return Url{.text = "unix:" + path,
             .base = "http://localhost",
             .socket_path = path,
             .is_local = true,
             .is_encrypted = false};
}

}  // namespace

Result<Url> Url::parse(std::string_view scheme, const std::string& rest) {
  if (scheme == "unix") {
    return parse_socket(rest);
  }
  if (rest.find('@') != std::string::npos) {
    return reject("the URL of a store cannot have a user or a password",
                  "put the token into a file: see --token-file");
  }
  std::string_view authority = rest;
  if (!authority.starts_with("//")) {
    return reject("the URL of the store has no host", kForms);
  }
  authority.remove_prefix(2);
  if (authority.ends_with('/')) {
    authority.remove_suffix(1);
  }
  const bool has_port = !authority.ends_with(']') && authority.find(':') != std::string_view::npos;
  const std::size_t colon = has_port ? authority.rfind(':') : authority.size();
  const std::string_view host = host_in(authority.substr(0, colon));
  if (host.empty() || (has_port && !is_port(authority.substr(colon + 1)))) {
    return reject("the URL of the store must be a host and an optional port", kForms);
  }
  Url url{.text = std::string(scheme) + "://" + std::string(authority),
          .base = {},
          .socket_path = {},
          .is_local = core::is_loopback_host(host),
          .is_encrypted = scheme == "https"};
  url.base = url.text;
  if (!url.is_encrypted && !url.is_local) {
    return reject(url.text + " would send the token over the network unencrypted",
                  "use https, or a Unix socket or localhost on this machine");
  }
  return url;
}

}  // namespace nexakey::store::http
