#include "server/client_address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "core/text.h"
#include "server/http.h"

namespace nexakey::server {
namespace {

using core::IpAddress;

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_zone(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return core::is_alphanumeric(c) || std::string_view("-._~").find(c) != std::string_view::npos;
  });
}

/// fe80::/10 (RFC 4291, 2.5.6): the only addresses with which proxies write a zone.
bool is_link_local(const IpAddress& address) {
  return address.bytes()[0] == 0xFE && (address.bytes()[1] & 0xC0U) == 0x80U;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  const std::size_t percent = text.find('%');
  const auto address = IpAddress::parse(text.substr(0, percent));
  if (!address || text.find(':') == std::string_view::npos) {
    return std::nullopt;
  }
  const bool has_zone = percent != std::string_view::npos;
  return !has_zone || (is_link_local(*address) && is_zone(text.substr(percent + 1))) ? address
                                                                                     : std::nullopt;
}

std::optional<IpAddress> parse_node(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    const std::string_view rest = text.substr(std::min(bracket, text.size()));
    const bool is_closed = rest == "]" || (rest.starts_with("]:") && is_port(rest.substr(2)));
    return is_closed ? parse_v6(text.substr(1, bracket - 1)) : std::nullopt;
  }
  const std::size_t colon = text.find(':');
  if (colon != text.rfind(':')) {
    return parse_v6(text);
  }
  const bool has_port = colon != std::string_view::npos;
  return !has_port || is_port(text.substr(colon + 1)) ? IpAddress::parse(text.substr(0, colon))
                                                      : std::nullopt;
}

}  // namespace

core::Result<IpAddress> parse_client_address(std::string_view text) {
  const auto address = parse_node(trim(text));
  return address ? core::Result<IpAddress>(*address)
                 : core::reject(core::quote(text) + " is not the address of a client");
}

}  // namespace nexakey::server
