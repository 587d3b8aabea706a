#include "server/listen_address.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/text.h"

namespace nexakey::server {
namespace {

/// Whether a socket that listens at `address` takes connections to `other`.
bool covers(const core::IpAddress& address, const core::IpAddress& other) {
  static const core::IpAddress any_v4 = core::IpAddress::parse("0.0.0.0").value();
  static const core::IpAddress any_v6 = core::IpAddress::parse("::").value();
  return address == other || address == (other.is_v4() ? any_v4 : any_v6);
}

}  // namespace

core::Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::size_t kMaxSocketPath = 107;
  if (text.starts_with(kUnix)) {
    ListenAddress listen{.path = text.substr(kUnix.size())};
    if (listen.path.empty() || listen.path.size() > kMaxSocketPath) {
      return core::reject("the path of a Unix socket must have 1 to 107 bytes");
    }
    return listen;
  }
  const std::size_t colon = text.rfind(':');
  const std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::string host = text.substr(0, std::min(colon, text.size()));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    host.clear();  // ambiguous: the last group of an IPv6 address looks like a port
  }
  ListenAddress listen{.address = core::IpAddress::parse(host)};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), listen.port);
  if (!listen.address || error != std::errc() || end != digits.data() + digits.size()) {
    return core::reject(core::quote(text) + " is not a listen address",
                        "use 127.0.0.1:8080, [::1]:8080 or unix:PATH");
  }
  return listen;
}

bool ListenAddress::is_loopback() const { return !address || address->is_loopback(); }

bool ListenAddress::overlaps(const ListenAddress& other) const {
  if (!address || !other.address) {
    return !address && !other.address &&
           std::filesystem::path(path).lexically_normal() ==
               std::filesystem::path(other.path).lexically_normal();
  }
  return port != 0 && port == other.port &&
         (covers(*address, *other.address) || covers(*other.address, *address));
}

std::string ListenAddress::to_string() const {
  if (!address) {
    return "unix:" + path;
  }
  const std::string host =
      address->is_v4() ? address->to_string() : "[" + address->to_string() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace nexakey::server
