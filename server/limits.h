#pragma once

#include <chrono>
#include <cstddef>

namespace nexakey::server {

/// What a server accepts from each connection and from all of them, over all its loops, and the
/// threads that it has. It refuses the rest.
struct Limits {
  /// The head of a request: the request line and all headers. A gateway adds its headers to those
  /// of its client, which by default may have 4 x 8 KiB with nginx, 16 KiB with HAProxy and 60 KiB
  /// with Envoy.
  std::size_t header_bytes = std::size_t{64} << 10U;
  /// A body with a valid token. Without one, the limit is 16 KiB.
  std::size_t body_bytes = std::size_t{1} << 20U;
  std::size_t connections = 512;
  /// The buffers of all connections together.
  std::size_t buffer_bytes = std::size_t{64} << 20U;
  /// How long a connection may be idle between two requests.
  std::chrono::seconds idle{60};
  /// How long a head may take to arrive, and also the first byte, including the TLS handshake.
  std::chrono::seconds head{15};
  /// How long a request may take to arrive, from its first byte to its last.
  std::chrono::seconds request{60};
  /// The event loops, each on a thread of its own with its part of the connections.
  std::size_t loops = 1;
  /// The threads that make decisions, for all loops; 0: each loop makes those of its connections,
  /// which is best if the store never blocks.
  std::size_t deciders = 2;
  /// The threads for requests that can take long, and how many requests may wait for one of them.
  std::size_t workers = 4;
  std::size_t queue = 128;
  /// The threads for holders of keys who look at them, and for requests with an ID token, each with
  /// a queue of its own.
  std::size_t holders = 1;
  std::size_t identifiers = 4;
};

}  // namespace nexakey::server
