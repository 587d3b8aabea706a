#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "server/service.h"
#include "store/key_store.h"

namespace nexakey::server {

/// What a server takes from each connection and from all of them; beyond that it refuses.
struct Limits {
  std::size_t header_bytes = std::size_t{16} << 10U;
  std::size_t body_bytes = std::size_t{1} << 20U;
  std::size_t connections = 512;
  /// How long a connection may be idle, and a request take to come.
  std::chrono::seconds idle{60};
};

/// A place to listen at: `127.0.0.1:8080`, `[::1]:8080` or `unix:PATH`.
struct Endpoint {
  std::optional<core::IpAddress> address{};  ///< none: a Unix socket
  std::uint16_t port = 0;                    ///< 0: the system chooses one
  std::string path{};

  static core::Result<Endpoint> parse(const std::string& text);
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string to_string() const;
};

/// Serves HTTP/1.1 with keep-alive and pipelining, in one thread. All requests that are ready in
/// a turn of the loop go to the service as one batch.
class Server {
 public:
  Server(Service& service, const Limits& limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Listens, and returns where: with the port that the system chose. A Unix socket is made with
  /// mode 0660; one that nobody listens at any more is replaced.
  core::Result<Endpoint> listen(const Endpoint& endpoint);

  /// Serves until SIGTERM or SIGINT; then accepts nothing more, answers what has come, and returns.
  /// `flush` is called at the end of each turn: for a log that is written in pieces.
  void run(const std::function<void()>& flush);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace nexakey::server
