#pragma once

#include <chrono>
#include <cstddef>

namespace nexakey::server {

/// What a server takes from each connection and from all of them; beyond that it refuses.
struct Limits {
  /// The head of a request: the request line and all headers. A gateway adds its own headers to
  /// those of its client, which may have 4 x 8 KiB with nginx, 16 KiB with HAProxy and 60 KiB with
  /// Envoy by default.
  std::size_t header_bytes = std::size_t{64} << 10U;
  /// A body, once its token is found; without a token it is at most 16 KiB.
  std::size_t body_bytes = std::size_t{1} << 20U;
  std::size_t connections = 512;
  /// The buffers of all connections together.
  std::size_t buffer_bytes = std::size_t{64} << 20U;
  /// How long a connection may be idle between two requests.
  std::chrono::seconds idle{60};
  /// How long a head may take to come; and the first byte, with the TLS handshake before it.
  std::chrono::seconds head{15};
  /// How long a request may take to come, from its first byte to its last.
  std::chrono::seconds request{60};
  /// The threads that make decisions; 0: the loop makes them itself, which is best if it never has
  /// to wait for the store.
  std::size_t deciders = 2;
  /// The threads for what can take long, and how many requests may wait for one of them.
  std::size_t workers = 4;
  std::size_t queue = 128;
};

}  // namespace nexakey::server
