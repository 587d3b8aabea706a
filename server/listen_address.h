#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/ip_range.h"

namespace nexakey::server {

/// Where a server listens: `127.0.0.1:8080`, `[::1]:8080` or `unix:PATH`.
struct ListenAddress {
  std::optional<core::IpAddress> address{};  ///< empty for a Unix socket
  std::uint16_t port = 0;                    ///< 0: the system chooses one
  std::string path{};                        ///< of a Unix socket

  /// Error: `usage`, for any other form.
  static core::Result<ListenAddress> parse(const std::string& text);
  /// Whether only this machine can connect to it.
  [[nodiscard]] bool is_loopback() const;
  /// Whether two sockets cannot listen at both: the paths are the same, or the ports are the same
  /// and one address is the other or a wildcard (`0.0.0.0`, `[::]`). Port 0 overlaps with nothing.
  [[nodiscard]] bool overlaps(const ListenAddress& other) const;
  /// The form that `parse` reads.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace nexakey::server
