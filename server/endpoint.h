#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/ip_range.h"

namespace nexakey::server {

/// A place to listen at: `127.0.0.1:8080`, `[::1]:8080` or `unix:PATH`.
struct Endpoint {
  std::optional<core::IpAddress> address{};  ///< none: a Unix socket
  std::uint16_t port = 0;                    ///< 0: the system chooses one
  std::string path{};

  static core::Result<Endpoint> parse(const std::string& text);
  [[nodiscard]] bool is_loopback() const;
  /// Whether a socket for one leaves no room for a socket for the other: the same path, or the same
  /// port of an address and of it or `0.0.0.0` (`[::]` for IPv6). Port 0 overlaps with nothing.
  [[nodiscard]] bool overlaps(const Endpoint& other) const;
  [[nodiscard]] std::string to_string() const;
};

}  // namespace nexakey::server
