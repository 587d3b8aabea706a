#pragma once

#include <functional>
#include <memory>

#include "core/error.h"
#include "server/endpoint.h"
#include "server/limits.h"
#include "server/service.h"
#include "server/workers.h"

namespace nexakey::server {

/// Serves HTTP/1.1 with keep-alive and pipelining. One thread has all connections and makes the
/// decisions; what can take long goes to others, so that no decision waits for it.
class Server {
 public:
  /// `open_store` opens the store of the service for one more thread.
  Server(Service& service, OpenStore open_store, const Limits& limits);
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
